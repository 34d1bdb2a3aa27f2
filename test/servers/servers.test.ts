/** The servers that the other tests stand on: they start, come back after kill -9, and leave nothing behind. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from './_ask.ts'
import { freePort, newFolder, until } from './_process.ts'
import { ownMariadb, startMariadb } from './mariadb.ts'
import { memcached, startMemcached } from './memcached.ts'
import { ownPostgres, startPostgres } from './postgres.ts'
import { DURABLE, ownRedis, startRedis } from './redis.ts'
import { pathOf, serverSuite } from './suite.ts'

const run = promisify(execFile)

async function stopped<S extends { stop(): Promise<void> }>(starting: Promise<S>): Promise<S> {
  const server = await starting
  onTestFinished(() => server.stop())
  return server
}

serverSuite('a Redis of our own', ownRedis, () => {
  it('keeps what it acknowledged through kill -9, and leaves nothing behind', async () => {
    const server = await stopped(startRedis(DURABLE))
    expect(await server.ask('set key kept')).toContain('+OK')
    await server.process.restart()
    expect(await server.ask('get key')).toContain('kept')
    const folder = /dir\r\n\$\d+\r\n(.*?)\r\n/.exec(await server.ask('config get dir'))?.[1]
    expect(folder).toMatch(/sojourn-server/)
    await server.stop()
    expect(await server.ask('ping')).toBe('')
    expect(existsSync(folder!)).toBe(false)
  })

  it('answers nothing while it is frozen', async () => {
    const server = await stopped(startRedis())
    server.process.freeze()
    const answer = server.ask('ping')
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 100, 'nothing'))])
    expect(first).toBe('nothing')
    server.process.thaw()
    expect(await answer).toContain('PONG')
  })

  it('says why it did not start', async () => {
    await expect(startRedis(['--no-such-setting', '1'])).rejects.toMatchObject({
      message: expect.stringContaining('no-such-setting'),
    })
  })
})

serverSuite('a PostgreSQL of our own', ownPostgres, () => {
  it('keeps its rows through kill -9', async () => {
    const server = await stopped(startPostgres(['max_connections=8']))
    const psql = join(dirname(pathOf(ownPostgres)), 'psql')
    const query = async (sql: string): Promise<string> => (await run(psql, [server.url, '-qAtc', sql])).stdout.trim()
    await query('CREATE TABLE t (i int); INSERT INTO t VALUES (1)')
    await server.process.restart()
    expect(await query('SELECT count(*) FROM t')).toBe('1')
    expect(await query('SHOW max_connections')).toBe('8')
  })
})

serverSuite('a MariaDB of our own', ownMariadb, () => {
  it('keeps its rows through kill -9, and has a user over TCP', async () => {
    const server = await stopped(startMariadb())
    const { host, port, user, password, database } = server
    const login = ['--no-defaults', '-N', '-h', host, '-P', String(port), '-u', user, `-p${password}`, database]
    const query = async (sql: string): Promise<string> => (await run('mariadb', [...login, '-e', sql])).stdout.trim()
    await query('CREATE TABLE t (i int); INSERT INTO t VALUES (1)')
    await server.process.restart()
    expect(await query('SELECT count(*) FROM t')).toBe('1')
  })
})

serverSuite('a memcached of our own', memcached, () => {
  it('comes back empty after kill -9, beside another', async () => {
    const [server, other] = [await stopped(startMemcached()), await stopped(startMemcached())]
    for (const { port } of [server, other]) expect(await ask(port, 'set k 0 0 1\r\n1')).toContain('STORED')
    await server.process.restart()
    expect(await ask(server.port, 'get k')).toBe('END\r\n')
    expect(await ask(other.port, 'get k')).toContain('VALUE k 0 1')
  })
})

describe('a server whose test is killed', () => {
  it('is killed as well, and its folder goes with the next server', async () => {
    const folder = fileURLToPath(new URL('.', import.meta.url))
    const port = await freePort()
    const listening = `require('node:net').createServer((socket) => socket.end('here')).listen(${port}, '127.0.0.1')`
    const { outputFiles } = await build({
      stdin: {
        resolveDir: folder,
        loader: 'ts',
        contents: `
        import { newFolder, ServerProcess } from './_process.ts'
        const folder = newFolder('killed')
        const args = ['-e', ${JSON.stringify(listening)}]
        await new ServerProcess({ name: 'killed', command: process.execPath, args, folder, ready: async () => true }).start()
        console.log(folder)
        setInterval(() => {}, 1000)`,
      },
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
    })
    const test = spawn(process.execPath, ['--input-type=module', '-e', outputFiles[0]!.text])
    onTestFinished(() => void test.kill('SIGKILL'))
    const [printed] = (await once(test.stdout, 'data')) as [Buffer]
    await until('the server is there', async () => (await ask(port, '')) === 'here')
    test.kill('SIGKILL')
    await once(test, 'exit')
    await until('the server is gone', async () => (await ask(port, '')) === '')
    rmSync(newFolder('next'), { recursive: true })
    expect(existsSync(printed.toString().trim())).toBe(false)
  })
})

describe('a server that is missing', () => {
  /** Runs the suite of Redis above on a machine that has no programs, and gives what is printed and how it ends. */
  async function elsewhere(env: Record<string, string>): Promise<{ printed: string; code: number }> {
    const { PATH: _, CI: __, REDIS_URL: ___, ...rest } = process.env
    const args = ['node_modules/vitest/vitest.mjs', 'run', import.meta.filename, '-t', 'a Redis of our own']
    return new Promise((resolve) => {
      execFile(process.execPath, args, { env: { ...rest, ...env } }, (error, stdout, stderr) =>
        resolve({ printed: stdout + stderr, code: Number(error?.code ?? 0) }),
      )
    })
  }

  it('leaves its suites out at home, in one line that says what to install, and fails in CI', async () => {
    const [home, ci] = await Promise.all([elsewhere({}), elsewhere({ CI: 'true' })])
    expect(home.printed.match(/^Left out, for want of redis-server.*$/gm)).toEqual([
      'Left out, for want of redis-server (apt-get install redis-server): a Redis of our own',
    ])
    expect(home.code).toBe(0)
    expect(ci.printed).toContain('redis-server is missing; apt-get install redis-server')
    expect(ci.code).toBe(1)
  })
})
