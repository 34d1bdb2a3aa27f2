/**
 * P3: the client sees no status line, no redirect and no body before the store has the change; and an error response
 * when the store could not be given it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../src/core/store.ts'
import { answerError, type App, type Exchange, type Free, type Reply } from '../support/adapters.ts'
import { aroundStore } from '../support/around-store.ts'
import { Browser, pairOf, rawRequest } from '../support/client.ts'
import { Gate } from '../support/gate.ts'
import { newUser, openWorld, promiseSuite, type World } from '../support/promises.ts'

/** What a handler does to its session, by name; `user` is somebody of this request's own. */
const acts: Record<string, (exchange: Exchange, user: string) => unknown> = {
  'sign-in of a new visitor': ({ session }, user) => (session['user'] = user),
  'sign-in from a session': ({ session }, user) => (session['user'] = user),
  write: ({ session }, user) => (session['note'] = user),
  'explicit save()': async ({ session }, user) => {
    session['note'] = user
    await session.save()
  },
  'save() whose failure is swallowed': async ({ session }, user) => {
    session['note'] = user
    await session.save().catch(() => {})
  },
  'save() that nobody awaits': ({ session }, user) => {
    session['note'] = user
    session.save().catch(() => {})
  },
  'session.update()': ({ session }, user) => session.update((data) => (data['note'] = user)),
  'regenerate()': ({ session }, user) => {
    session['note'] = user
    return session.regenerate()
  },
  'emptying regenerate(cb)': ({ session }) => new Promise((resolve) => session.regenerate(resolve)),
  'sign-out by the data': ({ session }) => delete session['user'],
  'destroy()': ({ session }) => session.destroy(),
  'destroy(cb) whose failure is swallowed': ({ session }) => new Promise((resolve) => session.destroy(resolve)),
  'destroy() that nobody awaits': ({ session }) => {
    session.destroy().catch(() => {})
  },
  'session = null': (exchange) => {
    exchange.session = null
  },
}

/** Whose cookie a request of that act comes with. */
function ownerOf(act: string): 'nobody' | 'visitor' | 'user' {
  if (act === 'sign-in of a new visitor') return 'nobody'
  return act === 'sign-in from a session' ? 'visitor' : 'user'
}

const ENDING = new Set(Object.keys(acts).filter((act) => act.startsWith('destroy') || act === 'session = null'))

/** Its failure is nobody's, and so it is no act that has to fail. */
const UNHEARD = 'update() that nobody awaits'

/** What leaves, by name: each way to begin a response. */
const replies: Record<string, () => Reply> = {
  'a redirect': () => ({ redirect: '/me' }),
  'a text': () => ({ body: 'as the handler made it' }),
  JSON: () => ({ body: { made: 'as the handler made it' } }),
  'a status alone': () => ({ status: 204 }),
  'a megabyte': () => ({ body: 'x'.repeat(1_000_000) }),
  'a body in pieces': () => ({ body: pieces() }),
  'a head before its body': () => ({ body: 'as the handler made it', headFirst: true }),
  'a head before the pieces of its body': () => ({ body: pieces(), headFirst: true }),
}

async function* pieces(): AsyncGenerator<string> {
  for (const piece of ['as ', 'the ', 'handler ', 'made ', 'it']) yield piece
}

/** What may lie in the place of a session's row: a body cut short, or somebody else's. */
const damages: Record<string, (body: string) => string> = {
  empty: () => '',
  'cut within its metadata': (body) => body.slice(0, 40),
  'cut behind its metadata': (body) => body.slice(0, body.indexOf('\n')),
  'cut within its data': (body) => body.slice(0, -3),
  'of another version': (body) => `9${body.slice(1)}`,
  'another library’s': () => '{"cookie":{"originalMaxAge":null},"user":"somebody"}',
  'a list where data should be': (body) => `${body.slice(0, body.indexOf('\n'))}\n["somebody"]`,
}

const OWN_HEADERS = { 'x-made-by': 'the handler', etag: '"the-handler"', 'set-cookie': 'own=1; Path=/' }

/** What error handlers have seen, by the request's number. */
const seen = new Map<string, unknown[]>()
const waiting: { handler?: Gate | undefined } = {}

