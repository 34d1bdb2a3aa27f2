import { describe, expect, it } from 'vitest'
import { rejection, scene, type Scene, settled, type TestData } from '../support/scene.ts'
import type { Visitor } from '../support/visitor.ts'

const GONE = { name: 'ConflictError', code: 'ERR_SOJOURN_GONE' }
const principals = (app: Scene): (string | null)[] => [...app.rows.values()].map(({ principal }) => principal)
const isAlive = async (visitor: Visitor<TestData>): Promise<boolean> => !(await visitor.open()).isNew

describe('a change of principal', () => {
  it.each<[string, TestData, TestData]>([
    ['a sign-in', { theme: 'dark' }, { user: { id: 'alice' } }],
    ['a sign-out', { user: { id: 'alice' } }, { theme: 'dark' }],
    ['another person', { user: { id: 'alice' } }, { user: { id: 'bob' } }],
    ['impersonation within the user', { user: { id: 'alice' } }, { user: { id: 'alice' }, userId: 'bob' }],
  ])('by %s replaces the token in the same write, and the old one is dead', async (_, before, after) => {
    const app = scene()
    const visitor = await app.known(before)
    const old = visitor.copy()
    const { plan, cookie, session } = await visitor.visit((session) => {
      for (const key of Object.keys(session)) delete session[key]
      Object.assign(session, after)
    })
    expect(plan).toBe('save')
    expect(app.store.calls.filter((call) => call !== 'load' && call !== 'revokedAt')).toEqual(['save'])
    expect(cookie).toContain(`__Host-sid=${session.id}.`)
    expect(await isAlive(visitor)).toBe(true)
    expect(await isAlive(old)).toBe(false)
    expect((await old.visit()).cookie).toBeUndefined()
  })

  it('keeps the id, and the data that are not of the person', async () => {
    const app = scene()
    const known = await app.known({ cart: ['book'] })
    const { id } = await known.open()
    const { session } = await known.visit((session) => (session.user = { id: 'alice' }))
    expect(session.id).toBe(id)
    expect({ ...(await known.open()) }).toEqual({ cart: ['book'], user: { id: 'alice' } })
    expect(principals(app)).toEqual(['alice'])
  })

  it('is told as events', async () => {
    const app = scene()
    const known = await app.known()
    const { session } = await known.visit((session) => (session.user = { id: 'alice' }))
    expect(app.takeTold()).toEqual(['rotated', 'signed-in'])
    expect(app.events.slice(-2)).toEqual([
      { type: 'rotated', at: app.clock(), id: session.id, principal: 'alice' },
      { type: 'signed-in', at: app.clock(), id: session.id, principal: 'alice' },
    ])
    await known.visit((session) => delete session.user)
    expect(app.takeTold()).toEqual(['rotated'])
    await app.visitor().visit((session) => (session.user = { id: 'bob' }))
    expect(app.takeTold()).toEqual(['created', 'signed-in'])
  })

  it('is none when the person stays the same', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const { cookie } = await alice.visit((session) => (session.user = { id: 'alice', name: 'Alice' }))
    expect(cookie).toBeUndefined()
    expect(app.takeTold()).toEqual([])
  })

  it("is what the application's own principal says, as the data will be read back", async () => {
    const app = scene({ principal: (data) => (data['born'] as string | undefined)?.slice(0, 4) })
    const visitor = app.visitor()
    await visitor.visit((session) => (session['born'] = new Date('1999-12-31')))
    expect(principals(app)).toEqual(['1999'])
  })

  it('keeps the labels of the request that signed in', async () => {
    const app = scene()
    const visitor = app.visitor({ userAgent: 'Firefox\n'.repeat(100), address: '192.0.2.1' })
    await visitor.visit((session) => (session['theme'] = 'dark'))
    const { session } = await visitor.visit((session) => (session.user = { id: 'alice' }))
    const info = (await app.sessions.read(session.id))?.info
    expect(info).toMatchObject({ userAgent: 'Firefox\n'.repeat(32), address: '192.0.2.1' })
  })
})

