import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/core/session.ts'
import { rejection, scene, type TestData } from '../support/scene.ts'

const ENDED = { name: 'UsageError', code: 'ERR_SOJOURN_DESTROYED', status: 500 }
const called = (run: (callback: (error: unknown) => void) => void): Promise<unknown> => new Promise(run)

/** The ways in which a session object ends. */
const ENDINGS: [string, (session: Session<TestData>) => unknown][] = [
  ['destroy()', (session) => session.destroy()],
  ['destroy(callback)', (session) => called((callback) => session.destroy(callback))],
  ['regenerate({ keep: false })', (session) => session.regenerate({ keep: false })],
  ['regenerate(callback)', (session) => called((callback) => session.regenerate(callback))],
]

describe.each(ENDINGS)('a session object after %s', (_, end) => {
  it('keeps its data for reading, and takes no more', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    const { id } = session
    await end(session)
    expect({ ...session }).toEqual({ user: { id: 'alice' } })
    expect([session.id, Object.isFrozen(session)]).toEqual([id, true])
    expect(() => (session['a'] = 1)).toThrow(TypeError)
  })

  it('has methods that refuse, each in its own way', async () => {
    const session = await (await scene().signedIn()).open()
    await end(session)
    expect(await rejection(session.save())).toMatchObject(ENDED)
    expect(await rejection(session.reload())).toMatchObject(ENDED)
    expect(await rejection(session.destroy())).toMatchObject(ENDED)
    expect(await rejection(session.regenerate())).toMatchObject(ENDED)
    expect(await rejection(session.update(() => 1))).toMatchObject(ENDED)
    expect(await called((callback) => session.save(callback))).toMatchObject(ENDED)
    expect(await called((callback) => session.regenerate(callback))).toMatchObject(ENDED)
    expect(() => session.touch()).toThrow(expect.objectContaining(ENDED))
    expect(() => session.limit({ lifetime: 60 })).toThrow(expect.objectContaining(ENDED))
  })

  it('has a successor, empty and of full use', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    await end(session)
    const next = app.sessions.current(session)
    expect(next).not.toBe(session)
    expect({ ...next }).toEqual({})
    expect(app.sessions.current(next)).toBe(next)
    next['notice'] = 'hello'
    await next.save()
    await alice.finish(session)
    expect({ ...(await alice.open()) }).toEqual({ notice: 'hello' })
  })

  it('leaves the old token dead', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const old = alice.copy()
    await alice.visit(end)
    expect((await old.open()).isNew).toBe(true)
  })

  it('of a visitor without a session leaves nothing in the store, and the successor is of use', async () => {
    const app = scene()
    const visitor = app.visitor()
    await visitor.visit(async (session) => {
      session['lost'] = true
      await end(session)
    })
    expect([app.store.calls, visitor.cookie]).toEqual([[], null])
    await visitor.visit(async (session) => {
      await end(session)
      app.sessions.current(session)['kept'] = true
    })
    expect({ ...(await visitor.open()) }).toEqual({ kept: true })
  })
})

describe('destroy', () => {
  it('acts at once, and ends the session for every browser that holds its token', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    await session.destroy()
    expect(app.rows.size).toBe(0)
    expect((await alice.copy().open()).isNew).toBe(true)
    expect(app.takeTold()).toEqual(['destroyed'])
    expect(app.events.at(-1)).toMatchObject({ id: session.id, principal: 'alice' })
  })

  it('is followed by a new session with another id', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const { session: first } = await alice.visit()
    const { session: next, plan } = await alice.visit(async (session) => {
      await session.destroy()
      app.sessions.current(session).user = { id: 'bob' }
    })
    expect(plan).toBe('create')
    expect(next.id).not.toBe(first.id)
    expect([...app.rows.keys()]).toEqual([next.id])
    expect(app.takeTold()).toEqual(['destroyed', 'created', 'signed-in'])
  })

  it('of a session that is already gone is no error', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    await app.sessions.revoke(session.id)
    await session.destroy()
    expect((await alice.finish(session)).plan).toBe('remove')
  })

  it('wins over a save that is still under way in the same request', async () => {
    const app = scene({ slow: true })
    const visitor = app.visitor()
    const session = await visitor.open()
    session.user = { id: 'alice' }
    const held = app.store.hold('create')
    const saved = session.save()
    await held.reached
    const destroyed = session.destroy()
    held.open()
    await Promise.allSettled([saved, destroyed])
    const { cookie } = await visitor.finish(session)
    expect([app.rows.size, cookie]).toEqual([0, undefined])
  })

  it('wins over a save that was begun before it in another request', async () => {
    const app = scene({ slow: true })
    const alice = await app.signedIn()
    const [slow, leaving] = [await alice.open(), await alice.open()]
    const held = app.store.hold('save')
    slow['a'] = 1
    const commit = app.sessions.commit(slow)
    await held.reached
    const destroyed = leaving.destroy()
    held.open()
    await Promise.all([commit, destroyed])
    expect(app.rows.size).toBe(0)
  })
})

