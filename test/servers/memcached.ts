/** memcached for the tests: servers of our own. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { ask } from './_ask.ts'
import { freePort, newFolder, ServerProcess, userNamed } from './_process.ts'
import { type Needed, pathOf } from './suite.ts'

export const memcached: Needed = { program: 'memcached', debian: 'memcached' }

/** A memcached of our own. */
export interface MemcachedServer {
  readonly host: string
  readonly port: number
  readonly process: ServerProcess
  stop(): Promise<void>
}

/** Starts a memcached; `settings` as on its command line. */
export async function startMemcached(settings: readonly string[] = []): Promise<MemcachedServer> {
  const port = await freePort()
  // It refuses to run as root. Becoming somebody else by itself, with -u, it would outlive a test that is killed.
  const user = userNamed('nobody')
  const server = new ServerProcess({
    name: 'memcached',
    command: pathOf(memcached),
    args: ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-m', '64', '-t', '2', ...settings],
    folder: newFolder('memcached', user),
    user,
    // With a password it answers in its own way, and with TLS not in words.
    ready: async () => (settings.includes('-Z') ? accepts(port) : (await ask(port, 'version')) !== ''),
  })
  await server.start()
  return { host: '127.0.0.1', port, process: server, stop: () => server.stop() }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return once(socket, 'connect')
    .then(
      () => true,
      () => false, // Not yet.
    )
    .finally(() => socket.destroy())
}
