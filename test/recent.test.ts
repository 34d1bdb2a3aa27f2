import { describe, expect, it, vi } from 'vitest'
import { requireRecent } from '../src/recent.ts'
import { FRAMEWORKS, type Req, stage } from './adapters/_stage.ts'
import { DAY, HOUR, MINUTE, rejection, scene, SECOND } from './support/scene.ts'
import { fakeClock } from '../src/testing/clock.ts'

const NOT_RECENT = { name: 'SignInError', code: 'ERR_SOJOURN_NOT_RECENT', status: 401 }
const notRecent = expect.objectContaining(NOT_RECENT) as unknown
const recent = requireRecent(300)

describe('the guard of a sensitive action', () => {
  it('lets through who signed in less than so many seconds ago, to the millisecond', async () => {
    const app = scene()
    const alice = await app.signedIn()
    app.clock.advance(5 * MINUTE - SECOND - 1)
    expect(recent(await alice.open())).toBeUndefined()
    app.clock.advance(1)
    const session = await alice.open()
    expect(() => recent(session)).toThrow(notRecent)
    expect(() => recent(session)).toThrow(/300 s ago; let the person sign in again/)
  })

  it('goes by the manager’s clock, in a request that takes long as well', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    recent(session)
    app.clock.advance(5 * MINUTE)
    expect(() => recent(session)).toThrow(notRecent)
  })

  it('is not moved by anything that is no sign-in', async () => {
    const app = scene({ rotateEvery: 60 })
    const alice = await app.signedIn()
    for (let minutes = 0; minutes < 5; minutes++) {
      app.clock.advance(MINUTE)
      await alice.visit(async (session) => {
        session['views'] = minutes
        session.user = { id: 'alice', name: 'Alice' }
        session.touch()
        session.limit({ persistent: false })
        await session.regenerate()
        await session.save()
      })
    }
    expect(() => recent(alice)).toThrow(expect.objectContaining({ code: 'ERR_SOJOURN_UNSUPPORTED' }))
    const session = await alice.open()
    expect(() => recent(session)).toThrow(notRecent)
  })

  it('lets nobody through who is nobody, known or not', async () => {
    const app = scene()
    for (const visitor of [app.visitor(), await app.known()]) {
      const session = await visitor.open()
      expect(() => recent(session)).toThrow(notRecent)
      expect(() => recent(session)).toThrow(/^Nobody is signed in; /)
    }
  })

  it('lets nobody through by what the data say', async () => {
    const app = scene()
    const known = await app.known({ authenticated: true, authenticatedat: app.clock(), startedAt: app.clock() })
    const session = await known.open()
    expect(() => recent(session)).toThrow(notRecent)
  })

  it('lets nobody through whose session could not be read', async () => {
    const app = scene({ onStoreFailure: 'anonymous' })
    const alice = await app.signedIn()
    app.store.fail('load')
    const session = await alice.open()
    expect(() => recent(session)).toThrow(notRecent)
  })

  it('does not judge a session that has ended', async () => {
    const alice = await scene().signedIn()
    const session = await alice.open()
    await session.destroy()
    expect(() => recent(session)).toThrow(expect.objectContaining({ code: 'ERR_SOJOURN_DESTROYED' }))
  })

  it.each([{}, { authenticatedAt: Date.now(), now: Date.now }, undefined, 5])(
    'does not judge what is no session: %o',
    (given) => {
      expect(() => recent(given as object)).toThrow(
        expect.objectContaining({ name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' }),
      )
    },
  )

  it.each([0, -1, NaN, Infinity, '300' as unknown as number, undefined as unknown as number])(
    'of %o seconds is an error at start',
    (seconds) => {
      expect(() => requireRecent(seconds)).toThrow(
        expect.objectContaining({ name: 'ConfigError', message: expect.stringMatching(/; give for example 300/) }),
      )
    },
  )
})

describe.each(FRAMEWORKS)('the guard as a middleware of %s', (framework) => {
  it('lets those through whom it should, and has the error handler answer the others', async () => {
    const clock = fakeClock()
    const guarded = vi.fn((req: Req, res) => res.end(String(req.session['user'])))
    const { ask, signIn, errors } = await stage({
      framework,
      manager: { clock },
      handler(req, res, next) {
        if (req.url === '/no-session') delete (req as Partial<Req>).session
        recent(req, res, (error) => (error ? next(error) : guarded(req, res)))
      },
    })
    const cookie = await signIn()
    expect(await ask({ cookie })).toMatchObject({ status: 200, text: 'alice' })
    expect(await ask()).toMatchObject({ status: 401 })
    clock.advance(5 * MINUTE)
    expect(await ask({ cookie })).toMatchObject({ status: 401 })
    expect(errors).toMatchObject([NOT_RECENT, NOT_RECENT])
    expect(guarded).toHaveBeenCalledTimes(1)
  })
})

describe('the guard as a middleware', () => {
  const through = (request: object): unknown[] => {
    const next = vi.fn()
    recent(request, {}, next)
    expect(next).toHaveBeenCalledTimes(1)
    return next.mock.calls[0]!
  }

  it('tells of a session that the handler has ended, of none at all, and of another library’s', () => {
    expect(through({ session: null })).toEqual([notRecent])
    expect(through({})).toEqual([expect.objectContaining({ code: 'ERR_SOJOURN_UNSUPPORTED' })])
    expect(through({ session: { user: 'alice' } })).toEqual([
      expect.objectContaining({ message: expect.stringContaining('mount session() before it') as string }),
    ])
  })

  it('hands on nothing when all is well, and catches nothing of what lies behind it', async () => {
    const session = await (await scene().signedIn()).open()
    expect(through({ session })).toEqual([undefined])
    const failing = vi.fn(() => {
      throw new Error('behind')
    })
    expect(() => recent({ session }, {}, failing)).toThrow('behind')
    expect(failing).toHaveBeenCalledTimes(1)
  })
})

describe('somebody who proves anew who they are', () => {
  it('gets a new token at once, and a new instant of sign-in, and keeps all else (E07)', async () => {
    const app = scene({ rotateEvery: 60 })
    const alice = await app.signedIn()
    await alice.visit((session) => (session['cart'] = ['book']))
    app.clock.advance(HOUR)
    app.takeTold()
    const thief = alice.copy()
    const before = await alice.open()
    expect(() => recent(before)).toThrow(notRecent)
    const { plan, cookie } = await alice.visit((session) => session.regenerate({ authenticated: true }))
    expect([plan, cookie?.includes(alice.token)]).toEqual(['save', true])
    const session = await alice.open()
    recent(session)
    expect({ ...session }).toEqual({ user: { id: 'alice' }, cart: ['book'] })
    expect([session.id, session.createdAt]).toEqual([before.id, before.createdAt])
    expect(session.authenticatedAt).toBe(app.clock())
    expect(app.takeTold()).toEqual(['rotated', 'signed-in'])
    // No grace, as there is for periodic rotation.
    expect((await thief.open()).isNew).toBe(true)
    expect(app.takeTold()).toEqual(['bad-token'])
  })

  it('has signed in: the lifetime counts from there', async () => {
    const app = scene({ idleTimeout: 86_400, lifetime: 86_400 })
    const alice = await app.signedIn()
    app.clock.advance(DAY - HOUR)
    const { cookie } = await alice.visit((session) => session.regenerate({ authenticated: true }))
    expect(cookie).toContain('; Max-Age=86400;')
    app.clock.advance(DAY - 1)
    expect((await alice.open()).user).toEqual({ id: 'alice' })
    app.clock.advance(1)
    expect((await alice.open()).isNew).toBe(true)
  })

  it('is nobody still, when nobody is signed in', async () => {
    const app = scene()
    const known = await app.known()
    await known.visit((session) => session.regenerate({ authenticated: true }))
    const session = await known.open()
    expect(session.authenticatedAt).toBeNull()
    expect(app.takeTold()).toEqual(['rotated'])
    expect(() => recent(session)).toThrow(notRecent)
  })

  it('asks once: a save and a commit later nothing is left of it', async () => {
    const app = scene()
    const alice = await app.signedIn()
    await alice.visit(async (session) => {
      await session.regenerate({ authenticated: true })
      await session.save()
      app.clock.advance(HOUR)
      session['late'] = true
    })
    expect((await alice.open()).authenticatedAt).toBe(app.clock() - HOUR)
    expect(app.takeTold()).toEqual(['rotated', 'signed-in'])
  })

  it('is dropped when everything of theirs was revoked meanwhile', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    await session.regenerate({ authenticated: true })
    await app.sessions.revokeAll('alice')
    expect(await rejection(session.save())).toMatchObject({ code: 'ERR_SOJOURN_GONE' })
    expect(app.rows.size).toBe(0)
  })

  it('in an emptied session signs in, as passport does it', async () => {
    const app = scene()
    const alice = await app.signedIn()
    app.clock.advance(HOUR)
    const { session } = await alice.visit(async (session) => {
      await new Promise((resolve) => session.regenerate(resolve))
      app.sessions.current(session).user = { id: 'alice' }
    })
    expect(session.authenticatedAt).toBe(app.clock())
    recent(await alice.open())
  })

  it('does not when the application says that it was none', async () => {
    const app = scene()
    const alice = await app.signedIn()
    app.clock.advance(HOUR)
    await alice.visit(async (session) => {
      await session.regenerate({ keep: false, authenticated: false })
      app.sessions.current(session).user = { id: 'alice' }
    })
    const session = await alice.open()
    expect(session.user).toEqual({ id: 'alice' })
    expect(() => recent(session)).toThrow(notRecent)
  })
})
