import { describe, expect, it } from 'vitest'
import { isId } from '../../src/core/token.ts'
import { DAY, rejection, scene, type Scene, SECOND, type TestData } from '../support/scene.ts'
import { infosOf, type Visitor } from '../support/visitor.ts'

const CONFLICT = { name: 'ConflictError', code: 'ERR_SOJOURN_CONFLICT', status: 409 }
const ids = async (app: Scene, principal: string): Promise<string[]> =>
  (await infosOf(app.sessions, principal)).map(({ id }) => id).sort()
const idOf = ({ token }: Visitor<TestData>): string => token.split('.')[0]!
const isSignedIn = async (visitor: Visitor<TestData>): Promise<boolean> => (await visitor.open()).user !== undefined
const asAlice = (session: TestData): void => {
  session.user = { id: 'alice' }
}

/** Three visitors who have signed in as one person, a second after each other. */
async function three(app: Scene): Promise<[Visitor<TestData>, Visitor<TestData>, Visitor<TestData>]> {
  return [await app.signedIn(), await app.signedIn(), await app.signedIn()]
}

describe('a limit of sessions that evicts', () => {
  it('ends the oldest at each sign-in that is one too many, and tells why', async () => {
    const app = scene({ maxSessions: 2 })
    const [first, second, third] = await three(app)
    expect(await ids(app, 'alice')).toEqual([idOf(second), idOf(third)].sort())
    expect(await isSignedIn(first)).toBe(false)
    expect(app.events.filter(({ type }) => type === 'evicted')).toEqual([
      { type: 'evicted', at: expect.any(Number) as number, id: idOf(first), principal: 'alice', reason: 'maxSessions' },
    ])
  })

  it('is each principal’s own, and not of visitors', async () => {
    const app = scene({ maxSessions: 1 })
    const [alice, bob] = [await app.signedIn(), await app.signedIn('bob')]
    for (let n = 0; n < 3; n++) await app.known()
    expect(await ids(app, 'alice')).toEqual([idOf(alice)])
    expect(await ids(app, 'bob')).toEqual([idOf(bob)])
    expect(app.rows.size).toBe(5)
  })

  it('takes the age from the sign-in, not from the creation of the session', async () => {
    const app = scene({ maxSessions: 1 })
    const known = await app.known()
    const other = await app.signedIn()
    await known.visit(asAlice)
    expect(await ids(app, 'alice')).toEqual([idOf(known)])
    expect(await isSignedIn(other)).toBe(false)
  })

  it('counts neither the same session twice nor those that have expired', async () => {
    const app = scene({ maxSessions: 2, idleTimeout: 86_400 })
    const [, second, third] = await three(app)
    await third.visit((session) => (session.user = { id: 'alice', name: 'Alice' }))
    await third.visit((session) => (session.user = { id: 'bob' }))
    await third.visit(asAlice)
    expect(await ids(app, 'alice')).toEqual([idOf(second), idOf(third)].sort())
    app.clock.advance(DAY)
    const [fourth, fifth] = [await app.signedIn(), await app.signedIn()]
    expect(await ids(app, 'alice')).toEqual([idOf(fourth), idOf(fifth)].sort())
    expect(app.events.filter(({ type }) => type === 'evicted')).toHaveLength(1)
  })

  it('ends all that are too many when the limit has been lowered', async () => {
    const app = scene()
    await three(app)
    const strict = app.beside({ maxSessions: 1 })
    const newest = await strict.signedIn()
    expect(await ids(app, 'alice')).toEqual([idOf(newest)])
  })

  it('drops a sign-in that is itself too old by the time it is counted', async () => {
    const app = scene({ maxSessions: 1, slow: true })
    const slow = app.visitor()
    const session = await slow.open()
    asAlice(session)
    const held = app.store.hold('revokedAt')
    const finished = slow.finish(session)
    await held.reached
    app.clock.advance(SECOND)
    // The one that counts first does not let the older one be, and so the older one finds itself ended.
    const fast = await app.signedIn()
    held.open()
    expect(await finished).toMatchObject({ plan: 'dropped', cookie: undefined })
    expect(app.events.at(-1)).toMatchObject({ type: 'dropped-write', reason: 'evicted' })
    expect(await ids(app, 'alice')).toEqual([idOf(fast)])
  })

  it('leaves no session behind when the principal’s cannot be listed', async () => {
    const app = scene({ maxSessions: 1 })
    const alice = await app.signedIn()
    app.store.list = () => {
      throw new Error('connection lost')
    }
    const second = app.visitor()
    const session = await second.open()
    asAlice(session)
    expect(await rejection(second.finish(session))).toMatchObject({ code: 'ERR_SOJOURN_STORE' })
    expect([...app.rows.keys()]).toEqual([idOf(alice)])
  })

  it('leaves a visitor as before when the principal’s cannot be listed', async () => {
    const app = scene({ maxSessions: 1 })
    const known = await app.known({ cart: ['book'] })
    const list = app.store.list!
    app.store.list = () => {
      throw new Error('connection lost')
    }
    const session = await known.open()
    asAlice(session)
    expect(await rejection(known.copy().finish(session))).toMatchObject({ code: 'ERR_SOJOURN_STORE' })
    app.store.list = list
    expect({ ...(await known.open()) }).toEqual({ cart: ['book'] })
    expect(await ids(app, 'alice')).toEqual([])
  })
})

