/**
 * The promises of sessions that lie in their cookies, as docs/stores/cookie.md makes them: P1 with revocations, P3 to
 * P6, and not P2. There is no store between a request and its response, so the other files cannot ask it for them.
 */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Session } from '../../src/core/session.ts'
import { createSessions } from '../../src/sessions.ts'
import { cookieStore } from '../../src/stores/cookie.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock, type FakeClock } from '../../src/testing/clock.ts'
import { type AdapterEntry, adapters, type App, type Free } from '../support/adapters.ts'
import { Browser, pairOf, rawRequest } from '../support/client.ts'
import { Gate } from '../support/gate.ts'
import { keptSuite } from '../support/promises.ts'
import { WatchedStore } from '../support/watched-store.ts'

const IDLE = 3600
const LIFETIME = 7200
const ENTRY = { store: 'cookie', keeps: { P1: 'with `revocations`', P2: 'no' }, cannotList: true } as const
const [[adapterName, adapter]] = Object.entries(adapters) as [[string, AdapterEntry]]
const suite = (promise: 'P1' | 'P3' | 'P4' | 'P5' | 'P6', tests: () => void): void =>
  keptSuite(promise, `cookie, ${adapterName}`, ENTRY, tests)

/** What a handler does, by name. */
const acts: Record<string, (session: Session<Free>) => unknown> = {
  read: (session) => session['user'],
  write: (session) => (session['note'] = 'slow'),
  'touch()': (session) => session.touch(),
  'save()'(session) {
    session['note'] = 'slow'
    return session.save().catch((error: { code: string }) => expect(error.code).toBe('ERR_SOJOURN_GONE'))
  },
  'regenerate()': (session) => session.regenerate(),
  'change of user': (session) => (session['user'] = 'bob'),
  'sign-out by the data': (session) => delete session['user'],
  'destroy()': (session) => session.destroy(),
}
const SIGNS_IN = (session: Session<Free>): unknown => (session['user'] = 'alice')

const waiting: { gate?: Gate | undefined } = {}

const app: App = {
  routes: {
    'GET /me': ({ session }) => ({ body: { ...session } }),
    'GET /never-looks': () => ({ body: 'static' }),
    'POST /assign': ({ session, body }) => {
      Object.assign(session, body)
      return { redirect: '/me' }
    },
    /** Looks, waits where it is to wait, and acts. */
    'POST /act': async ({ session, query }) => {
      void session['user']
      await waiting.gate?.pass()
      await (acts[query.get('act')!] ?? SIGNS_IN)(session)
      return { status: 202, body: 'as the handler made it' }
    },
    'POST /limit': ({ session }) => {
      session['user'] = 'alice'
      session.limit({ idleTimeout: 1e9, lifetime: 1e9 })
      return {}
    },
  },
}

/** Two processes with the same keys and the same memory of what has ended. */
interface World {
  readonly clock: FakeClock
  readonly revocations: WatchedStore
  readonly events: string[]
  readonly port: number
  readonly revoke: (id: string) => Promise<boolean>
  browser(cookie?: string): Browser
  /** What the other process finds in a cookie. */
  dataAt(cookie: string | undefined): Promise<unknown>
  close(): Promise<void>
}

async function openWorld(): Promise<World> {
  const clock = fakeClock()
  const memory = memoryStore()
  const revocations = new WatchedStore(memory)
  const events: string[] = []
  const keys = [{ id: 'k1', secret: Uint8Array.from({ length: 32 }, (_, at) => (at * 31 + 7) % 256) }]
  const start = async (store: typeof memory) => {
    const sessions = createSessions<Free>({
      store: cookieStore({ keys, revocations: store, clock }),
      clock,
      idleTimeout: IDLE,
      lifetime: LIFETIME,
    })
    for (const type of ['dropped-write', 'bad-token', 'store-error', 'expired'] as const)
      sessions.on(type, () => events.push(type))
    return { sessions, serving: await adapter.start(sessions, app) }
  }
  const [here, there] = [await start(revocations.store as typeof memory), await start(memory)]
  return {
    clock,
    revocations,
    events,
    port: here.serving.port,
    revoke: (id) => there.sessions.revoke(id),
    browser: (cookie) => new Browser(here.serving.port, cookie),
    dataAt: async (cookie) =>
      JSON.parse((await new Browser(there.serving.port).get('/me', { cookie: cookie ?? null })).body),
    async close() {
      for (const { sessions, serving } of [here, there]) {
        await serving.close()
        await sessions.close()
      }
    },
  }
}

