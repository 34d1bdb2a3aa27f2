/** express-session itself writes the cookie and the row; then an application on Sojourn answers the same browser. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
import { createClient } from 'redis6'
import { afterEach, describe, expect, it } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import { createSessions, memoryStore } from '../../src/index.ts'
import { fromExpressSession } from '../../src/migrate.ts'
import { Browser } from '../examples/browser.ts'
import type { ConnectStore } from '../../src/stores/connect.ts'
import { openRedis, redis } from '../servers/redis.ts'
import { whereServed } from '../servers/suite.ts'
import { Gate } from '../support/gate.ts'

// Without their types, which would give every request of these tests express-session's session.
const require = createRequire(import.meta.url)
const expressSession = require('express-session') as {
  (options: object): RequestHandler
  MemoryStore: new () => ConnectStore
}
const { RedisStore } = require('connect-redis') as { RedisStore: new (options: object) => ConnectStore }

const SECRET = 'secret'
const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end()
})

const STORES: Record<string, () => Promise<ConnectStore>> = {
  MemoryStore: async () => new expressSession.MemoryStore(),
  ...whereServed(redis, {
    'connect-redis': async () => {
      const server = await openRedis()
      const client = await createClient({ url: server.url }).connect()
      ending.push(server.stop, () => client.close())
      return new RedisStore({ client, prefix: `over-${Math.random()}:` })
    },
  }),
}

type Holder = { session: Record<string, unknown> & { destroy(done: (error?: unknown) => void): void } }

/** The same application on either: signs in, tells, waits, signs out. */
async function serve(middleware: RequestHandler, slow = new Gate()): Promise<string> {
  const app = express().use(middleware)
  const sessionOf = (request: unknown): Holder['session'] => (request as Holder).session
  app.get('/login', (request, response) => {
    sessionOf(request)['user'] = { id: 'alice' }
    response.send('welcome')
  })
  app.get('/slow', async (request, response) => {
    sessionOf(request)['slow'] = true
    await slow.pass()
    response.send('done')
  })
  app.get('/logout', (request, response, next) =>
    sessionOf(request).destroy((error) => (error ? next(error) : response.send('bye'))),
  )
  app.get('/', (request, response) => response.json(sessionOf(request)['user'] ?? null))
  const server: Server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.each(Object.entries(STORES))('with a row in %s', (_, open) => {
  /** A browser that has signed in at the old site, and the new site, which it has not met. */
  async function moved(slow?: Gate): Promise<{ browser: Browser; copy: () => Browser; old: ConnectStore }> {
    const store = await open()
    const before = await serve(expressSession({ secret: SECRET, store, resave: false, saveUninitialized: false }))
    const browser = new Browser(before)
    await browser.get('/login')
    expect([...browser.cookies.keys()]).toEqual(['connect.sid'])
    const sessions = createSessions({ store: memoryStore(), from: fromExpressSession({ secret: SECRET, store }) })
    ending.push(() => sessions.close())
    const after = await serve(session(sessions) as RequestHandler, slow)
    return { browser: browser.at(after), copy: () => browser.at(after), old: store }
  }

  const user = async (browser: Browser): Promise<unknown> => (await browser.get('/')).json()

  it('the browser is signed in, and has one cookie of ours', async () => {
    const { browser, copy } = await moved()
    expect(await user(browser)).toEqual({ id: 'alice' })
    expect([...browser.cookies.keys()]).toEqual(['sid'])
    expect(await user(browser)).toEqual({ id: 'alice' })
    await browser.get('/logout')
    expect([await user(browser), await user(copy())]).toEqual([null, null])
  })

  it('ten requests at once end in one session, and each is handed its token', async () => {
    const { copy } = await moved()
    const browsers = Array.from({ length: 10 }, copy)
    expect(await Promise.all(browsers.map(user))).toEqual(browsers.map(() => ({ id: 'alice' })))
    expect(new Set(browsers.map((browser) => browser.cookies.get('sid'))).size).toBe(1)
  })

  it('a logout while a slow request brings it over is final, under either name', async () => {
    const gate = new Gate()
    const { browser, copy } = await moved(gate)
    const slow = copy()
    const answer = slow.get('/slow')
    await gate.reached
    await browser.get('/logout')
    gate.open()
    expect((await answer).status).toBe(200)
    for (const each of [slow, browser, copy()]) expect(await user(each)).toBeNull()
  })

  it('a spoilt row is an anonymous request, each time', async () => {
    const { browser, old } = await moved()
    const id = decodeURIComponent(browser.cookies.get('connect.sid')!).slice(2).split('.')[0]!
    await new Promise((done) => old.set(id, { nothing: 'of express-session' } as never, done))
    for (let time = 0; time < 2; time++) {
      const answer = await browser.get('/')
      expect([answer.status, await answer.json()]).toEqual([200, null])
    }
  })
})