const app: App = {
  routes: {
    'GET /ping': () => ({ body: 'pong' }),
    'GET /me': ({ session }) => ({ body: { ...session } }),
    'POST /begin': ({ session, body }) => {
      Object.assign(session, body)
      return {}
    },
    'POST /act': async (exchange) => {
      const { query } = exchange
      await acts[query.get('act')!]!(exchange, query.get('user')!)
      await waiting.handler?.pass()
      const reply = replies[query.get('reply') ?? 'a redirect']!()
      return query.has('bare') ? reply : { ...reply, headers: OWN_HEADERS }
    },
    'POST /assign': ({ session, body }) => {
      Object.assign(session, body)
      return { body: 'assigned' }
    },
    'POST /key-by-key': ({ session, body }) => {
      for (const key of Object.keys(body as object)) session[key] = (body as Free)[key]
      return { body: 'assigned' }
    },
    'POST /replace': (exchange) => {
      exchange.session = exchange.body as object
      return { body: 'assigned' }
    },
    'GET /methods': ({ session }) => ({
      body: { save: typeof session.save, destroy: typeof session.destroy, admin: session['polluted'] ?? null },
    }),
  },
  onError(error, { session, query }) {
    const number = query.get('number') ?? ''
    seen.set(number, [...(seen.get(number) ?? []), error])
    const flash = query.get('flash')
    // After `session = null` there is none.
    if (flash !== null && session) session['flash'] = flash
    return { ...answerError(error), headers: { 'x-answered-by': 'the error handler' } }
  },
}

function pathOf(act: string, more: Record<string, string> = {}): string {
  return `/act?${new URLSearchParams({ act, ...more }).toString()}`
}

/** What the next request of that browser sees when the act was done. */
function dataAfter(act: string, user: string): object {
  if (act.startsWith('sign-in')) return { user }
  if (ENDING.has(act) || act.startsWith('emptying')) return {}
  return act === 'sign-out by the data' ? { kept: 1 } : { user: 'somebody', kept: 1, note: user }
}

async function begin(world: World, act: string): Promise<Browser> {
  const browser = world.there.browser()
  const owner = ownerOf(act)
  if (owner !== 'nobody') await browser.post('/begin', owner === 'user' ? { user: 'somebody', kept: 1 } : { cart: 1 })
  return browser
}

