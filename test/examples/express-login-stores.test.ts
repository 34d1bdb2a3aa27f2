/** The login application on stores other than its own file: each by an environment variable, each for real. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDynalite } from '../servers/dynalite.ts'
import { mariadb, openMariadb } from '../servers/mariadb.ts'
import { memcached, startMemcached } from '../servers/memcached.ts'
import { openPostgres, postgres } from '../servers/postgres.ts'
import { openRedis, redis } from '../servers/redis.ts'
import { type Needed, serverSuite } from '../servers/suite.ts'
import { startMongoStandIn } from '../servers/mongo-stand-in.ts'
import { Browser } from './browser.ts'
import { startLogin } from './login-process.ts'

/** Signs in, is counted, survives the end of the application, and signs out for good. */
async function useIt(env: NodeJS.ProcessEnv, storeName: string, end: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-login-'))
  let login = await startLogin(folder, env)
  try {
    expect(login.greeting).toContain(storeName)
    const browser = new Browser(login.origin)
    const wrong = await browser.submit('/session/new', '/session', { name: 'ada', password: 'wrong' })
    expect(wrong.headers.get('location')).toMatch(/^\/session\/new/)
    await signIn(browser)
    expect(await (await browser.get('/sessions')).text()).toMatch(/this browser|cannot list/)
    await browser.get('/visits')
    expect(await (await browser.get('/visits')).text()).toMatch(/<output[^>]*>2<|role="status"[^>]*>2</)

    await login.stop(end)
    login = await startLogin(folder, env)
    const after = browser.at(login.origin)
    expect(await (await after.get('/users')).text()).toContain('ada')
    const copy = new Browser(login.origin, {}, after.cookies)
    await after.submit('/users', '/logout')
    expect((await copy.get('/users')).headers.get('location')).toMatch(/^\/session\/new/)
  } finally {
    await login.stop('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  }
}

async function signIn(browser: Browser): Promise<void> {
  const right = await browser.submit('/session/new', '/session', { name: 'ada', password: 'enchantress-of-number' })
  expect(right.headers.get('location')).toBe('/users')
}

/** Gives what lies in the SQLite file of sessions once somebody has signed in. */
async function fileAfterSignIn(env: NodeJS.ProcessEnv): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-login-'))
  const login = await startLogin(folder, env)
  try {
    await signIn(new Browser(login.origin))
    const files = readdirSync(folder).filter((name) => name.startsWith('sessions.sqlite'))
    return Buffer.concat(files.map((name) => readFileSync(join(folder, name)))).toString('latin1')
  } finally {
    await login.stop('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Gives what the tour prints. */
async function takeTour(env: NodeJS.ProcessEnv): Promise<string> {
  const tour = promisify(execFile)(process.execPath, ['examples/express-login/tour.js'], {
    env: { ...process.env, ...env },
  })
  return (await tour).stdout
}

it('runs on MongoDB, users in a mongoose schema and sessions beside them', async () => {
  const standIn = await startMongoStandIn()
  try {
    await useIt({ MONGODB_URL: process.env['MONGODB_URL'] ?? standIn.url }, 'MongoDB')
  } finally {
    await standIn.close()
  }
})

it('runs on DynamoDB, and the tour shows its own commands', async () => {
  const server = await startDynalite()
  const env = {
    DYNAMODB_TABLE: 'sessions',
    AWS_ENDPOINT_URL: server.url,
    AWS_REGION: 'local',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
  }
  try {
    await useIt(env, 'DynamoDB')
    const stdout = await takeTour(env)
    expect(stdout).toMatch(/engine: putItem sessions/)
    expect(stdout).toContain('All seven steps were as promised.')
  } finally {
    await server.stop()
  }
})

it.each([
  ['D1', 'CLOUDFLARE_D1_FOLDER', /engine: .*UPDATE/],
  ['Durable Objects', 'CLOUDFLARE_OBJECTS_FOLDER', /engine: .*SojournObject save/],
  ['Workers KV, which does not keep P1, P2 and P4', 'CLOUDFLARE_KV_FOLDER', /engine: .*put sojourn:/],
])('runs on %s, in Cloudflare’s runtime, and the tour shows its own commands', async (name, variable, engineSays) => {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-login-workerd-'))
  const env = { [variable]: folder }
  try {
    await useIt(env, name, 'SIGTERM') // workerd is a process of its own, and would outlive a kill
    const stdout = await takeTour(env)
    expect(stdout).toContain(`sessions in ${name}.`)
    expect(stdout).toMatch(engineSays)
    expect(stdout).toContain('All seven steps were as promised.')
    expect(stdout).not.toMatch(/[\w-]{22}/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

it('runs on sealed cookies, whose revocations lie in a file', async () => {
  await useIt({ SESSION_KEY: randomBytes(32).toString('base64') }, 'sealed cookies')
})

describe('with sealed bodies', () => {
  const env = { BODY_KEY: randomBytes(32).toString('base64') }

  it('it runs, and so does the tour', async () => {
    await useIt(env, 'SQLite, sealed')
    expect(await takeTour(env)).toContain('All seven steps were as promised.')
  })

  it('the store’s file says nowhere who has signed in, which it says without', async () => {
    expect(await fileAfterSignIn({})).toContain('"name":"ada"')
    const sealed = await fileAfterSignIn(env)
    expect(sealed).toContain('v1.k1.')
    expect(sealed).not.toMatch(/"ada"|\\"ada/)
  })
})

type Open = () => Promise<{ url: string; stop(): Promise<unknown> }>
const SERVERS: [name: string, variable: string, needed: Needed, open: Open, asked: RegExp][] = [
  ['Redis', 'REDIS_URL', redis, openRedis, /engine: evalsha sojourn:/],
  ['connect-redis', 'CONNECT_REDIS_URL', redis, openRedis, /engine: get sess:/],
  ['PostgreSQL', 'POSTGRES_URL', postgres, openPostgres, /engine: .*UPDATE/],
  ['MySQL', 'MYSQL_URL', mariadb, openMariadb, /engine: .*UPDATE/],
  // Sojourn speaks to it without a client, so there is none to listen to: what the store was asked is shown.
  ['memcached', 'MEMCACHED_SERVERS', memcached, openMemcached, /store: load/],
]

describe.each(SERVERS)('on %s', (name, variable, needed, open, asked) => {
  serverSuite(`by ${variable}`, needed, () => {
    let server: Awaited<ReturnType<Open>>
    beforeAll(async () => {
      server = await open()
    })
    afterAll(() => server.stop())

    it('the application runs', () => useIt({ [variable]: server.url }, name))

    it('the tour shows the seven steps and what was asked', async () => {
      const stdout = await takeTour({ [variable]: server.url })
      expect(stdout).toContain(`sessions in ${name}`)
      expect(stdout).toMatch(asked)
      expect(stdout).toContain('All seven steps were as promised.')
      expect(stdout).not.toMatch(/[\w-]{22}/)
    })
  })
})

async function openMemcached(): Promise<{ url: string; stop(): Promise<unknown> }> {
  const server = await startMemcached()
  return { url: `127.0.0.1:${server.port}`, stop: () => server.stop() }
}