describe('a limit of sessions that refuses', () => {
  const options = { maxSessions: 1, onMaxSessions: 'refuse' } as const

  it('lets the commit fail, with nothing for the response and nothing left of the sign-in', async () => {
    const app = scene(options)
    const first = await app.signedIn()
    const second = app.visitor()
    const session = await second.open()
    asAlice(session)
    expect(await rejection(second.finish(session))).toMatchObject(CONFLICT)
    expect({ ...session }).toEqual({})
    expect(await second.finish(session)).toMatchObject({ plan: 'nothing', cookie: undefined })
    expect(await ids(app, 'alice')).toEqual([idOf(first)])
    expect(app.rows.size).toBe(1)
    expect(app.takeTold()).toEqual(['conflict'])
    expect(app.events.at(-1)).toMatchObject({ principal: 'alice', reason: 'maxSessions' })
  })

  it('ends its message with the remedy, and names no session in it', async () => {
    const app = scene(options)
    await app.signedIn()
    const session = await app.visitor().open()
    asAlice(session)
    const { message } = (await rejection(session.save())) as Error
    expect(message).toMatch(/; .*end one of them first, raise maxSessions, or set onMaxSessions to "evict"$/)
    expect(message.split(/\W+/).filter(isId)).toEqual([])
  })

  it('gives a visitor the session back that the sign-in was written over', async () => {
    const app = scene(options)
    await app.signedIn()
    const known = await app.known({ cart: ['book'] })
    const { expiresAt } = await known.open()
    const session = await known.open()
    asAlice(session)
    session['cart'] = []
    app.clock.advance(SECOND)
    expect(await rejection(known.copy().finish(session))).toMatchObject(CONFLICT)
    expect({ ...session }).toEqual({ cart: ['book'] })
    // An error handler may still remember something for the next page.
    session['notice'] = 'too many'
    expect(await known.copy().finish(session)).toMatchObject({ plan: 'save', cookie: undefined })
    expect({ ...(await known.open()) }).toEqual({ cart: ['book'], notice: 'too many' })
    expect((await known.open()).expiresAt).toBeGreaterThanOrEqual(expiresAt)
  })

  it('gives it back as others have made it meanwhile', async () => {
    const app = scene(options)
    await app.signedIn()
    const known = await app.known({ cart: ['book'] })
    const session = await known.open()
    asAlice(session)
    await known.copy().visit((session) => (session['theme'] = 'light'))
    expect(await rejection(known.copy().finish(session))).toMatchObject(CONFLICT)
    expect({ ...(await known.open()) }).toEqual({ cart: ['book'], theme: 'light' })
  })

  it('gives nobody another user’s session back, of which all may have been revoked meanwhile', async () => {
    const app = scene(options)
    await app.signedIn()
    const bob = await app.signedIn('bob')
    const session = await bob.open()
    asAlice(session)
    expect(await rejection(bob.finish(session))).toMatchObject(CONFLICT)
    expect(await isSignedIn(bob)).toBe(false)
    expect(await ids(app, 'bob')).toEqual([])
  })

  it('brings back no session that was ended meanwhile', async () => {
    const app = scene({ ...options, slow: true })
    await app.signedIn()
    const known = await app.known()
    const session = await known.open()
    asAlice(session)
    const held = app.store.hold('revokedAt')
    const finished = known.finish(session)
    await held.reached
    await app.sessions.revoke(session.id)
    held.open()
    expect(await rejection(finished)).toMatchObject(CONFLICT)
    expect(app.rows.size).toBe(1)
  })

  it('leaves nothing of a sign-in that was changed from outside before it was refused', async () => {
    const app = scene({ ...options, slow: true })
    const first = await app.signedIn()
    const known = await app.known()
    const session = await known.open()
    asAlice(session)
    const held = app.store.hold('revokedAt')
    const finished = known.finish(session)
    await held.reached
    await app.beside().sessions.update(session.id, (data) => (data['note'] = 'by an administrator'))
    held.open()
    expect(await rejection(finished)).toMatchObject(CONFLICT)
    expect([...app.rows.keys()]).toEqual([idOf(first)])
  })

  it('keeps no place for a session whose life is over by limits that have been lowered', async () => {
    const app = scene({ lifetime: 10 * 86_400, idleTimeout: 5 * 86_400 })
    await app.signedIn()
    const strict = app.beside({ ...options, lifetime: 86_400, idleTimeout: 86_400 })
    app.clock.advance(2 * DAY)
    const second = await strict.signedIn()
    expect(await isSignedIn(second)).toBe(true)
  })

  it('lets somebody in again when a session has ended', async () => {
    const app = scene(options)
    const first = await app.signedIn()
    await first.visit((session) => session.destroy())
    const second = await app.signedIn()
    expect(await ids(app, 'alice')).toEqual([idOf(second)])
  })

  it('never ends with nobody: of two at once the one that signed in first stays', async () => {
    const app = scene({ ...options, slow: true })
    const [older, newer] = [app.visitor(), app.visitor()]
    const [one, other] = [await older.open(), await newer.open()]
    asAlice(one)
    asAlice(other)
    const held = app.store.hold('create')
    const late = older.finish(one)
    await held.reached
    app.clock.advance(SECOND)
    // Counts before the older one is there to be counted.
    expect((await newer.finish(other)).plan).toBe('create')
    held.open()
    expect((await late).plan).toBe('create')
    expect([await isSignedIn(older), await isSignedIn(newer)]).toEqual([true, false])
    expect(app.rows.size).toBe(1)
  })
})
