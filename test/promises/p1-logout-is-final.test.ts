/**
 * P1: no request, however slow, brings back a session that was destroyed, revoked, regenerated or expired.
 *
 * Each slow request is held at each place on its way, its session ends meanwhile, and then it goes on.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Session } from '../../src/core/session.ts'
import type { App, Free } from '../support/adapters.ts'
import { type Answer, Browser, pairOf, tokenOf } from '../support/client.ts'
import { Gate } from '../support/gate.ts'
import { newUser, openWorld, type Process, promiseSuite, type World } from '../support/promises.ts'

const IDLE = 3600
const LIFETIME = 1000
const ROTATE_EVERY = 600
const TOUCH_LAG = IDLE * 0.05

/** What a request is doing when its session ends. */
interface Slow {
  /** Whose session it has. */
  readonly from: 'visitor' | 'user'
  /** Seconds between the sign-in and the request. */
  readonly age?: number
  /** The token it comes with, when the token was replaced a moment ago and the new one has not been seen. */
  readonly token?: 'previous' | 'unconfirmed'
  /** What its handler does before it waits. */
  does(session: Session<Free>, user: string): unknown
  /** What its handler does after. */
  thenDoes?(session: Session<Free>): Promise<void>
  /** The call that stores what it did. */
  readonly call?: 'save' | 'touch'
  /** Whether something is lost when that is dropped, and has to be told. */
  readonly changes?: boolean
  /** Whether the token is another one after it. */
  readonly replaces?: boolean
  readonly signsIn?: boolean
}

const write = (session: Session<Free>): void => {
  session['note'] = 'slow'
}

const slows: Record<string, Slow> = {
  read: { from: 'user', does: (session) => session['user'] },
  'read with the previous token': { from: 'user', token: 'previous', does: (session) => session['user'] },
  write: { from: 'user', does: write, call: 'save', changes: true },
  'deletion of a key': { from: 'user', does: (session) => delete session['kept'], call: 'save', changes: true },
  'write with the previous token': { from: 'user', token: 'previous', does: write, call: 'save', changes: true },
  'explicit save()': {
    from: 'user',
    does: write,
    thenDoes: (session) => session.save(),
    call: 'save',
    changes: true,
  },
  'session.update()': {
    from: 'user',
    does() {},
    thenDoes: (session) => session.update((data) => void (data['note'] = 'slow')),
    call: 'save',
    changes: true,
  },
  'touch()': { from: 'user', does: (session) => session.touch(), call: 'touch' },
  'touch that is due': { from: 'user', age: TOUCH_LAG, does: (session) => session['user'], call: 'touch' },
  'periodic rotation': { from: 'user', age: ROTATE_EVERY, does: (session) => session['user'], call: 'save' },
  'confirmation of a rotation': {
    from: 'user',
    token: 'unconfirmed',
    does: (session) => session['user'],
    call: 'save',
  },
  'regenerate()': {
    from: 'user',
    does: (session) => session.regenerate(),
    call: 'save',
    changes: true,
    replaces: true,
  },
  'sign-in': {
    from: 'visitor',
    does: (session, user) => (session['user'] = user),
    call: 'save',
    changes: true,
    replaces: true,
    signsIn: true,
  },
  'change of user': {
    from: 'user',
    does: (session, user) => (session['user'] = `${user}-other`),
    call: 'save',
    changes: true,
    replaces: true,
  },
  'sign-out by the data': {
    from: 'user',
    does: (session) => delete session['user'],
    call: 'save',
    changes: true,
    replaces: true,
  },
}

/** How its session ends. */
interface End {
  /** Nothing is left of it, or it goes on under another token. */
  readonly leaves: 'nothing' | 'another token'
  /** What the browser of the other token then sees. */
  readonly sees?: 'the user' | 'nobody'
  /** Whether it takes its turn with the session's writes in the same process. */
  readonly takesTurns?: boolean
  /** Whether it takes the old token, or the old user. */
  readonly needsOld?: boolean
  readonly byTime?: boolean
  run(about: { process: Process; browser: Browser; user: string; id: string; world: World }): Promise<void>
}