describe('regenerate', () => {
  it('keeps id and data, and replaces the token in one write at the commit', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const old = alice.copy()
    const { plan, session } = await alice.visit(async (session) => {
      await session.regenerate()
      expect((await old.open()).isNew).toBe(false)
    })
    expect(plan).toBe('save')
    expect(app.store.calls.filter((call) => call !== 'load')).toEqual(['save'])
    expect([alice.token.split('.')[0], alice.secret === old.secret]).toEqual([session.id, false])
    expect((await alice.open()).user).toEqual({ id: 'alice' })
    expect((await old.open()).isNew).toBe(true)
    expect(app.takeTold()).toEqual(['rotated', 'bad-token'])
  })

  it('has no grace: the one before is not told the new token', async () => {
    const app = scene({ rotateEvery: 60 })
    const alice = await app.signedIn()
    const old = alice.copy()
    await alice.visit((session) => session.regenerate())
    expect((await old.visit()).cookie).toBeUndefined()
  })

  it('is done by save already', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const { plan, cookie } = await alice.visit(async (session) => {
      await session.regenerate()
      await session.save()
    })
    expect([plan, cookie === undefined]).toEqual(['nothing', false])
    expect((await alice.open()).user).toEqual({ id: 'alice' })
  })

  it('of a new session does nothing of its own', async () => {
    const app = scene()
    const { plan } = await app.visitor().visit((session) => session.regenerate())
    expect([plan, app.store.calls]).toEqual(['nothing', []])
  })

  it('with an empty session keeps the id, signs out, and takes nothing of what others stored', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const other = await alice.open()
    const { session, plan } = await alice.visit(async (session) => {
      await session.regenerate({ keep: false })
      other['theirs'] = true
      await other.save()
      app.sessions.current(session)['mine'] = true
    })
    expect(plan).toBe('save')
    expect(app.rows.get(session.id)?.principal).toBeNull()
    expect({ ...(await alice.open()) }).toEqual({ mine: true })
  })

  it('as passport does it signs in with a new token, and keeps what is copied', async () => {
    const app = scene()
    const known = await app.known({ cart: ['book'] })
    const old = known.copy()
    await known.visit(async (session) => {
      const before = session
      await called((callback) => session.regenerate(callback))
      const next = app.sessions.current(session)
      Object.assign(next, before)
      next['passport'] = { user: 'alice' }
      await called((callback) => next.save(callback))
    })
    expect({ ...(await known.open()) }).toEqual({ cart: ['book'], passport: { user: 'alice' } })
    expect((await old.open()).isNew).toBe(true)
    expect([...app.rows.values()].map(({ principal }) => principal)).toEqual(['alice'])
  })

  it('keeps limits that were set before it', async () => {
    const app = scene()
    const known = await app.known()
    const { session } = await known.visit(async (session) => {
      session.limit({ idleTimeout: 60 })
      await session.regenerate({ keep: false })
      app.sessions.current(session)['a'] = 1
    })
    expect(session.expiresAt).toBe(app.clock() + 60_000)
  })
})
