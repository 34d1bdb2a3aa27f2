/** pgbouncer for the tests, before a PostgreSQL: each transaction goes over whichever of its few connections is free. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, newFolder, ServerProcess, userNamed } from './_process.ts'
import { ownPostgres } from './postgres.ts'
import { type Needed, pathOf } from './suite.ts'

export const pgbouncer: Needed = { program: 'pgbouncer', debian: 'pgbouncer', folders: ['/usr/sbin'] }

/** Starts a pgbouncer for the database of that URL, with so many connections to it. */
export async function startPgbouncer(to: string, connections: number): Promise<{ url: string; stop(): Promise<void> }> {
  const { hostname, port: serverPort, username, pathname } = new URL(to)
  // It refuses to run as root.
  const user = userNamed('postgres')
  const folder = newFolder('pgbouncer', user)
  const port = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  const lines = [
    '[databases]',
    `${pathname.slice(1)} = host=${hostname} port=${serverPort} user=${username}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    `default_pool_size = ${connections}`,
  ]
  writeFileSync(file, lines.join('\n'))
  const isReady = join(pathOf(ownPostgres), '..', 'pg_isready')
  const server = new ServerProcess({
    name: 'pgbouncer',
    command: pathOf(pgbouncer),
    args: [file],
    folder,
    user,
    ready: async () => {
      try {
        execFileSync(isReady, ['-q', '-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
        return true
      } catch {
        return false // Not yet.
      }
    },
  })
  await server.start()
  return { url: `postgres://${username}@127.0.0.1:${port}${pathname}`, stop: () => server.stop() }
}
