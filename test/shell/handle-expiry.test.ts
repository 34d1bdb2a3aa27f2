import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE, rejection, scene, SECOND, settled } from '../support/scene.ts'

const IDLE = { idleTimeout: 3600, lifetime: 86_400 }

describe('a session ends', () => {
  it('when nobody came for its idle timeout, to the millisecond', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    app.clock.advance(HOUR - SECOND - 1)
    expect((await alice.open()).isNew).toBe(false)
    app.clock.advance(1)
    expect((await alice.open()).isNew).toBe(true)
  })

  it('after its lifetime, however often somebody came', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    for (let minutes = 30; minutes < 24 * 60; minutes += 30) {
      app.clock.advance(30 * MINUTE)
      expect((await alice.visit((session) => session.touch())).session.isNew).toBe(false)
    }
    app.clock.advance(30 * MINUTE - SECOND - 1)
    expect((await alice.visit((session) => (session['a'] = 1))).session.isNew).toBe(false)
    app.clock.advance(1)
    expect((await alice.open()).isNew).toBe(true)
  })

  it('no later for new tokens or writes', async () => {
    const app = scene({ ...IDLE, rotateEvery: 60 })
    const alice = await app.signedIn()
    const { createdAt } = await alice.open()
    for (let hours = 1; hours < 48; hours++) {
      app.clock.advance(HOUR / 2)
      await alice.visit(async (session) => {
        if (!session.isNew) await session.regenerate()
      })
    }
    expect(createdAt).toBe(app.clock() - SECOND - 47 * (HOUR / 2))
    app.clock.advance(HOUR / 2)
    expect((await alice.open()).isNew).toBe(true)
  })

  it('a whole lifetime after a sign-in', async () => {
    const app = scene(IDLE)
    const known = await app.known()
    for (let hours = 0; hours < 46; hours++) {
      app.clock.advance(HOUR / 2)
      await known.visit((session) => {
        if (hours === 44) session.user = { id: 'alice' }
      })
    }
    app.clock.advance(HOUR / 2)
    const session = await known.open()
    expect(session.user).toEqual({ id: 'alice' })
    expect(session.authenticatedAt).toBe(app.clock() - HOUR)
    expect(session.createdAt).toBe(app.clock() - SECOND - 47 * (HOUR / 2))
    expect(session.expiresAt).toBe(app.clock() + HOUR / 2)
  })

  it('by what the server keeps: no key of its data reaches that', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    await alice.visit((session) => Object.assign(session, { cookie: { expires: '2125-01-01', maxAge: 1e12 } }))
    for (const key of ['expiresAt', 'createdAt', 'authenticatedAt']) {
      const session = await alice.open()
      expect(() => Object.assign(session, { [key]: Number.MAX_SAFE_INTEGER })).toThrow(
        expect.objectContaining({ code: 'ERR_SOJOURN_RESERVED_KEY' }),
      )
    }
    app.clock.advance(HOUR)
    expect((await alice.open()).isNew).toBe(true)
  })
})

describe('the stored expiry', () => {
  it('is moved by a read when it lags by 5 % of the idle timeout, and not before', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    app.clock.advance(3 * MINUTE - SECOND - 1)
    expect((await alice.visit()).plan).toBe('nothing')
    app.clock.advance(1)
    expect((await alice.visit()).plan).toBe('touch')
    expect((await alice.open()).expiresAt).toBe(app.clock() + HOUR)
    expect((await alice.visit()).plan).toBe('nothing')
  })

  it('is moved when it lags by five minutes, however long the idle timeout is', async () => {
    const app = scene({ idleTimeout: 30 * 86_400, lifetime: 60 * 86_400 })
    const alice = await app.signedIn()
    app.clock.advance(5 * MINUTE - SECOND - 1)
    expect((await alice.visit()).plan).toBe('nothing')
    app.clock.advance(1)
    expect((await alice.visit()).plan).toBe('touch')
  })

  it('is moved by a request that only reorders its keys, and that so has nothing to store', async () => {
    const app = scene(IDLE)
    const known = await app.known({ a: 1, b: 2 })
    for (let hours = 0; hours < 6; hours++) {
      app.clock.advance(HOUR / 2)
      await known.visit((session) => {
        const { a } = session
        delete session['a']
        session['a'] = a
      })
      await settled()
    }
    expect({ ...(await known.open()) }).toEqual({ a: 1, b: 2 })
  })

  it('is moved by touch() though it hardly lags, and never beyond the lifetime', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    app.clock.advance(SECOND)
    expect((await alice.visit((session) => session.touch())).plan).toBe('touch')
    expect((await alice.open()).expiresAt).toBe(app.clock() + HOUR)
    for (let hours = 0; hours < 24; hours++) {
      app.clock.advance(HOUR - SECOND)
      await alice.visit((session) => session.touch())
      await settled()
    }
    const session = await alice.open()
    expect(session.expiresAt).toBe(session.createdAt + DAY)
  })

  it('costs at most one write in twenty for steady reads', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    for (let reads = 0; reads < 400; reads++) {
      app.clock.advance(9 * SECOND)
      await alice.visit((session) => session.user)
    }
    expect(app.store.calls.filter((call) => call === 'touch').length).toBeLessThanOrEqual(20)
    expect((await alice.open()).isNew).toBe(false)
  })

  it('does not go back when the clock does', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    const { expiresAt } = await alice.open()
    app.clock.advance(-HOUR)
    await alice.visit((session) => session.touch())
    expect((await alice.open()).expiresAt).toBe(expiresAt)
  })
})

