import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/core/session.ts'
import { rejection, scene, type Scene, settled, type TestData } from '../support/scene.ts'
import type { Visitor } from '../support/visitor.ts'

const STORE = expect.objectContaining({ name: 'StoreError', code: 'ERR_SOJOURN_STORE' }) as Error

/** A signed-in visitor's request, opened while the store is down. */
async function degraded(): Promise<{ app: Scene; alice: Visitor<TestData>; session: Session<TestData> }> {
  const app = scene({ onStoreFailure: 'anonymous' })
  const alice = await app.signedIn()
  app.store.fail('load')
  const session = await alice.open()
  app.store.calls.length = 0
  return { app, alice, session }
}

describe('a request whose session could not be read, where anonymous is well', () => {
  it('is anonymous, and the failure is an event', async () => {
    const { app, session } = await degraded()
    expect([session.user, session.isNew, Object.keys(session)]).toEqual([undefined, true, []])
    expect(app.takeTold()).toEqual(['store-error'])
  })

  it('sends no cookie, and stores nothing', async () => {
    const { app, alice, session } = await degraded()
    session.touch()
    expect(await alice.finish(session)).toMatchObject({ plan: 'nothing', headers: [['Vary', 'Cookie']] })
    expect(app.store.calls).toEqual([])
    expect((await alice.open()).user).toEqual({ id: 'alice' })
  })

  it.each<[string, (session: Session<TestData>) => unknown]>([
    ['assigning', (session) => (session.user = { id: 'bob' })],
    ['assigning many', (session) => Object.assign(session, { a: 1 })],
    ['saving nothing, which nobody could promise to keep', (session) => session.save()],
    ['other limits', (session) => session.limit({ persistent: false })],
    ['destroying', (session) => session.destroy()],
    ['updating', (session) => session.update((data) => (data['a'] = 1))],
    ['updating nothing', (session) => session.update(() => 1)],
    ['a new token', (session) => session.regenerate()],
    ['a new session', (session) => session.regenerate({ keep: false })],
  ])('refuses %s with a StoreError, and stays as it is', async (_, write) => {
    const { app, alice, session } = await degraded()
    expect(await rejection((async () => write(session))())).toEqual(STORE)
    expect(await alice.finish(session)).toMatchObject({ plan: 'nothing', cookie: undefined })
    expect(app.store.calls).toEqual([])
    expect((await alice.open()).user).toEqual({ id: 'alice' })
  })

  it.each([null, { a: 1 }])('refuses req.session = %o', async (value) => {
    const app = scene({ onStoreFailure: 'anonymous' })
    const alice = await app.signedIn()
    app.store.fail('load')
    const visit = await app.sessions.visit({ cookie: alice.cookie, secure: true })
    expect(() => visit.replace(value)).toThrow(STORE)
    expect(await visit.commit()).toMatchObject({ plan: 'nothing' })
    await settled()
    expect(app.rows.size).toBe(1)
  })

  it('is like any other when there was nothing to read', async () => {
    const app = scene({ onStoreFailure: 'anonymous' })
    app.store.fail('load')
    expect((await app.visitor().visit((session) => (session['a'] = 1))).plan).toBe('create')
  })

  it('still fails when a later write fails', async () => {
    const app = scene({ onStoreFailure: 'anonymous' })
    const alice = await app.signedIn()
    app.store.fail('save')
    expect(await rejection(alice.visit((session) => (session['a'] = 1)))).toEqual(STORE)
  })
})
