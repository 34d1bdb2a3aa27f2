/**
 * The database servers that some stores need: each starts one of its own, on the load's core, and keeps nothing.
 *
 * @module
 */
import { once } from 'node:events'
import { createServer, connect } from 'node:net'
import { LOAD_CORE, startProgram, stop } from '../_processes.js'

/** By store: the program, its arguments on a port, and the variable that tells a contender where it is. */
const ENGINES = {
  redis: {
    program: 'redis-server',
    args: (port) => ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    variable: 'BENCH_REDIS_URL',
    url: (port) => `redis://127.0.0.1:${port}`,
  },
}

/** The programs that a store needs. */
export function programsFor(store) {
  return ENGINES[store] ? [ENGINES[store].program] : []
}

/** Starts what the stores need; gives the variables for the contenders, and `stop()`. */
export async function startEngines(stores) {
  const children = []
  const env = {}
  for (const { program, args, variable, url } of stores.map((store) => ENGINES[store]).filter(Boolean)) {
    const port = await freePort()
    children.push(startProgram(LOAD_CORE, program, args(port)))
    await listening(port)
    env[variable] = url(port)
  }
  return { env, stop: () => Promise.all(children.map((child) => stop(child))) }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function listening(port, tries = 100) {
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
