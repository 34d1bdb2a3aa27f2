import { describe, expect, it, vi } from 'vitest'
import type { Session } from '../../src/core/session.ts'
import { Gate } from '../support/gate.ts'
import { HOUR, rejection, scene, SECOND, settled, type TestData } from '../support/scene.ts'
import { setCookieOf } from '../support/visitor.ts'

const STORE = { name: 'StoreError', code: 'ERR_SOJOURN_STORE' }

describe('a commit', () => {
  it('says what it did', async () => {
    const app = scene()
    const visitor = app.visitor()
    expect((await visitor.visit()).plan).toBe('nothing')
    expect((await visitor.visit((session) => (session['a'] = 1))).plan).toBe('create')
    expect((await visitor.visit((session) => session['a'])).plan).toBe('nothing')
    expect((await visitor.visit((session) => (session['a'] = 2))).plan).toBe('save')
    app.clock.advance(HOUR)
    expect((await visitor.visit()).plan).toBe('touch')
    expect((await visitor.visit((session) => session.destroy())).plan).toBe('remove')
    expect(app.store.calls).toEqual(['create', 'load', 'load', 'save', 'load', 'touch', 'load', 'remove'])
  })

  it('does nothing when the data are in the end what they were', async () => {
    const app = scene()
    const known = await app.known({ a: { b: 1 } })
    const { plan } = await known.visit((session) => {
      session['a'] = { b: 2 }
      session['c'] = undefined
      session['a'] = { b: 1 }
    })
    expect([plan, app.store.calls]).toEqual(['nothing', ['load']])
  })

  it('sees what changed deep inside', async () => {
    const app = scene()
    const known = await app.known({ cart: { items: [{ n: 1 }] } })
    await known.visit((session) => (session['cart'] as { items: { n: number }[] }).items[0]!.n++)
    expect((await known.open())['cart']).toEqual({ items: [{ n: 2 }] })
  })

  it('may be called again, and does what has been added since', async () => {
    const app = scene()
    const session = await app.visitor().open()
    session['a'] = 1
    const first = await app.sessions.commit(session)
    const again = await app.sessions.commit(session)
    session['b'] = 2
    const second = await app.sessions.commit(session)
    expect([first.plan, again.plan, second.plan]).toEqual(['create', 'nothing', 'save'])
    expect(setCookieOf(first.headers)).toBeDefined()
    expect(setCookieOf(again.headers)).toBeUndefined()
    expect(setCookieOf(second.headers)).toBeUndefined()
    expect((await app.sessions.read(session.id))?.data).toEqual({ a: 1, b: 2 })
  })

  it('waits for what the handler began and did not await', async () => {
    const app = scene({ slow: true })
    const alice = await app.signedIn()
    const held = app.store.hold('remove')
    const session = await alice.open()
    void session.destroy()
    let committed = false
    const commit = app.sessions.commit(session).finally(() => (committed = true))
    await held.reached
    await settled()
    expect(committed).toBe(false)
    held.open()
    expect((await commit).plan).toBe('remove')
    expect(app.rows.size).toBe(0)
  })

  it('waits for a save that was not awaited, and stores once', async () => {
    const app = scene({ slow: true })
    const known = await app.known()
    const { plan } = await known.visit((session) => {
      session['a'] = 1
      void session.save()
    })
    expect([plan, app.store.calls]).toEqual(['nothing', ['load', 'save']])
  })

  it('stores what was changed while a save was under way', async () => {
    const app = scene({ slow: true })
    const known = await app.known()
    const held = app.store.hold('save')
    const session = await known.open()
    session['a'] = 1
    const saved = session.save()
    await held.reached
    session['b'] = 2
    held.open()
    await saved
    await known.finish(session)
    expect({ ...(await known.open()) }).toEqual({ theme: 'dark', a: 1, b: 2 })
  })

  it('refuses an object that open did not give', async () => {
    const { sessions } = scene()
    const other = { user: { id: 'alice' } } as never
    expect(await rejection(sessions.commit(other))).toMatchObject({ code: 'ERR_SOJOURN_UNSUPPORTED' })
    expect(() => sessions.current(other)).toThrow(expect.objectContaining({ code: 'ERR_SOJOURN_UNSUPPORTED' }))
  })
})

