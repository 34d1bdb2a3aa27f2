import { LOAD_CORE, startProgram, stop } from '../_processes.js'
import { freePort, listening, userNamed } from './_start.js'

export const redis = {
  program: 'redis-server',
  async start() {
    const port = await freePort()
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    const child = startProgram(LOAD_CORE, 'redis-server', settings)
    await listening(port)
    return { env: { BENCH_REDIS_URL: `redis://127.0.0.1:${port}` }, stop: () => stop(child) }
  },
}

export const memcached = {
  program: 'memcached',
  async start() {
    const port = await freePort()
    // Room for a million sessions: what it evicts would be missing.
    const args = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-m', '2048', '-t', '1']
    // It refuses to run as root.
    const child = startProgram(LOAD_CORE, 'memcached', args, userNamed('nobody'))
    await listening(port)
    return { env: { BENCH_MEMCACHED: `127.0.0.1:${port}` }, stop: () => stop(child) }
  },
}
