import { describe, expect, it } from 'vitest'
import { rejection, scene, settled } from '../support/scene.ts'

const GONE = { name: 'ConflictError', code: 'ERR_SOJOURN_GONE', status: 409 }

describe('save', () => {
  it('stores at once, and the commit has nothing left to do', async () => {
    const app = scene()
    const { plan, cookie, session } = await app.visitor().visit(async (session) => {
      session['a'] = 1
      expect(session.isNew).toBe(true)
      await session.save()
      expect(session.isNew).toBe(false)
      expect((await app.sessions.read(session.id))?.data).toEqual({ a: 1 })
    })
    expect([plan, cookie?.includes(session.id)]).toEqual(['nothing', true])
    expect(app.store.calls).toEqual(['create', 'load'])
  })

  it('calls back, for those who want that', async () => {
    const app = scene()
    const session = await (await app.known()).open()
    session['a'] = 1
    await new Promise<void>((resolve, reject) => {
      session.save((error) => (error ? reject(error) : resolve()))
    })
    expect((await app.sessions.read(session.id))?.data).toMatchObject({ a: 1 })
  })

  it('does nothing when nothing has changed', async () => {
    const app = scene()
    const known = await app.known()
    await known.visit((session) => session.save())
    await app.visitor().visit((session) => session.save())
    expect(app.store.calls).toEqual(['load'])
  })

  it('brings in what others stored, and undoes nothing that the handler does meanwhile', async () => {
    const app = scene({ slow: true })
    const known = await app.known({ a: 1, b: 1, c: 1 })
    const [session, other] = [await known.open(), await known.open()]
    other['theirs'] = true
    delete other['b']
    other['c'] = 'theirs'
    await other.save()
    const held = app.store.hold('save')
    session['mine'] = true
    const saved = session.save()
    await held.reached
    session['c'] = 'later'
    held.open()
    await saved
    expect({ ...session }).toEqual({ a: 1, mine: true, theirs: true, c: 'later' })
    await known.finish(session)
    expect({ ...(await known.open()) }).toEqual({ a: 1, mine: true, theirs: true, c: 'later' })
  })

  it('rejects when the session is gone, and is dropped with an event', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    await app.sessions.revoke(session.id)
    session['a'] = 1
    expect(await rejection(session.save())).toMatchObject(GONE)
    expect(app.takeTold()).toEqual(['revoked', 'dropped-write'])
    expect(app.events.at(-1)).toMatchObject({ id: session.id, reason: 'gone' })
    expect(app.rows.size).toBe(0)
  })

  it('that rejected is not tried again by the commit', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    await app.sessions.revoke(session.id)
    session['a'] = 1
    await rejection(session.save())
    expect(await alice.finish(session)).toMatchObject({ plan: 'nothing', cookie: undefined })
    expect(app.takeTold()).toEqual(['revoked', 'dropped-write'])
  })

  it('that the store failed is tried again by the commit', async () => {
    const app = scene()
    const known = await app.known()
    app.store.fail('save')
    const { plan } = await known.visit(async (session) => {
      session['a'] = 1
      expect(await rejection(session.save())).toMatchObject({ code: 'ERR_SOJOURN_STORE' })
    })
    expect(plan).toBe('save')
    expect((await known.open())['a']).toBe(1)
  })

  it('rejects for data that cannot be stored, and throws nothing at once', async () => {
    const session = await (await scene().known()).open()
    session['n'] = 1n
    const saved = session.save()
    expect(await rejection(saved)).toMatchObject({ name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' })
  })
})

describe('a commit whose session is gone', () => {
  it.each<[string, (app: ReturnType<typeof scene>, id: string) => unknown]>([
    ['destroyed', (app, id) => app.rows.delete(id)],
    ['revoked', (app, id) => app.sessions.revoke(id)],
    ['revoked with all others', (app) => app.sessions.revokeAll('alice')],
    ['expired', (app) => app.clock.advance(30 * 86_400_000)],
  ])('because it was %s drops the write with an event, and the response stands', async (_, end) => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    session['a'] = 1
    await end(app, session.id)
    app.takeTold()
    expect(await alice.finish(session)).toMatchObject({
      plan: 'dropped',
      cookie: undefined,
      headers: [['Vary', 'Cookie']],
    })
    expect(app.takeTold()).toEqual(['dropped-write'])
    expect((await alice.open()).isNew).toBe(true)
    expect(alice.cookie).not.toBeNull()
  })

  it('leaves a touch without effect', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    session.touch()
    app.rows.clear()
    expect((await alice.finish(session)).plan).toBe('touch')
    await settled()
    expect(app.rows.size).toBe(0)
  })
})

describe('reload', () => {
  it('reads what others stored, and forgets what was not saved', async () => {
    const app = scene()
    const known = await app.known({ a: 1, b: 1 })
    const session = await known.open()
    await known.visit((other) => {
      other['a'] = 2
      delete other['b']
    })
    session['a'] = 9
    session['c'] = 9
    await session.regenerate()
    await session.reload()
    expect({ ...session }).toEqual({ a: 2 })
    expect((await known.finish(session)).plan).toBe('nothing')
  })

  it('rejects when the session is gone, and leaves the data as they are', async () => {
    const app = scene()
    const session = await (await app.signedIn()).open()
    app.rows.clear()
    session['a'] = 1
    expect(await rejection(session.reload())).toMatchObject(GONE)
    expect({ ...session }).toEqual({ user: { id: 'alice' }, a: 1 })
  })

  it('rejects when the token was replaced by a sign-in meanwhile', async () => {
    const app = scene()
    const known = await app.known()
    const session = await known.open()
    await known.visit((other) => (other.user = { id: 'alice' }))
    expect(await rejection(session.reload())).toMatchObject(GONE)
    expect(session.user).toBeUndefined()
  })

  it('rejects for a session that was never stored', async () => {
    expect(await rejection((await scene().visitor().open()).reload())).toMatchObject(GONE)
  })
})