describe('limit', () => {
  it('gives one session a tighter idle timeout, which stays its own', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    await alice.visit((session) => session.limit({ idleTimeout: 60 }))
    app.clock.advance(MINUTE - 1)
    await alice.visit((session) => (session['a'] = 1))
    app.clock.advance(MINUTE - 1)
    expect((await alice.open()).isNew).toBe(false)
    app.clock.advance(1)
    expect((await alice.open()).isNew).toBe(true)
  })

  it('gives one session a tighter lifetime, and its cookie with it', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    const { cookie, plan } = await alice.visit((session) => session.limit({ lifetime: 600 }))
    expect(plan).toBe('save')
    expect(cookie).toContain(`=${alice.token}; Max-Age=599;`)
    app.clock.advance(10 * MINUTE - SECOND - 1)
    await alice.visit((session) => session.touch())
    app.clock.advance(1)
    expect((await alice.open()).isNew).toBe(true)
  })

  it('makes the cookie one that ends with the browser, or one that does not', async () => {
    const app = scene(IDLE)
    const visitor = app.visitor()
    const { cookie } = await visitor.visit((session) => {
      session.user = { id: 'alice' }
      session.limit({ persistent: false })
    })
    expect(cookie).not.toContain('Max-Age')
    expect((await visitor.visit((session) => session.regenerate())).cookie).not.toContain('Max-Age')
    expect((await visitor.visit((session) => session.limit({ persistent: true }))).cookie).toContain('; Max-Age=86400;')
  })

  it('lengthens nothing beyond what is configured', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    const { cookie } = await alice.visit((session) => session.limit({ idleTimeout: 1e7, lifetime: 1e7 }))
    expect(cookie).toContain('; Max-Age=86399;')
    app.clock.advance(HOUR)
    expect((await alice.open()).isNew).toBe(true)
  })

  it('is taken together when it is called twice', async () => {
    const app = scene(IDLE)
    const { session, cookie } = await app.visitor().visit((session) => {
      session['a'] = 1
      session.limit({ persistent: false, idleTimeout: 60 })
      session.limit({ idleTimeout: 30 })
      expect(session.expiresAt).toBe(app.clock() + 30 * SECOND)
    })
    expect(session.expiresAt).toBe(app.clock() + 30 * SECOND)
    expect(cookie).not.toContain('Max-Age')
  })

  it.each([0, -1, NaN, Infinity, '60' as unknown as number, null as unknown as number])(
    'of %o seconds is an error',
    async (seconds) => {
      const session = await scene().visitor().open()
      for (const key of ['idleTimeout', 'lifetime'])
        expect(() => session.limit({ [key]: seconds })).toThrow(
          expect.objectContaining({ name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' }),
        )
    },
  )

  it.each([{ lifetme: 60 }, { maxAge: 60, lifetime: 60 }, undefined, null, 60])(
    'of %o is an error: a limit that nobody reads is one that somebody believes in',
    async (limits) => {
      const session = await scene().visitor().open()
      expect(() => session.limit(limits as never)).toThrow(
        expect.objectContaining({ name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' }),
      )
    },
  )

  it('of something else than true or false for the browser is an error', async () => {
    const session = await scene().visitor().open()
    expect(() => session.limit({ persistent: 'no' as unknown as boolean })).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' }),
    )
  })

  it('is dropped when the session is gone', async () => {
    const app = scene(IDLE)
    const alice = await app.signedIn()
    const session = await alice.open()
    session.limit({ lifetime: 60 })
    app.rows.clear()
    expect(await rejection(session.save())).toMatchObject({ code: 'ERR_SOJOURN_GONE' })
    expect(app.takeTold()).toEqual(['dropped-write'])
  })
})
