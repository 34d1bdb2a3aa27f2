/** PostgreSQL for the tests: a server of our own with nothing in it, or the one that POSTGRES_URL names. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { freePort, newFolder, ServerProcess, userNamed } from './_process.ts'
import { type Needed, pathOf } from './suite.ts'

/** Debian keeps each version's programs in a folder of its own; the newest first. PGBIN names another. */
const folders = [
  ...(process.env['PGBIN'] === undefined ? [] : [process.env['PGBIN']]),
  ...['18', '17', '16', '15', '14'].map((version) => `/usr/lib/postgresql/${version}/bin`),
]

/** For suites that kill it or use up its connections. */
export const ownPostgres: Needed = { program: 'postgres', debian: 'postgresql', folders }

/** For suites that any PostgreSQL will do for. */
export const postgres: Needed = { ...ownPostgres, url: 'POSTGRES_URL' }

/** A PostgreSQL of our own. */
export interface PostgresServer {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly process: ServerProcess
  stop(): Promise<void>
}

/** Gives the server that POSTGRES_URL names, or starts one, with these settings. */
export async function openPostgres(settings: readonly string[] = []): Promise<Pick<PostgresServer, 'url' | 'stop'>> {
  const url = process.env['POSTGRES_URL']
  return url === undefined ? startPostgres(settings) : { url, stop: async () => {} }
}

/** Starts a PostgreSQL; `settings` as on its command line without the `-c`: `max_connections=8`. */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  // It refuses to run as root.
  const user = userNamed('postgres')
  const folder = newFolder('postgres', user)
  const port = await freePort()
  const data = join(folder, 'data')
  const program = pathOf(ownPostgres)
  const beside = (name: string): string => join(program, '..', name)
  const initial = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']
  execFileSync(beside('initdb'), initial, { ...user, cwd: folder, stdio: 'pipe' })
  const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder]
  const server = new ServerProcess({
    name: 'postgres',
    command: program,
    args: [...args, ...settings.flatMap((setting) => ['-c', setting])],
    folder,
    user,
    ready: async () => answers(beside('pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)]),
  })
  await server.start()
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    host: '127.0.0.1',
    port,
    process: server,
    stop: () => server.stop(),
  }
}

function answers(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false // Not yet.
  }
}