describe('a commit that fails', () => {
  it('has the session back at what was last stored, and a second one works', async () => {
    const app = scene()
    const known = await app.known({ a: 1, b: { c: 1 } })
    const session = await known.open()
    session['a'] = 2
    ;(session['b'] as { c: number }).c = 2
    session['d'] = 4
    app.store.fail('save')
    expect(await rejection(app.sessions.commit(session))).toMatchObject(STORE)
    expect({ ...session }).toEqual({ a: 1, b: { c: 1 } })
    session['e'] = 5
    expect(await known.finish(session)).toMatchObject({ plan: 'save', cookie: undefined })
    expect({ ...(await known.open()) }).toEqual({ a: 1, b: { c: 1 }, e: 5 })
  })

  it('of a new session leaves nothing, and a second one works', async () => {
    const app = scene({ slow: true })
    const visitor = app.visitor()
    const session = await visitor.open()
    session.user = { id: 'alice' }
    app.store.fail('create')
    expect(await rejection(app.sessions.commit(session))).toMatchObject(STORE)
    expect({ ...session }).toEqual({})
    expect(await visitor.finish(session)).toMatchObject({ plan: 'nothing', cookie: undefined })
    session['notice'] = 'Please try again'
    expect(await visitor.finish(session)).toMatchObject({ plan: 'create' })
    expect({ ...(await visitor.open()) }).toEqual({ notice: 'Please try again' })
  })

  it('forgets what else was asked for', async () => {
    const app = scene()
    const known = await app.known()
    const session = await known.open()
    await session.regenerate()
    session.limit({ idleTimeout: 5 })
    app.store.fail('save')
    await rejection(app.sessions.commit(session))
    app.store.calls.length = 0
    expect(await app.sessions.commit(session)).toMatchObject({ plan: 'nothing' })
    expect(app.store.calls).toEqual([])
  })

  it('of a sign-in leaves the old token in force', async () => {
    const app = scene()
    const known = await app.known()
    const session = await known.open()
    session.user = { id: 'alice' }
    app.store.fail('save')
    await rejection(app.sessions.commit(session))
    expect(session.user).toBeUndefined()
    expect((await known.open())['theme']).toBe('dark')
  })

  it('stores nothing of data that cannot be encoded, and works the second time', async () => {
    const app = scene()
    const known = await app.known()
    const session = await known.open()
    session['n'] = 1n
    expect(await rejection(app.sessions.commit(session))).toMatchObject({
      name: 'UsageError',
      code: 'ERR_SOJOURN_UNSUPPORTED',
    })
    expect({ ...session }).toEqual({ theme: 'dark' })
    expect(await known.finish(session)).toMatchObject({ plan: 'nothing' })
  })

  it('fails before the store is asked when the principal is none that can be', async () => {
    const app = scene({ principal: (data) => data['email'] as string })
    const known = await app.known()
    const failed = known.visit((session) => (session['email'] = { at: 'example.org' }))
    expect(await rejection(failed)).toMatchObject({ name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' })
    expect(app.store.calls).toEqual(['load'])
  })

  it('does so after a hundred conflicts in a row', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const app = scene()
    const known = await app.known()
    const id = known.token.split('.')[0]!
    const { save } = app.store
    app.store.save = (...args) => {
      const row = app.rows.get(id)!
      app.rows.set(id, { ...row, version: row.version + 1 })
      return save(...args)
    }
    const failed = rejection(known.visit((session) => (session['a'] = 1)))
    await vi.runAllTimersAsync()
    vi.useRealTimers()
    expect(await failed).toMatchObject({ name: 'ConflictError', code: 'ERR_SOJOURN_CONFLICT' })
    expect(app.takeTold().filter((type) => type === 'conflict')).toHaveLength(100)
  })
})

describe('a touch', () => {
  it('that fails spoils nothing: it is an event', async () => {
    const app = scene()
    const known = await app.known()
    app.clock.advance(HOUR)
    app.store.fail('touch')
    expect(await known.visit()).toMatchObject({ plan: 'touch' })
    await settled()
    expect(app.takeTold()).toEqual(['store-error'])
  })

  it('is not waited for', async () => {
    const app = scene({ slow: true })
    const known = await app.known()
    app.clock.advance(HOUR)
    const held = app.store.hold('touch')
    expect(await known.visit()).toMatchObject({ plan: 'touch' })
    held.open()
  })

  it('is handed to who must wait for it', async () => {
    const app = scene({ slow: true })
    const known = await app.known()
    app.clock.advance(HOUR)
    const visit = await app.sessions.visit({ cookie: known.cookie, secure: true })
    const before = app.rows.get(visit.handle.id)!.expiresAt
    await (
      await visit.commit()
    ).later
    expect(app.rows.get(visit.handle.id)!.expiresAt).toBe(before + HOUR + SECOND)
  })

  it('is not made by a request that is no activity', async () => {
    const app = scene()
    const known = await app.known()
    app.clock.advance(HOUR)
    const visit = await app.sessions.visit({ cookie: known.cookie, secure: true })
    visit.touches = false
    expect(await visit.commit()).toMatchObject({ plan: 'nothing' })
    expect(app.store.calls).toEqual(['load'])
  })
})

describe('a destroy that fails', () => {
  it('is tried once more by the commit', async () => {
    const app = scene()
    const alice = await app.signedIn()
    app.store.fail('remove')
    const { plan, cookie } = await alice.visit(async (session) => {
      expect(await rejection(session.destroy())).toMatchObject(STORE)
    })
    expect([plan, app.rows.size]).toEqual(['remove', 0])
    expect(cookie).toContain('Max-Age=0')
  })

  it('fails the commit, and the error response takes the cookie away all the same', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const visit = await app.sessions.visit({ cookie: alice.cookie, secure: true })
    app.store.fail('remove', 2)
    expect(await rejection((visit.look() as { destroy(): Promise<void> }).destroy())).toMatchObject(STORE)
    expect(await rejection(Promise.resolve(visit.commit()))).toMatchObject(STORE)
    expect(setCookieOf(visit.lastHeaders())).toContain('__Host-sid=; Max-Age=0')
    expect(app.takeTold()).toEqual(['store-error', 'store-error'])
  })

  it('fails the commit though nobody awaited it', async () => {
    const app = scene({ slow: true })
    const alice = await app.signedIn()
    app.store.fail('remove', 2)
    const failed = alice.visit((session) => {
      session.destroy().catch(() => {})
    })
    expect(await rejection(failed)).toMatchObject(STORE)
  })
})

