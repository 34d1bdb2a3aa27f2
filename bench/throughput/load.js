/**
 * The load: `wrk` where it is installed, else a client of our own. Both tell how many answers came, and how many were
 * not 200.
 *
 * @module
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask, isInstalled, LOAD_CORE, run, startNode, stop } from '../_processes.js'
import { requestText } from '../_http-client.js'
import { CONNECTIONS } from './scenarios.js'

const WRK_SCRIPT = join(import.meta.dirname, 'wrk.lua')
const OWN_SCRIPT = join(import.meta.dirname, 'load-worker.js')

/** Gives the tool to use: the one asked for, or the best that there is. wrk counts in whole seconds. */
export function loadTool(asked, seconds) {
  return asked ?? (Number.isInteger(seconds) && isInstalled('wrk') ? 'wrk' : 'node')
}

/**
 * Asks a server for `seconds`, over {@link CONNECTIONS} connections.
 *
 * @returns `{ answers, bad, perSecond }`
 */
export function load(tool, { port, scenario, cookies, seconds }) {
  return tool === 'wrk' ? wrk(port, scenario, cookies, seconds) : ownClient(port, scenario, cookies, seconds)
}

async function wrk(port, { method = 'GET', path, cookies: kind }, cookies, seconds) {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-bench-'))
  try {
    const list = join(folder, 'cookies')
    await writeFile(list, cookies.join('\n'))
    // With one thread for each connection, a script's thread is a connection, and can have a session of its own.
    const threads = kind === 'one-each' ? CONNECTIONS : 1
    const options = [`-t${threads}`, `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', WRK_SCRIPT]
    const url = `http://127.0.0.1:${port}${path}`
    const output = await run(LOAD_CORE, 'wrk', [...options, url, '--', method, list, String(kind)])
    const { requests, micros, bad } = JSON.parse(/^RESULT (.*)$/m.exec(output)[1])
    return { answers: requests, bad, perSecond: (requests * 1e6) / micros }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function ownClient(port, scenario, cookies, seconds) {
  const child = startNode(LOAD_CORE, OWN_SCRIPT)
  const kinds = cookies.length > 0 ? cookies : [undefined]
  const texts = kinds.map((cookie) => requestText({ ...scenario, cookie }))
  try {
    return await ask(child, {
      port,
      texts,
      seconds,
      connections: CONNECTIONS,
      oneEach: scenario.cookies === 'one-each',
    })
  } finally {
    await stop(child)
  }
}