let world: World
const inWorld = (tests: () => void) => (): void => {
  beforeAll(async () => (world = await openWorld()))
  afterAll(() => world.close())
  afterEach(() => {
    waiting.gate = undefined
    world.revocations.reset()
    world.events.length = 0
  })
  tests()
}

async function begin(data: object): Promise<Browser> {
  const browser = world.browser()
  await browser.post('/assign', data)
  return browser
}

async function idOf(cookie: string): Promise<string> {
  let id = ''
  acts['tells its id'] = (session) => (id = session.id)
  await new Browser(world.port).post('/act?act=tells+its+id', undefined, { cookie })
  delete acts['tells its id']
  return id
}

suite(
  'P1',
  inWorld(() => {
    const ends: Record<string, (browser: Browser, id: string) => Promise<unknown>> = {
      'destroy()': (browser) => browser.post('/act?act=destroy()'),
      'regenerate()': (browser) => browser.post('/act?act=regenerate()'),
      'sign-out by the data': (browser) => browser.post('/act?act=sign-out+by+the+data'),
      'revoke()': (_, id) => world.revoke(id),
      'idle expiry': async () => world.clock.advance(IDLE * 1000),
      'absolute expiry': async () => world.clock.advance(LIFETIME * 1000),
    }
    const pairs = Object.keys(acts).flatMap((act) => Object.keys(ends).map((end) => [act, end] as const))

    it.each(pairs)('a %s in flight does not undo %s', async (act, end) => {
      const browser = await begin({ user: 'alice' })
      const cookie = browser.cookie!
      const id = await idOf(cookie)
      const gate = (waiting.gate = new Gate())
      const slow = new Browser(world.port).post(`/act?${new URLSearchParams({ act }).toString()}`, undefined, {
        cookie,
      })
      await gate.reached
      waiting.gate = undefined
      await ends[end]!(browser, id)
      gate.open()
      const { status, body, setCookies } = await slow
      expect({ status, body }).toEqual({ status: 202, body: 'as the handler made it' })
      for (const pair of [cookie, ...setCookies.map(pairOf)]) expect(await world.dataAt(pair)).toEqual({})
    })

    it('a sign-in stands on its own when its visitor’s session was ended meanwhile', async () => {
      const browser = await begin({ cart: 1 })
      const id = await idOf(browser.cookie!)
      const gate = (waiting.gate = new Gate())
      const signingIn = browser.post('/act?act=sign-in')
      await gate.reached
      await world.revoke(id)
      gate.open()
      expect(await signingIn).toMatchObject({ status: 202 })
      expect(await world.dataAt(browser.cookie)).toEqual({ cart: 1, user: 'alice' })
    })
  }),
)

suite(
  'P3',
  inWorld(() => {
    it.each(['destroy()', 'regenerate()', 'change of user', 'sign-out by the data'])(
      'not a byte of the response to a %s arrives before what has ended is remembered',
      async (act) => {
        const { cookie = null } = await begin({ user: 'alice' })
        const gate = world.revocations.hold(['create'], 'asked')
        const answer = rawRequest(world.port, 'POST', `/act?${new URLSearchParams({ act }).toString()}`, { cookie })
        await Promise.race([gate.reached, answer.head])
        expect((await new Browser(world.port).get('/never-looks')).body).toBe('static')
        expect(answer.bytes).toBe(0)
        gate.open()
        await answer.head
        expect(await world.dataAt(cookie!)).toEqual({})
        await answer.all
      },
    )

    it('a redirect carries what it leads to', async () => {
      const browser = world.browser()
      const answer = await browser.post('/assign', { user: 'alice' })
      expect(answer).toMatchObject({ status: 302, setCookies: [expect.stringContaining('sid=')] })
      expect(await world.dataAt(browser.cookie)).toEqual({ user: 'alice' })
    })

    it('what does not fit into cookies is an error response, and the browser keeps what it had', async () => {
      const browser = await begin({ user: 'alice' })
      const { status, setCookies } = await browser.post('/assign', { big: 'x'.repeat(20_000) })
      expect({ status, setCookies }).toEqual({ status: 500, setCookies: [] })
      expect(await world.dataAt(browser.cookie)).toEqual({ user: 'alice' })
    })
  }),
)