describe('after the head has left', () => {
  const late = { headersSent: true }
  const refused = { name: 'UsageError', code: 'ERR_SOJOURN_HEADERS_SENT', status: 500 }

  it('data can be stored still', async () => {
    const app = scene()
    const known = await app.known()
    const session = await known.open()
    session['a'] = 1
    expect(await app.sessions.commit(session, late)).toEqual({ plan: 'save', headers: [] })
    expect((await known.open())['a']).toBe(1)
  })

  it('no session can begin, and nothing is stored', async () => {
    const app = scene()
    const session = await app.visitor().open()
    session['a'] = 1
    expect(await rejection(app.sessions.commit(session, late))).toMatchObject(refused)
    expect([app.store.calls, app.rows.size]).toEqual([[], 0])
  })

  it.each<[string, (session: Session<TestData>) => unknown]>([
    ['sign in', (session) => (session.user = { id: 'bob' })],
    ['sign out', (session) => delete session.user],
    ['get a new token', (session) => session.regenerate()],
    ['get a cookie of another age', (session) => session.limit({ persistent: false })],
    ['get a cookie of another end', (session) => session.limit({ lifetime: 60 })],
  ])('nobody can %s, and nothing is stored', async (_, change) => {
    const app = scene()
    const alice = await app.signedIn()
    const before = new Map(app.rows)
    const session = await alice.open()
    await change(session)
    expect(await rejection(app.sessions.commit(session, late))).toMatchObject(refused)
    expect(app.rows).toEqual(before)
    expect((await alice.open()).user).toEqual({ id: 'alice' })
  })

  it('a tighter idle timeout needs no cookie', async () => {
    const app = scene()
    const known = await app.known()
    const session = await known.open()
    session.limit({ idleTimeout: 60 })
    expect(await app.sessions.commit(session, late)).toEqual({ plan: 'save', headers: [] })
    expect((await known.open()).expiresAt).toBe(app.clock() + 60 * SECOND)
  })

  it('no token is replaced for its age, and the data are stored', async () => {
    const app = scene({ rotateEvery: 60 })
    const known = await app.known()
    app.clock.advance(HOUR)
    const session = await known.open()
    session['a'] = 1
    expect(await app.sessions.commit(session, late)).toEqual({ plan: 'save', headers: [] })
    expect((await known.open())['a']).toBe(1)
    expect(app.takeTold()).toEqual([])
  })

  it('a session can be ended still', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    await session.destroy()
    expect(await app.sessions.commit(session, late)).toEqual({ plan: 'remove', headers: [] })
    expect(app.rows.size).toBe(0)
  })

  it('an explicit save is refused as the commit would be', async () => {
    const app = scene()
    const known = await app.known()
    const visit = await app.sessions.visit({ cookie: known.cookie, secure: true })
    visit.headersSent = () => true
    const session = visit.look() as Awaited<ReturnType<typeof known.open>>
    session.user = { id: 'alice' }
    expect(await rejection(session.save())).toMatchObject(refused)
    expect(await rejection(session.update((data) => (data.user = { id: 'alice' })))).toMatchObject(refused)
    expect(app.store.calls).toEqual(['load'])
  })
})

describe('commits of one session in one process', () => {
  it('come one after another, and see each other without a conflict', async () => {
    const app = scene({ slow: true })
    const known = await app.known()
    const [one, two] = [await known.open(), await known.open()]
    const held = app.store.hold('save')
    one['a'] = 1
    two['b'] = 2
    const commits = [app.sessions.commit(one), app.sessions.commit(two)]
    await held.reached
    await settled()
    expect(app.store.calls.filter((call) => call === 'save')).toHaveLength(1)
    held.open()
    await Promise.all(commits)
    expect({ ...(await known.open()) }).toEqual({ theme: 'dark', a: 1, b: 2 })
    expect(app.takeTold()).toEqual([])
  })

  it('go on when the one before fails', async () => {
    const app = scene({ slow: true })
    const known = await app.known()
    const [one, two] = [await known.open(), await known.open()]
    const gate = new Gate()
    app.store.next('save', () => gate.pass().then(() => Promise.reject(new Error('connection lost'))))
    one['a'] = 1
    two['b'] = 2
    const commits = Promise.allSettled([app.sessions.commit(one), app.sessions.commit(two)])
    gate.open()
    expect((await commits).map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect({ ...(await known.open()) }).toEqual({ theme: 'dark', b: 2 })
  })
})