promiseSuite('P3', (setting) => {
  describe('while the store is being given the change', () => {
    let world: World
    beforeAll(async () => (world = await openWorld(setting, app)))
    afterAll(() => world.close())
    afterEach(() => world.watched.reset())

    /** Sees that not a byte arrives of a response whose call is held, and that the change is there when the head is. */
    async function holdsBack(
      act: string,
      reply: string,
      call: 'create' | 'save' | 'remove' | 'revokedAt',
    ): Promise<void> {
      const user = newUser()
      const { cookie = null } = await begin(world, act)
      const gate = world.watched.hold([call], 'asked')
      const answer = rawRequest(world.here.port, 'POST', pathOf(act, { user, reply }), { cookie })
      await Promise.race([gate.reached, answer.head])
      // A later request comes and goes: what had left by now would have arrived before it.
      expect((await world.here.browser().get('/ping')).body).toBe('pong')
      expect(answer.bytes, `${act}, ${reply}: bytes before ${call}`).toBe(0)
      gate.open()
      const head = await answer.head
      const now = ENDING.has(act) ? cookie : (head.cookies.find((pair) => pair.startsWith('sid=')) ?? cookie)
      const { body } = await world.there.browser().get('/me', { cookie: now })
      expect(JSON.parse(body), `${act}, ${reply}`).toEqual(withCart(act, dataAfter(act, user)))
      expect(await answer.all).toContain('x-made-by: the handler')
    }

    const calls: Record<string, readonly ('create' | 'save' | 'remove' | 'revokedAt')[]> = {
      'sign-in of a new visitor': ['create', 'revokedAt'],
      'sign-in from a session': ['save', 'revokedAt'],
    }
    for (const act of ENDING) calls[act] = ['remove']

    it.each(Object.keys(acts))('not a byte of the response to a %s arrives', async (act) => {
      for (const call of calls[act] ?? ['save']) {
        if (call === 'revokedAt' && !world.engine.revokedAt) continue
        await holdsBack(act, 'a redirect', call)
      }
    })

    it('not a byte of the response to an update() that nobody awaits arrives', async () => {
      acts[UNHEARD] = ({ session }, user) => {
        session.update((data) => (data['note'] = user)).catch(() => {})
      }
      await holdsBack(UNHEARD, 'a redirect', 'save')
      delete acts[UNHEARD]
    })

    it.each(Object.keys(replies))('not a byte of %s arrives', async (reply) => {
      await holdsBack('sign-in of a new visitor', reply, 'create')
      await holdsBack('write', reply, 'save')
    })
  })

  describe('over a store with 100 ms writes', () => {
    const EACH = setting.rounds(125)
    const kinds = ['sign-in of a new visitor', 'sign-in from a session', 'write', 'destroy()']
    let world: World
    beforeAll(async () => (world = await openWorld(setting, app, {}, { around: slow(100) })))
    afterAll(() => world.close())

    it(`0 of ${EACH * kinds.length} redirects, followed the instant their head is there, read something stale`, async () => {
      let stale = 0
      for (const act of kinds) {
        const browsers = await Promise.all(Array.from({ length: EACH }, () => begin(world, act)))
        await Promise.all(
          browsers.map(async ({ cookie = null }) => {
            const user = newUser()
            const first = rawRequest(world.here.port, 'POST', pathOf(act, { user }), { cookie })
            const head = await first.head
            const session = head.cookies.find((pair) => pair.startsWith('sid=') && pair !== 'sid=')
            const followed = rawRequest(world.here.port, 'GET', head.location!, { cookie: session ?? cookie })
            const body = (await followed.all).split('\r\n\r\n')[1]!
            const expected = withCart(act, dataAfter(act, user))
            if (JSON.stringify(sorted(JSON.parse(body) as object)) !== JSON.stringify(sorted(expected))) stale++
            await first.all
          }),
        )
      }
      expect(stale).toBe(0)
    })
  })

  describe('over a store whose writes fail', () => {
    const cause = new Error('the disk is full')
    /** What the store does in place of its work; undefined: its work. */
    let trouble: ((work: () => unknown) => unknown) | undefined
    const around = (engine: Store): Store =>
      aroundStore(engine, {
        call: ({ method }, work) => (trouble && WRITES.has(method) ? trouble(work) : work()),
        listing: (_, work) => work(),
      })
    let world: World
    /** The same, for a store that takes for ever. */
    let hasty: World
    beforeAll(async () => {
      world = await openWorld(setting, app, {}, { around })
      hasty = await openWorld(setting, app, {}, { around, options: { storeTimeout: setting.store.isSlow ? 2 : 0.5 } })
    })
    afterAll(async () => {
      await world.close()
      await hasty.close()
    })
    afterEach(() => {
      trouble = undefined
      seen.clear()
      world.watched.reset()
    })

    const troubles: Record<string, (work: () => unknown) => unknown> = {
      rejects: () => Promise.reject(cause),
      'rejects later': () => new Promise((_, reject) => setImmediate(() => reject(cause))),
      'throws at once': () => {
        throw cause
      },
      'never answers': () => new Promise(() => {}),
      'fails twice': () => thenable((_, no) => [no(cause), no(cause)]),
      'fails, and then says that all went well': () => thenable((yes, no) => [no(cause), yes('saved')]),
      'throws out of then': () =>
        thenable(() => {
          throw cause
        }),
      'has done it, and its answer is lost': async (work) => {
        await work()
        throw cause
      },
    }
    /** How often each; what never answers takes its time. */
    const rounds = (name: string): number => (name === 'never answers' ? 1 : setting.rounds(5))
    const ALL = Object.keys(troubles).reduce((sum, name) => sum + rounds(name), 0) * Object.keys(acts).length

    it(`0 of ${ALL} responses are below 500, none waits for ever, and the error handler sees the cause`, async () => {
      const wrong: string[] = []
      let count = 0
      for (const [name, fails] of Object.entries(troubles)) {
        const place = name === 'never answers' ? hasty : world
        const requests = Object.keys(acts).flatMap((act) =>
          Array.from({ length: rounds(name) }, (_, round) => ({ act, number: `${name} ${act} ${round}` })),
        )
        const browsers = await Promise.all(requests.map(({ act }) => begin(place, act)))
        trouble = fails
        const answers = await Promise.all(
          requests.map(({ act, number }, at) =>
            new Browser(place.here.port, browsers[at]!.cookie).post(pathOf(act, { user: newUser(), number })),
          ),
        )
        trouble = undefined
        for (const [at, { status, headers, setCookies }] of answers.entries()) {
          const { act, number } = requests[at]!
          const leaked = ['location', 'x-made-by'].filter((header) => header in headers)
          const cookies = setCookies.map(pairOf).join()
          if (headers.etag === OWN_HEADERS.etag) leaked.push('etag')
          if (status < 500 || leaked.length > 0) wrong.push(`${number}: ${status} ${leaked.join()}`)
          // A failed destroy takes the cookie away all the same; nothing else sends one.
          if (cookies !== (ENDING.has(act) ? 'sid=' : '')) wrong.push(`${number}: Set-Cookie ${cookies}`)
          const errors = seen.get(number) ?? []
          if (errors.length === 0 || !errors.every((error) => tellsOf(error, name))) {
            wrong.push(`${number}: the error handler saw ${errors.map(String).join()}`)
          }
          count++
        }
      }
      expect(wrong).toEqual([])
      expect(count).toBe(ALL)
      expect(count).toBeGreaterThanOrEqual(setting.rounds(500))
    })

    function tellsOf(error: unknown, name: string): boolean {
      const { code, cause: because } = error as { code?: string; cause?: unknown }
      if (name === 'never answers') return code === 'ERR_SOJOURN_STORE_TIMEOUT'
      return code === 'ERR_SOJOURN_STORE' && because === cause
    }

    it.each(Object.keys(acts))('what was stored before a %s that failed is what the next request sees', async (act) => {
      const browser = await begin(world, act)
      const before = JSON.parse((await browser.get('/me')).body) as object
      trouble = troubles['rejects']
      const { status } = await world.here.browser(browser.cookie).post(pathOf(act, { user: newUser() }))
      trouble = undefined
      expect(status).toBe(503)
      expect(JSON.parse((await browser.get('/me')).body)).toEqual(before)
    })

    it('the error handler’s own change is stored before its response leaves', async () => {
      const browser = await begin(world, 'write')
      trouble = () => {
        trouble = undefined
        throw cause
      }
      const path = pathOf('write', { user: 'lost', flash: 'sorry' })
      const { status, headers } = await world.here.browser(browser.cookie).post(path)
      expect(status).toBe(503)
      expect(headers['x-answered-by']).toBe('the error handler')
      expect(JSON.parse((await browser.get('/me')).body)).toEqual({ user: 'somebody', kept: 1, flash: 'sorry' })
    })

    it('the error handler’s change that fails too is a 503 with nothing of its response', async () => {
      for (const act of Object.keys(acts).filter((act) => act !== 'session = null')) {
        const browser = await begin(world, act)
        trouble = troubles['rejects']
        const { status, headers, setCookies } = await world.here
          .browser(browser.cookie)
          .post(pathOf(act, { user: newUser(), flash: 'sorry' }))
        trouble = undefined
        expect({ act, status }).toEqual({ act, status: 503 })
        expect(headers['x-answered-by'], act).toBeUndefined()
        expect(setCookies.map(pairOf), act).toEqual(ENDING.has(act) ? ['sid='] : [])
      }
    })

    it('a touch holds back no response', async () => {
      const browser = await begin(world, 'write')
      world.clock.advance(3_600_000)
      world.takeEvents()
      const gate = world.watched.hold(['touch'], 'asked')
      expect(await world.here.browser(browser.cookie).get('/me')).toMatchObject({ status: 200 })
      await gate.reached
      // Nor did it wait until the store's time was up.
      expect(world.takeEvents()).toEqual([])
      gate.open()
      await world.watched.idle()
    })

    it.each([
      ['destroy()', 503],
      // The handler did not hear of it, and the commit tried again.
      ['destroy(cb) whose failure is swallowed', 302],
    ])('a %s that fails once is tried again, and ends the session', async (act, expected) => {
      const browser = await begin(world, act)
      const { id } = browser.token
      const cookie = browser.cookie!
      trouble = () => {
        trouble = undefined
        throw cause
      }
      const { status, setCookies } = await world.here.browser(cookie).post(pathOf(act))
      expect(status).toBe(expected)
      expect(setCookies.map(pairOf)).toContain('sid=')
      expect(await world.stored(id)).toBeUndefined()
      expect((await browser.get('/me', { cookie })).body).toBe('{}')
    })

    it('a touch that fails spoils nothing', async () => {
      const browser = await begin(world, 'write')
      world.clock.advance(3_600_000)
      world.takeEvents()
      trouble = troubles['rejects']
      const { status, body } = await world.here.browser(browser.cookie).get('/me')
      await world.watched.idle()
      expect(status).toBe(200)
      expect(JSON.parse(body)).toEqual({ user: 'somebody', kept: 1 })
      expect(world.takeEvents()).toMatchObject([{ type: 'store-error', reason: 'touch', error: { cause } }])
    })

    it('an answer that comes twice counts once', async () => {
      for (const act of ['sign-in from a session', 'write']) {
        const browser = await begin(world, act)
        const user = newUser()
        trouble = (work) =>
          thenable((yes, no) => {
            Promise.resolve(work()).then((answer) => [yes(answer), yes('gone'), no(cause)], no)
          })
        const here = world.here.browser(browser.cookie)
        expect(await here.post(pathOf(act, { user })), act).toMatchObject({ status: 302 })
        trouble = undefined
        expect(JSON.parse((await here.get('/me')).body), act).toEqual(withCart(act, dataAfter(act, user)))
      }
    })
  })

  describe('over a store that cannot be read', () => {
    const cause = new Error('the wire is cut')
    let fails = false
    const around = (engine: Store): Store =>
      aroundStore(engine, {
        call({ method }, work) {
          if (fails && method === 'load') throw cause
          return work()
        },
        listing: (_, work) => work(),
      })
    let world: World
    beforeAll(async () => (world = await openWorld(setting, app, {}, { around })))
    afterAll(() => world.close())

    it('the error handler answers in the handler’s place, and nobody is taken for a stranger', async () => {
      const browser = await begin(world, 'write')
      const { cookie } = browser
      fails = true
      const answer = await world.here.browser(cookie).get('/me?number=load')
      fails = false
      expect(answer).toMatchObject({ status: 503, setCookies: [] })
      expect(seen.get('load')).toMatchObject([{ code: 'ERR_SOJOURN_STORE', cause }])
      expect(JSON.parse((await world.here.browser(cookie).get('/me')).body)).toEqual({ user: 'somebody', kept: 1 })
    })
  })

  describe('every request is answered', () => {
    let world: World
    beforeAll(async () => (world = await openWorld(setting, app)))
    afterAll(() => world.close())
    afterEach(() => {
      waiting.handler = undefined
    })

    it('a dropped write leaves as the handler made it', async () => {
      const user = newUser()
      const [alive, dropped] = [await begin(world, 'write'), await begin(world, 'write')]
      const path = pathOf('write', { user, reply: 'a text' })
      const control = await world.here.browser(alive.cookie).post(path)
      waiting.handler = new Gate()
      const answering = world.here.browser(dropped.cookie).post(path)
      await waiting.handler.reached
      expect(await world.there.sessions.revoke(dropped.token.id)).toBe(true)
      waiting.handler.open()
      const answer = await answering
      const same = (headers: typeof answer.headers): object => ({ ...headers, date: 'whenever' })
      expect(answer.status).toBe(control.status)
      expect(answer.body).toBe(control.body)
      expect(same(answer.headers)).toEqual(same(control.headers))
    })

    it.each(Object.entries(damages))(
      'a row that is %s is nobody’s session at each request, with an event, and is signed in past',
      async (_, spoil) => {
        const browser = await begin(world, 'write')
        const { cookie, token } = browser
        const { version, body, ...row } = (await world.stored(token.id))!
        const spoilt = { ...row, version: version + 1, body: spoil(body) }
        expect(await world.engine.save(token.id, spoilt, version, { now: world.clock() })).toBe('saved')
        world.takeEvents()
        for (let times = 0; times < 3; times++) {
          const answer = await world.here.browser(cookie).get('/me')
          expect(answer).toMatchObject({ status: 200, body: '{}', setCookies: [] })
          expect(world.takeEvents()).toMatchObject([{ type: 'unreadable', id: token.id }])
        }
        const user = newUser()
        expect(await browser.post(pathOf('sign-in from a session', { user }))).toMatchObject({ status: 302 })
        expect(JSON.parse((await browser.get('/me')).body)).toEqual({ user })
      },
    )

    const reserved = new Set(['__proto__', 'save', 'destroy', 'constructor'])
    const keys = ['__proto__', 'save', 'destroy', 'cookie', 'constructor', 'then', 'toJSON']
    const ways = ['/assign', '/key-by-key', '/replace']

    it.each(keys)('a body with the key %s', async (key) => {
      for (const way of ways) {
        for (const value of [{ polluted: true }, 'text', null]) {
          const label = `${way} ${JSON.stringify(value)}`
          const body: unknown = JSON.parse(`{"first":1,${JSON.stringify(key)}:${JSON.stringify(value)},"last":1}`)
          const browser = await begin(world, 'write')
          const { status, body: text } = await browser.post(way, body)
          const refused = reserved.has(key)
          expect(status, label).toBe(refused ? 500 : 200)
          if (refused) expect(JSON.parse(text), label).toEqual({ code: 'ERR_SOJOURN_RESERVED_KEY' })
          expect(({} as { polluted?: unknown }).polluted, label).toBeUndefined()
          const next = JSON.parse((await browser.get('/me')).body) as Free
          const before = { user: 'somebody', kept: 1 }
          const all = { first: 1, [key]: value, last: 1 }
          if (!refused) expect(next, label).toEqual(way === '/replace' ? all : { ...before, ...all })
          // Data are saved whatever the status: what had been assigned before the error is kept.
          else expect(next, label).toEqual(way === '/replace' ? before : { ...before, first: 1 })
          const methods = (await browser.get('/methods')).body
          expect(JSON.parse(methods), label).toEqual({ save: 'function', destroy: 'function', admin: null })
          expect(await browser.post('/assign', { later: 1 }), label).toMatchObject({ status: 200 })
        }
      }
    })

    it('a body with such keys inside another', async () => {
      for (const key of keys) {
        const browser = await begin(world, 'write')
        const body: unknown = JSON.parse(`{"profile":{${JSON.stringify(key)}:{"polluted":true},"name":"x"}}`)
        expect(await browser.post('/assign', body), key).toMatchObject({ status: 200 })
        const { profile } = JSON.parse((await browser.get('/me')).body) as { profile: Free }
        expect(profile['name'], key).toBe('x')
        expect(profile['polluted'], key).toBeUndefined()
        expect(({} as { polluted?: unknown }).polluted, key).toBeUndefined()
        expect(await browser.post('/assign', { profile: { name: 'y' } }), key).toMatchObject({ status: 200 })
      }
    })
  })
})

// --- internal ---

const WRITES: ReadonlySet<string> = new Set(['create', 'save', 'touch', 'remove'])

/** The delay is the scenario: a store that takes that long to write. */
function slow(ms: number): (engine: Store) => Store {
  return (engine) =>
    aroundStore(engine, {
      async call({ method }, work) {
        if (WRITES.has(method)) await new Promise((resolve) => setTimeout(resolve, ms))
        return work()
      },
      listing: (_, work) => work(),
    })
}

type Settle = (value: unknown) => void

/** An answer that is no promise of the language's own, and keeps none of their rules. */
function thenable(then: (yes: Settle, no: Settle) => unknown): object {
  // oxlint-disable-next-line unicorn/no-thenable -- it is what is tested
  return { then }
}

function withCart(act: string, data: object): object {
  return ownerOf(act) === 'visitor' ? { cart: 1, ...data } : data
}

function sorted(data: object): [string, unknown][] {
  return Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1))
}