suite(
  'P4',
  inWorld(() => {
    it.each([
      ['a sign-in', { cart: 1 }, { user: 'alice' }],
      ['a change of user', { user: 'bob', cart: 1 }, { user: 'alice' }],
    ])('after %s the planted cookie is dead, and its planter sees nothing', async (_, base, data) => {
      const attacker = await begin(base)
      const planted = attacker.cookie!
      const victim = world.browser(planted)
      await victim.post('/assign', data)
      expect(victim.cookie).not.toBe(planted)
      expect(await world.dataAt(victim.cookie)).toEqual({ ...base, ...data })
      expect(await world.dataAt(planted)).toEqual({})
    })

    it('of two sign-ins at once from one visitor each gives a cookie that is signed in', async () => {
      const { cookie } = await begin({ cart: 1 })
      const gate = world.revocations.hold(['create'], 'asked')
      const browsers = [world.browser(cookie), world.browser(cookie)] as const
      const slow = browsers[0].post('/assign', { user: 'alice' })
      await gate.reached
      await browsers[1].post('/assign', { user: 'bob' })
      gate.open()
      expect(await slow).toMatchObject({ status: 302 })
      expect(await world.dataAt(browsers[0].cookie)).toEqual({ cart: 1, user: 'alice' })
      expect(await world.dataAt(browsers[1].cookie)).toEqual({ cart: 1, user: 'bob' })
      expect(await world.dataAt(cookie)).toEqual({})
    })
  }),
)

suite(
  'P5',
  inWorld(() => {
    it('what is remembered of ended sessions has nothing of their cookies in it', async () => {
      const browser = await begin({ user: 'alice-of-wonderland' })
      const { cookie = '' } = browser
      await browser.post('/act?act=destroy()')
      const given = world.revocations.given.join('\n')
      expect(given).toContain('revoked:')
      expect(given).not.toContain('alice')
      for (const part of cookie.split(/[=.]/).filter((part) => part.length > 8)) expect(given).not.toContain(part)
    })

    it.each(['/assign', '/limit'])('both limits are the server’s, and %s cannot raise them', async (path) => {
      const far = { user: 'alice', cookie: { maxAge: 4e15 }, expiresAt: 4e15, lifetime: 4e15 }
      const idle = world.browser()
      await idle.post(path, far)
      const busy = world.browser()
      await busy.post(path, far)
      world.clock.advance(IDLE * 1000 - 1)
      expect(await world.dataAt(idle.cookie)).not.toEqual({})
      await busy.get('/me')
      world.clock.advance(1)
      expect(await world.dataAt(idle.cookie)).toEqual({})
      world.clock.advance(IDLE * 1000 - 2)
      expect(await world.dataAt(busy.cookie)).not.toEqual({})
      world.clock.advance(1)
      expect(await world.dataAt(busy.cookie)).toEqual({})
    })
  }),
)

suite(
  'P6',
  inWorld(() => {
    const costs: Record<string, readonly string[]> = {
      read: ['load'],
      write: ['load'],
      'touch()': ['load'],
      'regenerate()': ['load', 'create'],
      'change of user': ['load', 'create'],
      'sign-out by the data': ['load', 'create'],
      'destroy()': ['load', 'create'],
    }
    it.each(Object.entries(costs))('a %s costs the memory of what has ended: %j', async (act, calls) => {
      const browser = await begin({ user: 'alice' })
      world.revocations.takeCalls()
      await browser.post(`/act?${new URLSearchParams({ act }).toString()}`)
      expect(world.revocations.takeCalls()).toEqual(calls)
    })

    it('a visitor of whom nothing is remembered costs nothing, and is sent nothing', async () => {
      const browser = world.browser()
      world.revocations.takeCalls()
      for (const path of ['/me', '/never-looks', '/nowhere']) expect((await browser.get(path)).setCookies).toEqual([])
      expect(world.revocations.takeCalls()).toEqual([])
    })

    it('a read sends no cookie, until moving the expiry needs one', async () => {
      const browser = await begin({ user: 'alice' })
      expect((await browser.get('/me')).setCookies).toEqual([])
      world.clock.advance(300_000)
      expect((await browser.get('/me')).setCookies).toHaveLength(1)
      expect((await browser.get('/me')).setCookies).toEqual([])
    })
  }),
)