const ends: Record<string, End> = {
  'destroy()': {
    leaves: 'nothing',
    takesTurns: true,
    needsOld: true,
    async run({ browser }) {
      expect(await browser.post('/logout')).toMatchObject({ status: 200 })
      expect(browser.cookie).toBeUndefined()
    },
  },
  'regenerate()': {
    leaves: 'another token',
    sees: 'the user',
    takesTurns: true,
    needsOld: true,
    run: async ({ browser }) => isAnother(browser, await browser.post('/renew')),
  },
  'emptying regenerate(cb)': {
    leaves: 'another token',
    sees: 'nobody',
    takesTurns: true,
    needsOld: true,
    run: async ({ browser }) => isAnother(browser, await browser.post('/empty')),
  },
  'revoke()': {
    leaves: 'nothing',
    async run({ process, id }) {
      expect(await process.sessions.revoke(id)).toBe(true)
    },
  },
  'revokeAll()': {
    leaves: 'nothing',
    needsOld: true,
    async run({ process, user }) {
      await process.sessions.revokeAll(user)
    },
  },
  'idle expiry': {
    leaves: 'nothing',
    byTime: true,
    run: async ({ world }) => world.clock.advance(IDLE * 1000),
  },
  'absolute expiry': {
    leaves: 'nothing',
    byTime: true,
    run: async ({ world }) => world.clock.advance(LIFETIME * 1000),
  },
}

function isAnother(browser: Browser, { status, setCookies }: Answer): void {
  expect(status).toBe(200)
  expect(setCookies.map(pairOf)).toEqual([browser.cookie])
}

/** Where the slow request is when its session ends, and in which process that happens. */
type Place = 'loaded' | 'handling' | 'writing' | 'written'
type Where = { readonly place: Place; readonly by: 'here' | 'there' }

/** In one process the writes of one session take turns, so what waits for its turn cannot overtake one that is held. */
function wheresOf(slow: Slow, end: End): Where[] {
  const wheres: Where[] = [
    { place: 'loaded', by: 'there' },
    { place: 'handling', by: 'here' },
  ]
  if (slow.call) wheres.push({ place: 'writing', by: 'there' })
  if (slow.call && !end.takesTurns) wheres.push({ place: 'writing', by: 'here' })
  // Once the token is another, the old one ends nothing; and once the user is another, what was the old one's.
  if (slow.call && !(slow.replaces && end.needsOld)) wheres.push({ place: 'written', by: 'there' })
  return wheres
}

/** Where handlers wait, when they are to wait. */
const waiting: { slow?: Gate | undefined; logout?: Gate | undefined } = {}

const app: App = {
  routes: {
    'GET /me': ({ session }) => ({ body: { ...session } }),
    'POST /begin': ({ session, body }) => {
      Object.assign(session, { kept: 'kept', ...(body as object) })
      session.limit({ lifetime: LIFETIME * 10 })
      return { body: 'begun' }
    },
    'POST /begin-short': ({ session, body }) => {
      Object.assign(session, { kept: 'kept', ...(body as object) })
      session.limit({ lifetime: LIFETIME })
      return { body: 'begun' }
    },
    'POST /slow': async ({ session, query }) => {
      const { does, thenDoes } = slows[query.get('kind')!]!
      await does(session, query.get('user')!)
      await waiting.slow?.pass()
      const code = await thenDoes?.(session).catch((error: { code: string }) => error.code)
      return { status: 202, headers: { location: '/next', 'x-code': code ?? 'none' }, body: 'as the handler made it' }
    },
    'POST /write': ({ session, body }) => {
      Object.assign(session, body)
      return { body: 'written' }
    },
    'POST /logout': async ({ session }) => {
      const destroyed = session.destroy()
      void waiting.logout?.pass()
      await destroyed
      return { body: 'bye' }
    },
    'POST /renew': async ({ session }) => {
      await session.regenerate()
      return { body: 'renewed' }
    },
    'POST /empty': async ({ session }) => {
      await new Promise<void>((resolve, reject) => {
        session.regenerate((error) => (error ? reject(error) : resolve()))
      })
      return { body: 'emptied' }
    },
  },
}

