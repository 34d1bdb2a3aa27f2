/**
 * P4: when the session's principal changes, in either direction, the token changes in the same atomic write, and the
 * old one is dead. The application calls nothing for this: no handler here does.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { drawId, drawSecret } from '../../src/core/token.ts'
import type { App, Free } from '../support/adapters.ts'
import { type Browser, pairOf, tokenOf } from '../support/client.ts'
import { Barrier, Gate } from '../support/gate.ts'
import { newUser, openWorld, promiseSuite, type World } from '../support/promises.ts'

const ROTATE_EVERY = 600

const waiting: { handler?: Gate | undefined; barrier?: Barrier | undefined } = {}

const app: App = {
  routes: {
    'GET /me': ({ session }) => ({ body: { ...session } }),
    /** Waits with what it is going to do, as a slow page does. */
    'GET /slow': async ({ session }) => {
      await waiting.handler?.pass()
      return { body: { ...session } }
    },
    'POST /assign': async ({ session, body, query }) => {
      Object.assign(session, body)
      if (query.has('waits')) await waiting.handler!.pass()
      await waiting.barrier?.pass()
      return { redirect: '/me' }
    },
    'POST /save-and-touch': async ({ session, body }) => {
      Object.assign(session, body)
      await session.save()
      session.touch()
      return { redirect: '/me' }
    },
    'POST /delete': ({ session, query }) => {
      delete session[query.get('key')!]
      return { redirect: '/me' }
    },
    'POST /replace': (exchange) => {
      exchange.session = exchange.body as object
      return { redirect: '/me' }
    },
  },
}

