import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/core/session.ts'
import { HOUR, scene, type Scene, SECOND, type TestData } from '../support/scene.ts'
import type { Visitor } from '../support/visitor.ts'

describe("a session's facts", () => {
  it('of a new one are what they will be when it is stored', async () => {
    const app = scene()
    const session = await app.visitor().open()
    const { id, binding, createdAt, expiresAt } = session
    expect(session.isNew).toBe(true)
    expect(session.authenticatedAt).toBeNull()
    expect([createdAt, expiresAt]).toEqual([app.clock(), app.clock() + 86_400_000])
    session['a'] = 1
    await session.save()
    expect(session).toMatchObject({ isNew: false, id, binding, createdAt, expiresAt, authenticatedAt: null })
  })

  it('of a stored one tell when it was created, signed in and will end', async () => {
    const app = scene()
    const known = await app.known()
    app.clock.advance(HOUR)
    const session = await known.open()
    session.user = { id: 'alice' }
    expect(session.authenticatedAt).toBeNull()
    await session.save()
    expect(session.createdAt).toBe(app.clock() - HOUR - SECOND)
    expect(session.authenticatedAt).toBe(app.clock())
    expect(session.expiresAt).toBe(app.clock() + 24 * HOUR)
  })

  it('tell no longer of a sign-in after a sign-out', async () => {
    const app = scene()
    const alice = await app.signedIn()
    await alice.visit((session) => delete session.user)
    expect((await alice.open()).authenticatedAt).toBeNull()
  })

  it('never are the token', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const { id, binding } = await alice.open()
    expect(alice.token).toContain(id)
    expect([alice.secret.includes(binding), binding.includes(alice.secret), id.includes(alice.secret)]).toEqual([
      false,
      false,
      false,
    ])
    expect(app.rows.get(id)?.body).not.toContain(binding)
  })
})

describe("a session's binding", () => {
  type Step = (session: Session<TestData>) => unknown
  const NOTHING = (): void => {}

  // What the page was rendered with must be what the browser's next request is checked against.
  const STEPS: [string, Step, Step][] = [
    ['a read', NOTHING, NOTHING],
    ['a write', NOTHING, (session) => (session['a'] = 1)],
    ['a sign-in', NOTHING, (session) => (session.user = { id: 'bob' })],
    ['a sign-out', NOTHING, (session) => delete session.user],
    ['a new token', NOTHING, (session) => session.regenerate()],
    ['a save and then a new token', (session) => (session.user = { id: 'bob' }), (session) => session.regenerate()],
    ['a save and then a sign-out', (session) => (session.user = { id: 'bob' }), (session) => delete session.user],
    ['a save and then nothing', (session) => (session.user = { id: 'bob' }), NOTHING],
  ]

  describe.each<[string, (app: Scene, alice: Visitor<TestData>) => unknown]>([
    ['that is current', NOTHING],
    ['that is due to be replaced', (app) => app.clock.advance(HOUR)],
    ['that was just replaced', (app, alice) => (app.clock.advance(HOUR), alice.copy().visit())],
    ['that is new and not yet confirmed', (app, alice) => (app.clock.advance(HOUR), alice.visit())],
  ])('with a token %s', (_, prepare) => {
    it.each(STEPS)('is of the token that the browser will hold after %s', async (_, first, then) => {
      const app = scene({ rotateEvery: 60 })
      const alice = await app.signedIn()
      await prepare(app, alice)
      let shown = ''
      await alice.visit(async (session) => {
        await first(session)
        await session.save()
        await then(session)
        shown = session.binding
      })
      const next = await alice.open()
      expect([next.isNew, next.binding]).toEqual([false, shown])
    })
  })

  it('is of a new visitor what it will be', async () => {
    const app = scene()
    const visitor = app.visitor()
    let shown = ''
    await visitor.visit((session) => {
      shown = session.binding
      session['a'] = 1
    })
    expect((await visitor.open()).binding).toBe(shown)
  })

  it('changes with the token and not with the data', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const { binding } = await alice.open()
    await alice.visit((session) => (session['a'] = 1))
    expect((await alice.open()).binding).toBe(binding)
    await alice.visit((session) => session.regenerate())
    expect((await alice.open()).binding).not.toBe(binding)
  })

  it('changes with a value that rotateOn names', async () => {
    const app = scene({ rotateOn: (data) => data['role'] })
    const alice = await app.signedIn()
    let shown = ''
    const before = await alice.open()
    await alice.visit((session) => {
      session['role'] = 'admin'
      shown = session.binding
    })
    expect(shown).not.toBe(before.binding)
    expect((await alice.open()).binding).toBe(shown)
  })
})