describe('a new token by rotateOn', () => {
  it('follows the value that it names, and the old token is dead', async () => {
    const app = scene({ rotateOn: (data) => data['roles'] })
    const alice = await app.signedIn()
    const old = alice.copy()
    expect((await alice.visit((session) => (session['roles'] = ['admin']))).cookie).toBeDefined()
    expect(await isAlive(old)).toBe(false)
    expect((await alice.visit((session) => (session['roles'] = ['admin']))).cookie).toBeUndefined()
    expect((await alice.visit((session) => (session['views'] = 1))).cookie).toBeUndefined()
    expect((await alice.visit((session) => delete session['roles'])).cookie).toBeDefined()
  })

  it('starts no new life', async () => {
    const app = scene({ rotateOn: (data) => data['role'] })
    const alice = await app.signedIn()
    const { authenticatedAt } = await alice.open()
    await alice.visit((session) => (session['role'] = 'admin'))
    expect((await alice.open()).authenticatedAt).toBe(authenticatedAt)
  })
})

describe('a request that was opened with the old token', () => {
  const CHANGES: [string, (visitor: Visitor<TestData>) => unknown][] = [
    ['a sign-in', (visitor) => visitor.visit((session) => (session.user = { id: 'alice' }))],
    ['regenerate', (visitor) => visitor.visit((session) => session.regenerate())],
  ]

  it.each(CHANGES)('has its write dropped after %s, and its response stands', async (_, change) => {
    const app = scene()
    const known = await app.known()
    const slow = await known.copy().open()
    slow['planted'] = true
    await change(known)
    app.takeTold()
    const { plan, headers } = await app.sessions.commit(slow)
    expect([plan, headers]).toEqual(['dropped', [['Vary', 'Cookie']]])
    expect(app.takeTold()).toEqual(['conflict', 'dropped-write'])
    expect(app.events.at(-1)).toEqual({
      type: 'dropped-write',
      at: app.clock(),
      id: slow.id,
      reason: 'superseded',
    })
    expect((await known.open())['planted']).toBeUndefined()
  })

  it.each(CHANGES)('has save() and update() reject after %s', async (_, change) => {
    const app = scene()
    const known = await app.known()
    const [saving, updating] = [await known.copy().open(), await known.copy().open()]
    saving['planted'] = true
    await change(known)
    expect(await rejection(saving.save())).toMatchObject(GONE)
    expect(await rejection(updating.update((data) => (data['planted'] = true)))).toMatchObject(GONE)
    expect((await known.open())['planted']).toBeUndefined()
  })

  it('has a new token of its own dropped too, and puts no old token back', async () => {
    const app = scene()
    const known = await app.known()
    const old = known.copy()
    const slow = await old.open()
    await slow.regenerate()
    await known.visit((session) => (session.user = { id: 'alice' }))
    expect(await old.finish(slow)).toMatchObject({ plan: 'dropped', cookie: undefined })
    expect([await isAlive(known), await isAlive(old)]).toEqual([true, false])
  })

  it('may end the session still: who holds a session may leave it', async () => {
    const app = scene()
    const known = await app.known()
    const slow = await known.copy().open()
    await known.visit((session) => (session.user = { id: 'alice' }))
    await slow.destroy()
    expect(app.rows.size).toBe(0)
  })
})

