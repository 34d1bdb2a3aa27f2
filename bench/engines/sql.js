import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LOAD_CORE, startProgram, stop } from '../_processes.js'
import { freePort, listening, newFolder, removeFolder, userNamed } from './_start.js'

const MARIADB = {
  // Debian keeps it among the programs for root, which are on no other's PATH.
  server: existsSync('/usr/sbin/mariadbd') ? '/usr/sbin/mariadbd' : 'mariadbd',
  installer: 'mariadb-install-db',
}

export const postgres = {
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
        removeFolder(folder)
      },
    }
  },
}

export const mysql = {
  program: MARIADB.server,
  async start() {
    const port = await freePort()
    const folder = newFolder('mysql')
    const user = userNamed('mysql')
    if (user) chownSync(folder, user.uid, user.gid)
    const data = `--datadir=${join(folder, 'data')}`
    const initial = ['--no-defaults', data, '--auth-root-authentication-method=normal', '--skip-test-db']
    execFileSync(MARIADB.installer, initial, { ...user, cwd: folder, stdio: 'pipe' })
    // Whoever may come to this port may do all: nothing else is in it.
    const whom = "'bench'@'127.0.0.1'"
    const first = join(folder, 'first.sql')
    writeFileSync(first, `CREATE DATABASE bench;\nCREATE USER ${whom};\nGRANT ALL ON bench.* TO ${whom};\n`)
    const settings = ['--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=1G', '--skip-name-resolve']
    const places = [
      data,
      `--init-file=${first}`,
      `--socket=${join(folder, 's.sock')}`,
      `--pid-file=${join(folder, 'pid')}`,
    ]
    const args = ['--no-defaults', ...places, '--bind-address=127.0.0.1', `--port=${port}`, ...settings]
    const child = startProgram(LOAD_CORE, MARIADB.server, args, { ...user, cwd: folder })
    await listening(port)
    return {
      env: { BENCH_MYSQL_URL: `mysql://bench@127.0.0.1:${port}/bench` },
      async stop() {
        await stop(child)
        removeFolder(folder)
      },
    }
  },
}

export const sqlite = {
  async start() {
    const folder = newFolder('sqlite')
    return { env: { BENCH_SQLITE_FOLDER: folder }, stop: async () => removeFolder(folder) }
  },
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
