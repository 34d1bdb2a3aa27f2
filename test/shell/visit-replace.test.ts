import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/core/session.ts'
import type { Visit } from '../../src/shell/visit.ts'
import { scene, type Scene, type TestData } from '../support/scene.ts'
import { setCookieOf, type Visitor } from '../support/visitor.ts'

/** What an adapter does at `req.session` and `req.session = …`. */
async function opened(app: Scene, visitor: Visitor<TestData>): Promise<Visit> {
  return app.sessions.visit({ cookie: visitor.cookie, secure: true })
}

const looked = (visit: Visit): Session<TestData> => visit.look() as Session<TestData>

describe('req.session = null', () => {
  it.each([null, undefined])('with %s reads as null, and ends the session at the commit', async (nothing) => {
    const app = scene()
    const alice = await app.signedIn()
    const visit = await opened(app, alice)
    visit.replace(nothing)
    expect(visit.look()).toBeNull()
    expect(app.rows.size).toBe(1)
    const { plan, headers } = await visit.commit()
    expect(plan).toBe('remove')
    expect(setCookieOf(headers)).toContain('__Host-sid=; Max-Age=0')
    expect(app.rows.size).toBe(0)
    expect(app.takeTold()).toEqual(['destroyed'])
  })

  it('of a visitor without a session does nothing', async () => {
    const app = scene()
    const visit = await opened(app, app.visitor())
    visit.replace(null)
    visit.replace(null)
    const { headers } = await visit.commit()
    expect(setCookieOf(headers)).toBeUndefined()
    expect(app.store.calls).toEqual([])
  })

  it('followed by an object begins a new session', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const visit = await opened(app, alice)
    const { id } = looked(visit)
    visit.replace(null)
    visit.replace({ notice: 'Good-bye' })
    expect({ ...looked(visit) }).toEqual({ notice: 'Good-bye' })
    expect(looked(visit).id).not.toBe(id)
    const { plan, headers } = await visit.commit()
    expect(plan).toBe('create')
    expect(setCookieOf(headers)).toContain(looked(visit).id)
    expect([...app.rows.keys()]).toEqual([looked(visit).id])
  })

  it('leaves the object that the handler held before with its data, and no use', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const visit = await opened(app, alice)
    const before = looked(visit)
    visit.replace(null)
    expect(before.user).toEqual({ id: 'alice' })
    await expect(before.save()).rejects.toMatchObject({ code: 'ERR_SOJOURN_DESTROYED' })
  })
})

describe('req.session = { … }', () => {
  it('replaces the data, and the session stays', async () => {
    const app = scene()
    const known = await app.known({ a: 1, b: 2 })
    const visit = await opened(app, known)
    const before = looked(visit)
    visit.replace({ b: 3, c: 4 })
    expect(visit.look()).toBe(before)
    expect({ ...before }).toEqual({ b: 3, c: 4 })
    expect(await visit.commit()).toMatchObject({ plan: 'save', headers: [['Vary', 'Cookie']] })
    expect({ ...(await known.open()) }).toEqual({ b: 3, c: 4 })
  })

  it('signs in like any assignment, with a new token', async () => {
    const app = scene()
    const known = await app.known()
    const visit = await opened(app, known)
    visit.replace({ user: { id: 'alice' } })
    const { headers } = await visit.commit()
    expect(setCookieOf(headers)).toBeDefined()
    expect((await known.open()).isNew).toBe(true)
    expect(app.takeTold()).toEqual(['rotated', 'signed-in', 'bad-token'])
  })

  it('with the session itself changes nothing', async () => {
    const app = scene()
    const known = await app.known({ a: 1 })
    const visit = await opened(app, known)
    visit.replace(visit.look())
    expect({ ...looked(visit) }).toEqual({ a: 1 })
    expect(await visit.commit()).toMatchObject({ plan: 'nothing' })
  })

  it('with another session takes its data over, not its methods', async () => {
    const app = scene()
    const [known, other] = [await app.known({ a: 1 }), await app.known({ b: 2 })]
    const visit = await opened(app, known)
    const { id } = looked(visit)
    visit.replace(await other.open())
    expect({ ...looked(visit) }).toEqual({ b: 2 })
    expect(looked(visit).id).toBe(id)
  })

  it.each(['text', 5, true, () => {}, Symbol('s'), 5n])('with %o is an error', async (value) => {
    const app = scene()
    const visit = await opened(app, await app.known())
    expect(() => visit.replace(value)).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' }),
    )
    expect(await visit.commit()).toMatchObject({ plan: 'nothing' })
  })

  it.each(['save', 'id', 'constructor', '__proto__'])(
    'with a key %s is an error, as its assignment is',
    async (key) => {
      const app = scene()
      const visit = await opened(app, await app.known({ a: 1 }))
      expect(() => visit.replace(JSON.parse(`{"b":2,"${key}":"x"}`))).toThrow(
        expect.objectContaining({ name: 'UsageError', code: 'ERR_SOJOURN_RESERVED_KEY' }),
      )
      expect({ ...looked(visit) }).toEqual({ a: 1 })
    },
  )
})