promiseSuite('P1', (setting) => {
  let world: World
  beforeAll(async () => (world = await openWorld(setting, app, { idleTimeout: IDLE, rotateEvery: ROTATE_EVERY })))
  afterAll(() => world.close())
  afterEach(() => {
    waiting.slow = waiting.logout = undefined
    world.watched.reset()
  })

  /** A session as the slow request is to find it: its browser, and the cookie that the request comes with. */
  async function begin(slow: Slow, short: boolean): Promise<{ browser: Browser; cookie: string; user: string }> {
    const user = newUser()
    const browser = world.there.browser()
    await browser.post(short ? '/begin-short' : '/begin', slow.from === 'user' ? { user } : {})
    const first = browser.cookie!
    world.clock.advance((slow.age ?? 0) * 1000)
    if (slow.token) {
      world.clock.advance(ROTATE_EVERY * 1000)
      await browser.get('/me')
      expect(browser.cookie).not.toBe(first)
    }
    return { browser, cookie: slow.token === 'previous' ? first : browser.cookie!, user }
  }

  /** Sends the slow request, lets its session end when it is there, lets it go on, and gives its answer. */
  async function race(
    kind: string,
    { place }: Where,
    about: { cookie: string; user: string },
    end: () => Promise<void>,
  ): Promise<Answer> {
    const gate = gateAt(place, slows[kind]!)
    const answer = new Browser(world.here.port).post(
      `/slow?${new URLSearchParams({ kind, user: about.user }).toString()}`,
      undefined,
      about,
    )
    // A mistake in the library may answer before it has been held.
    await Promise.race([gate.reached, answer])
    await end()
    gate.open()
    const answered = await answer
    await world.watched.idle()
    return answered
  }

  function gateAt(place: Place, { call }: Slow): Gate {
    if (place === 'handling') return (waiting.slow = new Gate())
    if (place === 'loaded') return world.watched.hold(['load'], 'answered')
    return world.watched.hold([call!], place === 'writing' ? 'asked' : 'answered')
  }

  async function dataAt(cookie: string): Promise<unknown> {
    const { body, setCookies } = await world.there.browser().get('/me', { cookie })
    expect(setCookies).toEqual([])
    return JSON.parse(body)
  }

  describe.each(Object.keys(slows))('a %s in flight', (kind) => {
    const slow = slows[kind]!

    // A visitor's session is nobody's: it is the sign-in that is revoked, in a test of its own.
    const revokesAll = !setting.store.cannotList && slow.from === 'user'
    it.each(Object.keys(ends).filter((name) => name !== 'revokeAll()' || revokesAll))(
      'does not undo %s',
      async (name) => {
        const end = ends[name]!
        for (const where of wheresOf(slow, end)) {
          const label = `${where.place}, ended ${where.by}`
          const { browser, cookie, user } = await begin(slow, name === 'absolute expiry')
          const ending = new Browser(world[where.by].port, browser.cookie)
          const { id } = tokenOf(cookie)
          world.takeEvents()
          const answer = await race(kind, where, { cookie, user }, () =>
            end.run({ process: world[where.by], browser: ending, user, id, world }),
          )
          const told = world.takeEvents().map(({ type }) => type)

          // Its own response leaves as the handler made it.
          expect(answer, label).toMatchObject({ status: 202, body: 'as the handler made it' })
          expect(answer.headers['location'], label).toBe('/next')

          // A write whose call carries an instant before the expiry is no late one.
          const late = where.place !== 'written' && !(where.place === 'writing' && end.byTime)
          const alone = late && slow.signsIn === true
          const dropped = late && slow.changes === true && !alone
          expect(told.filter((type) => type === 'dropped-write').length, label).toBe(dropped ? 1 : 0)
          expect(told, label).not.toContain('store-error')
          expect(answer.headers['x-code'], label).toBe(dropped && slow.thenDoes ? 'ERR_SOJOURN_GONE' : 'none')

          // No new id but a sign-in's, and no token at all from a write that was dropped.
          const given = answer.setCookies.map(pairOf)
          if (dropped) expect(given, label).toEqual([])
          for (const pair of given) expect(tokenOf(pair).id === id, label).toBe(!alone)

          // The old cookie is anonymous, and so is whatever else the slow response gave.
          for (const old of new Set([cookie, browser.cookie!])) expect(await dataAt(old), label).toEqual({})
          if (alone) {
            expect(given, label).toHaveLength(1)
            expect(await dataAt(given[0]!), label).toEqual({ kept: 'kept', user })
          } else if (end.leaves === 'nothing') {
            for (const pair of given) expect(await dataAt(pair), label).toEqual({})
          }

          // In the store there is nothing, or what the other token's holder left there.
          if (end.leaves === 'nothing') expect(await world.stored(id), label).toBeUndefined()
          else {
            const owner = slow.from === 'user' ? { user } : {}
            const note = !late && slow.changes && kind !== 'deletion of a key' ? { note: 'slow' } : {}
            const kept = !late && kind === 'deletion of a key' ? {} : { kept: 'kept' }
            const expected = end.sees === 'the user' ? { ...owner, ...kept, ...note } : {}
            expect(await dataAt(ending.cookie!), label).toEqual(expected)
          }
        }
      },
    )
  })

  it('lets a logout wait for the write that is being stored in the same process, and ends the session then', async () => {
    const user = newUser()
    const browser = world.here.browser()
    await browser.post('/begin', { user })
    const { id } = browser.token
    const cookie = browser.cookie!
    const gate = world.watched.hold(['save'], 'asked')
    const writing = world.here.browser().post('/write', { note: 'slow' }, { cookie })
    await gate.reached
    waiting.logout = new Gate()
    const leaving = browser.post('/logout')
    await waiting.logout.reached
    gate.open()
    expect(await writing).toMatchObject({ status: 200, body: 'written', setCookies: [] })
    expect(await leaving).toMatchObject({ status: 200, body: 'bye' })
    expect(await dataAt(cookie)).toEqual({})
    expect(await world.stored(id)).toBeUndefined()
  })

  it('ends a session that another process writes to between the logout and the removal', async () => {
    const browser = world.here.browser()
    await browser.post('/begin', { user: newUser() })
    const { id } = browser.token
    const cookie = browser.cookie!
    const gate = world.watched.hold(['remove'], 'asked')
    const leaving = browser.post('/logout')
    await gate.reached
    const writing = await world.there.browser().post('/write', { note: 'fast' }, { cookie })
    expect(writing).toMatchObject({ status: 200, setCookies: [] })
    expect(await world.stored(id)).toMatchObject({ version: 2 })
    gate.open()
    expect(await leaving).toMatchObject({ status: 200 })
    expect(await dataAt(cookie)).toEqual({})
    expect(await world.stored(id)).toBeUndefined()
  })

  it.each([
    ['load', 'answered'],
    ['save', 'asked'],
  ] as const)('rejects an update from outside whose session is revoked when its %s is %s', async (call, moment) => {
    const browser = world.here.browser()
    await browser.post('/begin', { user: newUser() })
    const { id } = browser.token
    const gate = world.watched.hold([call], moment)
    const updating = world.here.sessions.update(id, (data) => void (data['note'] = 'slow'))
    await gate.reached
    expect(await world.there.sessions.revoke(id)).toBe(true)
    gate.open()
    await expect(updating).rejects.toMatchObject({ code: 'ERR_SOJOURN_GONE' })
    expect(await world.stored(id)).toBeUndefined()
  })

  if (setting.store.cannotList) return

  describe('revokeAll() ends a sign-in that is under way', () => {
    const froms = { 'of a new visitor': 'create', 'from a session that is there': 'save' } as const
    it.each(Object.entries(froms))('%s', async (_, call) => {
      const gates = {
        'in its handler': () => (waiting.slow = new Gate()),
        'before it is stored': () => world.watched.hold([call], 'asked'),
        'when it is stored': () => world.watched.hold([call], 'answered'),
        'before the mark is read': () => world.watched.hold(['revokedAt'], 'asked'),
        'after the mark is read': () => world.watched.hold(['revokedAt'], 'answered'),
      }
      for (const [place, hold] of Object.entries(gates)) {
        const user = newUser()
        const visitor = world.there.browser()
        if (call === 'save') await visitor.post('/begin', {})
        world.takeEvents()
        const gate = hold()
        const signingIn = new Browser(world.here.port, visitor.cookie).post(`/slow?kind=sign-in&user=${user}`)
        await gate.reached
        await world.there.sessions.revokeAll(user)
        gate.open()
        const { status, body, setCookies } = await signingIn
        waiting.slow = undefined
        expect({ status, body }, place).toEqual({ status: 202, body: 'as the handler made it' })
        // Once the mark has been read the sign-in had been done, and came to its end like any other session.
        const done = place === 'after the mark is read'
        expect(
          world.takeEvents().map(({ type }) => type),
          place,
        ).toEqual(done ? ['revoked'] : ['revoked', 'dropped-write'])
        expect(setCookies, place).toHaveLength(done ? 1 : 0)
        for (const cookie of [visitor.cookie, ...setCookies.map(pairOf)]) {
          if (cookie) expect(await dataAt(cookie), place).toEqual({})
        }
        const left = []
        for await (const info of world.there.sessions.list(user)) left.push(info.id)
        expect(left, place).toEqual([])
      }
    })
  })
})
