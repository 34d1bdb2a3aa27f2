/** MariaDB for the tests: a server of our own with an empty database and a user, or the one that MYSQL_URL names. */
import { execFile, execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, newFolder, ServerProcess, userNamed } from './_process.ts'
import { type Needed, pathOf } from './suite.ts'

/** For suites that kill it. */
export const ownMariadb: Needed = { program: 'mariadbd', debian: 'mariadb-server', folders: ['/usr/sbin'] }

/** For suites that any MariaDB or MySQL will do for. */
export const mariadb: Needed = { ...ownMariadb, url: 'MYSQL_URL' }

/** A MariaDB of our own. */
export interface MariadbServer {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  readonly process: ServerProcess
  /** Runs a statement as root, and gives what the client prints. */
  asRoot(sql: string): Promise<string>
  stop(): Promise<void>
}

/** Gives the server that MYSQL_URL names, or starts one, with these settings. */
export async function openMariadb(settings: readonly string[] = []): Promise<Pick<MariadbServer, 'url' | 'stop'>> {
  const url = process.env['MYSQL_URL']
  return url === undefined ? startMariadb(settings) : { url, stop: async () => {} }
}

/** Starts a MariaDB; `settings` as on its command line: `--max-connections=8`. */
export async function startMariadb(settings: readonly string[] = []): Promise<MariadbServer> {
  const user = userNamed('mysql')
  const folder = newFolder('mariadb', user)
  const port = await freePort()
  const data = `--datadir=${join(folder, 'data')}`
  const socket = `--socket=${join(folder, 's.sock')}`
  const initial = ['--no-defaults', data, '--auth-root-authentication-method=normal', '--skip-test-db']
  execFileSync(pathOf({ ...ownMariadb, program: 'mariadb-install-db' }), initial, {
    ...user,
    cwd: folder,
    stdio: 'pipe',
  })
  const asRoot = async (sql: string): Promise<string> =>
    (await run('mariadb', ['--no-defaults', '-N', socket, '-u', 'root', '-e', sql])).stdout
  const server = new ServerProcess({
    name: 'mariadbd',
    command: pathOf(ownMariadb),
    args: [
      '--no-defaults',
      data,
      socket,
      `--pid-file=${join(folder, 'pid')}`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      '--innodb-buffer-pool-size=64M',
      '--skip-name-resolve',
      ...settings,
    ],
    folder,
    user,
    ready: async () =>
      asRoot('SELECT 1').then(
        () => true,
        () => false,
      ),
  })
  await server.start()
  const account = { user: 'sojourn', password: 'sojourn', database: 'sojourn' }
  const whom = `'${account.user}'@'127.0.0.1'`
  await asRoot(
    `CREATE DATABASE ${account.database}; CREATE USER ${whom} IDENTIFIED BY '${account.password}'; GRANT ALL ON ${account.database}.* TO ${whom}`,
  )
  return {
    url: `mysql://${account.user}:${account.password}@127.0.0.1:${port}/${account.database}`,
    host: '127.0.0.1',
    port,
    ...account,
    process: server,
    asRoot,
    stop: () => server.stop(),
  }
}

const run = promisify(execFile)