describe('a sign-in whose session', () => {
  it.each<[string, (app: Scene, id: string) => unknown]>([
    ['was destroyed', (app, id) => app.rows.delete(id)],
    ['was revoked', (app, id) => app.sessions.revoke(id)],
    ['has expired', (app) => app.clock.advance(90 * 86_400_000)],
  ])('%s meanwhile stands on its own, with a new id and the data as the handler sees them', async (_, end) => {
    const app = scene()
    const known = await app.known({ cart: ['book'] })
    const session = await known.open()
    const { id } = session
    session.user = { id: 'alice' }
    await end(app, id)
    app.takeTold()
    const { plan, cookie } = await known.finish(session)
    expect(plan).toBe('create')
    expect(cookie).not.toContain(id)
    expect(session.id).not.toBe(id)
    expect({ ...(await known.open()) }).toEqual({ cart: ['book'], user: { id: 'alice' } })
    expect(app.takeTold()).toEqual(['created', 'signed-in'])
  })

  it('got a new token meanwhile stands on its own: two sign-ins from one form both end signed in', async () => {
    const app = scene({ slow: true })
    const [first, second] = [await app.known({ cart: ['book'] }), app.visitor()]
    second.cookie = first.cookie
    const [one, two] = [await first.open(), await second.open()]
    one.user = { id: 'alice' }
    two.user = { id: 'alice' }
    const plans = (await Promise.all([first.finish(one), second.finish(two)])).map(({ plan }) => plan)
    expect(plans).toEqual(['save', 'create'])
    expect(first.token.split('.')[0]).not.toBe(second.token.split('.')[0])
    for (const visitor of [first, second])
      expect({ ...(await visitor.open()) }).toEqual({ cart: ['book'], user: { id: 'alice' } })
    expect(principals(app)).toEqual(['alice', 'alice'])
  })

  it('stands on its own by save() as well', async () => {
    const app = scene()
    const known = await app.known()
    const session = await known.open()
    session.user = { id: 'alice' }
    app.rows.clear()
    await session.save()
    expect(await known.finish(session)).toMatchObject({ plan: 'nothing' })
    expect((await known.open()).user).toEqual({ id: 'alice' })
  })

  it('is gone does not stand on its own when somebody was signed in before: a logout is final', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    session.user = { id: 'bob' }
    app.rows.clear()
    expect(await alice.finish(session)).toMatchObject({ plan: 'dropped', cookie: undefined })
    expect(app.rows.size).toBe(0)
  })

  it('cannot be begun after the head has left, neither there nor on its own', async () => {
    const app = scene()
    const known = await app.known()
    const session = await known.open()
    session.user = { id: 'alice' }
    app.rows.clear()
    expect(await rejection(app.sessions.commit(session, { headersSent: true }))).toMatchObject({
      code: 'ERR_SOJOURN_HEADERS_SENT',
    })
    expect(app.rows.size).toBe(0)
  })
})

describe('a sign-in under way when all sessions of that person are revoked', () => {
  it.each<[string, (app: Scene) => Promise<Visitor<TestData>>]>([
    ['of a new visitor', async (app) => app.visitor()],
    ['of a known visitor', (app) => app.known()],
  ])('%s is removed, and answered as dropped', async (_, arrive) => {
    const app = scene({ slow: true })
    const visitor = await arrive(app)
    const session = await visitor.open()
    session.user = { id: 'alice' }
    const held = app.store.hold('revokedAt')
    const finished = visitor.finish(session)
    await held.reached
    expect(await app.sessions.revokeAll('alice')).toBe(1)
    held.open()
    expect(await finished).toMatchObject({ plan: 'dropped', cookie: undefined })
    expect(app.rows.size).toBe(0)
    expect(app.takeTold()).toEqual(['revoked', 'dropped-write'])
    expect(app.events.at(-1)).toMatchObject({ reason: 'revoked' })
  })

  it('is removed though it was written after the revocation', async () => {
    const app = scene({ slow: true })
    const visitor = app.visitor()
    const session = await visitor.open()
    session.user = { id: 'alice' }
    expect(await app.sessions.revokeAll('alice')).toBe(0)
    app.clock.advance(5000)
    expect((await visitor.finish(session)).plan).toBe('dropped')
    expect(app.rows.size).toBe(0)
  })

  it('rejects by save()', async () => {
    const app = scene()
    const session = await app.visitor().open()
    session.user = { id: 'alice' }
    await app.sessions.revokeAll('alice')
    expect(await rejection(session.save())).toMatchObject(GONE)
    expect(app.rows.size).toBe(0)
  })

  it('stands when it was opened afterwards, and when it is of somebody else', async () => {
    const app = scene()
    const bob = await app.visitor().open()
    bob.user = { id: 'bob' }
    await app.sessions.revokeAll('alice')
    expect((await app.sessions.commit(bob)).plan).toBe('create')
    app.clock.advance(1)
    const alice = app.visitor()
    expect((await alice.visit((session) => (session.user = { id: 'alice' }))).plan).toBe('create')
    expect(principals(app)).toEqual(['bob', 'alice'])
  })

  it('costs nothing where nobody signs in', async () => {
    const app = scene()
    const alice = await app.signedIn()
    await alice.visit((session) => (session['views'] = 1))
    await alice.visit((session) => delete session.user)
    await settled()
    expect(app.store.calls).not.toContain('revokedAt')
  })
})
