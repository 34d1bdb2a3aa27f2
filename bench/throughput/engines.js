/**
 * What some stores need: a database server of the run's own, on the load's core, or a folder. Nothing of it stays.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LOAD_CORE, startProgram, stop } from '../_processes.js'

/** By store: the program, if it needs one, and `start()`, which gives the variables that tell a contender where it is. */
const ENGINES = {
  redis: {
    program: 'redis-server',
    async start() {
      const port = await freePort()
      const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
      const child = startProgram(LOAD_CORE, 'redis-server', settings)
      await listening(port)
      return { env: { BENCH_REDIS_URL: `redis://127.0.0.1:${port}` }, stop: () => stop(child) }
    },
  },

  postgres: {
    program: postgresProgram('postgres'),
    async start() {
      const port = await freePort()
      const folder = newFolder('postgres')
      // It refuses to run as root.
      const user = userNamed('postgres')
      if (user) chownSync(folder, user.uid, user.gid)
      const data = join(folder, 'data')
      const initial = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync']
      execFileSync(postgresProgram('initdb'), initial, { ...user, cwd: folder, stdio: 'pipe' })
      const settings = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'max_connections=200']
      const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, ...settings]
      const child = startProgram(LOAD_CORE, postgresProgram('postgres'), args, { ...user, cwd: folder })
      await listening(port)
      return {
        env: { BENCH_POSTGRES_URL: `postgres://postgres@127.0.0.1:${port}/postgres` },
        async stop() {
          await stop(child)
          rmSync(folder, { recursive: true })
        },
      }
    },
  },

  memcached: {
    program: 'memcached',
    async start() {
      const port = await freePort()
      // It refuses to run as root.
      const args = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-m', '256', '-t', '1']
      const child = startProgram(LOAD_CORE, 'memcached', args, userNamed('nobody'))
      await listening(port)
      return { env: { BENCH_MEMCACHED: `127.0.0.1:${port}` }, stop: () => stop(child) }
    },
  },

  sqlite: {
    async start() {
      const folder = newFolder('sqlite')
      return { env: { BENCH_SQLITE_FOLDER: folder }, stop: async () => rmSync(folder, { recursive: true }) }
    },
  },
}

/** The programs that a store needs. */
export function programsFor(store) {
  return ENGINES[store]?.program ? [ENGINES[store].program] : []
}

/** Starts what the stores need; gives the variables for the contenders, and `stop()`. */
export async function startEngines(stores) {
  const engines = []
  for (const store of stores) if (ENGINES[store]) engines.push(await ENGINES[store].start())
  return {
    env: Object.assign({}, ...engines.map(({ env }) => env)),
    stop: () => Promise.all(engines.map((engine) => engine.stop())),
  }
}

/** Debian keeps PostgreSQL's programs beside the PATH, by version. */
function postgresProgram(name) {
  const home = '/usr/lib/postgresql'
  try {
    const [latest] = readdirSync(home).sort((a, b) => Number(b) - Number(a))
    return join(home, latest, 'bin', name)
  } catch {
    return name // Not Debian's: on the PATH, or nowhere.
  }
}

function userNamed(name) {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

function newFolder(name) {
  return mkdtempSync(join(tmpdir(), `sojourn-bench-${name}-`))
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function listening(port, tries = 200) {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
  } catch (error) {
    if (tries === 0) throw error
    await new Promise((resolve) => setTimeout(resolve, 50))
    return listening(port, tries - 1)
  } finally {
    socket.destroy()
  }
}