promiseSuite('P4', (setting) => {
  let world: World
  beforeAll(async () => {
    world = await openWorld(setting, app, { rotateOn: (data) => data['roles'], rotateEvery: ROTATE_EVERY })
  })
  afterAll(() => world.close())
  afterEach(() => {
    waiting.handler = waiting.barrier = undefined
    world.watched.reset()
  })

  async function begin(data: Free): Promise<Browser> {
    const browser = world.there.browser()
    await browser.post('/assign', data)
    return browser
  }

  async function dataAt(cookie: string | undefined): Promise<unknown> {
    const { body, setCookies } = await world.there.browser().get('/me', { cookie: cookie ?? null })
    expect(setCookies).toEqual([])
    return JSON.parse(body)
  }

  interface Change {
    readonly base: Free
    readonly path: string
    readonly body?: Free
    readonly after: Free
  }

  const alice = { id: 'alice', name: 'Alice' }
  const changes: Record<string, Change> = {
    'a sign-in': { base: { cart: 1 }, path: '/assign', body: { user: alice }, after: { cart: 1, user: alice } },
    'a sign-out by the data': { base: { cart: 1, user: alice }, path: '/delete?key=user', after: { cart: 1 } },
    'a change of user': { base: { user: alice }, path: '/assign', body: { user: 'bob' }, after: { user: 'bob' } },
    'a replacement of all data': { base: { user: alice, a: 1 }, path: '/replace', body: { b: 2 }, after: { b: 2 } },
    'a change of what rotateOn names': {
      base: { user: alice, roles: ['reader'] },
      path: '/assign',
      body: { roles: ['reader', 'admin'] },
      after: { user: alice, roles: ['reader', 'admin'] },
    },
  }

  describe.each(Object.keys(changes))('%s', (name) => {
    const { base, path, body, after } = changes[name]!

    it('replaces the token, and the one that somebody planted is dead', async () => {
      for (const process of ['here', 'there'] as const) {
        const attacker = await begin(base)
        const planted = attacker.cookie!
        const victim = world[process].browser(planted)
        const { setCookies } = await victim.post(path, body)
        expect(setCookies.map(pairOf)).toEqual([victim.cookie])
        expect(victim.token.secret).not.toBe(tokenOf(planted).secret)
        expect(victim.token.id).toBe(tokenOf(planted).id)
        expect(await dataAt(victim.cookie)).toEqual(after)
        expect(await dataAt(planted)).toEqual({})
        // What the attacker then does with it begins a session of the attacker's own.
        await attacker.post('/assign', { user: 'mallory' })
        expect(attacker.token.id).not.toBe(victim.token.id)
        expect(await dataAt(victim.cookie)).toEqual(after)
      }
    })

    it('does so in one write: before it the old token opens, after it the new one, and never both', async () => {
      for (const moment of ['asked', 'answered'] as const) {
        const { cookie = '' } = await begin(base)
        const victim = world.here.browser(cookie)
        world.watched.takeCalls()
        const gate = world.watched.hold(['save'], moment)
        const answering = victim.post(path, body)
        await gate.reached
        expect(await dataAt(cookie), moment).toEqual(moment === 'asked' ? base : {})
        gate.open()
        await answering
        expect(world.watched.takeCalls().filter((call) => WRITES.has(call))).toEqual(['save'])
        expect(await dataAt(cookie), moment).toEqual({})
        expect(await dataAt(victim.cookie), moment).toEqual(after)
      }
    })
  })

  it.each([
    ['a change of the user’s name', { user: { id: 'alice', name: 'Alys' } }],
    ['a write of something else', { cart: 2 }],
    ['roles that are the same as before', { roles: ['reader'] }],
  ])('%s leaves the token alone', async (_, body) => {
    const browser = await begin({ user: alice, roles: ['reader'] })
    const { cookie } = browser
    expect(await browser.post('/assign', body)).toMatchObject({ status: 302, setCookies: [] })
    expect(await dataAt(cookie)).toEqual({ user: alice, roles: ['reader'], ...body })
  })

  it('a sign-in that its handler saves, and then touches, gives its token all the same', async () => {
    for (const cookie of [undefined, (await begin({ cart: 1 })).cookie]) {
      const browser = world.here.browser(cookie)
      await browser.post('/save-and-touch', { user: 'alice' })
      expect(await dataAt(browser.cookie)).toMatchObject({ user: 'alice' })
    }
  })

  it('a request with the token before a rotation is given the new one, also when it moves the expiry', async () => {
    const browser = await begin({ user: newUser() })
    const previous = browser.cookie!
    world.clock.advance(ROTATE_EVERY * 1000)
    await browser.get('/me')
    for (const after of [0, 300_000]) {
      world.clock.advance(after)
      const late = world.here.browser(previous)
      await late.get('/me')
      expect(late.cookie).toBe(browser.cookie)
    }
  })

  it('a sign-in takes over no id that the server did not give', async () => {
    const random = (size: number): Uint8Array => crypto.getRandomValues(new Uint8Array(size))
    const known = (await begin({ cart: 'of another' })).token.id
    for (const id of [drawId(random), known]) {
      const planted = `sid=${id}.${drawSecret(random)}`
      const victim = world.here.browser(planted)
      await victim.post('/assign', { user: newUser() })
      expect(victim.token.id).not.toBe(id)
      expect(victim.token.secret).not.toBe(tokenOf(planted).secret)
      expect(await dataAt(planted)).toEqual({})
    }
  })

  it('a sign-in on top of an attacker’s own signed-in session shuts the attacker out', async () => {
    const mallory = await begin({ user: 'mallory', cart: 1 })
    const planted = mallory.cookie!
    const victim = world.here.browser(planted)
    await victim.post('/assign', { user: 'alice' })
    expect(await dataAt(victim.cookie)).toEqual({ user: 'alice', cart: 1 })
    expect(await dataAt(planted)).toEqual({})
  })

  it.each(['previous', 'current'] as const)(
    'a sign-in with the %s of two tokens, right after a periodic rotation, ends both',
    async (which) => {
      const browser = await begin({ cart: 1 })
      const previous = browser.cookie!
      world.clock.advance(ROTATE_EVERY * 1000)
      await browser.get('/me')
      const current = browser.cookie!
      expect(current).not.toBe(previous)
      const victim = world.here.browser(which === 'previous' ? previous : current)
      await victim.post('/assign', { user: 'alice' })
      expect([previous, current]).not.toContain(victim.cookie)
      expect(await dataAt(previous)).toEqual({})
      expect(await dataAt(current)).toEqual({})
      expect(await dataAt(victim.cookie)).toEqual({ cart: 1, user: 'alice' })
    },
  )

  it('a sign-in from a request with two valid sessions uses neither, and ends both', async () => {
    const mallory = (await begin({ user: 'mallory' })).cookie!
    const visitor = (await begin({ cart: 1 })).cookie!
    for (const cookie of [`${mallory}; ${visitor}`, `${visitor}; ${mallory}`]) {
      const { body, setCookies } = await world.here.browser().get('/me', { cookie })
      expect({ body, setCookies }).toEqual({ body: '{}', setCookies: [] })
    }
    const victim = world.here.browser()
    await victim.post('/assign', { user: 'alice' }, { cookie: `${mallory}; ${visitor}` })
    expect([tokenOf(mallory).id, tokenOf(visitor).id]).not.toContain(victim.token.id)
    expect(await dataAt(victim.cookie)).toEqual({ user: 'alice' })
    expect(await dataAt(mallory)).toEqual({})
    expect(await dataAt(visitor)).toEqual({})
  })

  describe('of two sign-ins in parallel each gives a token that is signed in', () => {
    const pairs = { 'of one user': ['alice', 'alice'], 'of two users': ['alice', 'bob'] } as const
    const froms = { 'from one visitor’s session': { cart: 1 }, 'from nothing': undefined }
    const cases = Object.keys(pairs).flatMap((pair) => Object.keys(froms).map((from) => [pair, from] as const))

    it.each(cases)('%s %s', async (pair, from) => {
      const base = froms[from as keyof typeof froms]
      for (const process of ['here', 'there'] as const) {
        for (const order of ['together', 'one held in its handler', 'one held before the store'] as const) {
          // In one process the second waits for the first to be stored: it cannot be held there for ever.
          if (order === 'one held before the store' && process === 'here') continue
          const label = `${process}, ${order}`
          const { cookie } = base ? await begin(base) : { cookie: undefined }
          const browsers = [world.here.browser(cookie), world[process].browser(cookie)] as const
          const users = pairs[pair as keyof typeof pairs].map((user) => `${user}-${newUser()}`)
          if (pair === 'of one user') users[1] = users[0]!
          let gate: Gate | undefined
          if (order === 'together') waiting.barrier = new Barrier(2)
          else if (order === 'one held in its handler') gate = waiting.handler = new Gate()
          else gate = world.watched.hold([base ? 'save' : 'create'], 'asked')
          const first = browsers[0].post(`/assign${waiting.handler ? '?waits' : ''}`, { user: users[0] })
          await gate?.reached
          const second = browsers[1].post('/assign', { user: users[1] })
          if (gate) await second
          gate?.open()
          for (const answer of [await first, await second]) expect(answer, label).toMatchObject({ status: 302 })
          waiting.handler = waiting.barrier = undefined
          for (const [at, browser] of browsers.entries()) {
            expect(await dataAt(browser.cookie), label).toEqual({ ...base, user: users[at] })
          }
          if (cookie) expect(await dataAt(cookie), label).toEqual({})
        }
      }
    })
  })

  describe('a dead token beside a fresh sign-in signs nobody out:', () => {
    /** Tokens that open nothing any more, by how they died. */
    const deaths: Record<string, (browser: Browser) => Promise<unknown>> = {
      revoked: (browser) => world.there.sessions.revoke(browser.token.id),
      'replaced by a sign-in': (browser) => world.there.browser(browser.cookie).post('/assign', { user: newUser() }),
      expired: async () => world.clock.advance(86_400_000),
    }

    it.each(Object.keys(deaths))('one that was %s, in the same header', async (death) => {
      const dead = await begin({ cart: 1 })
      await deaths[death]!(dead)
      const fresh = await begin({ user: 'alice' })
      for (const cookie of [`${dead.cookie}; ${fresh.cookie}`, `${fresh.cookie}; ${dead.cookie}`]) {
        const { body, setCookies } = await world.here.browser().get('/me', { cookie })
        expect({ body: JSON.parse(body), setCookies }).toEqual({ body: { user: 'alice' }, setCookies: [] })
      }
    })

    it.each(Object.keys(deaths))('one that was %s, in a request whose response comes last', async (death) => {
      const dead = await begin({ cart: 1 })
      await deaths[death]!(dead)
      const browser = world.here.browser(dead.cookie)
      waiting.handler = new Gate()
      const slow = browser.get('/slow')
      await waiting.handler.reached
      await browser.post('/assign', { user: 'alice' })
      const { cookie } = browser
      waiting.handler.open()
      expect(await slow).toMatchObject({ status: 200, body: '{}', setCookies: [] })
      expect(browser.cookie).toBe(cookie)
      expect(await dataAt(browser.cookie)).toMatchObject({ user: 'alice' })
    })

    it.each(Object.keys(deaths))('one that was %s while its request was under way', async (death) => {
      for (const path of ['/slow', '/assign?waits']) {
        const dead = await begin({ user: 'alice' })
        const browser = world.here.browser(dead.cookie)
        waiting.handler = new Gate()
        const slow = path === '/slow' ? browser.get(path) : browser.post(path, { note: 1 })
        await waiting.handler.reached
        await deaths[death]!(dead)
        await browser.post('/assign', { user: 'alice again' })
        const { cookie } = browser
        waiting.handler.open()
        expect((await slow).setCookies, path).toEqual([])
        expect(browser.cookie, path).toBe(cookie)
        expect(await dataAt(browser.cookie), path).toMatchObject({ user: 'alice again' })
      }
    })
  })
})

const WRITES: ReadonlySet<string> = new Set(['create', 'save', 'touch', 'remove', 'removeAll'])
