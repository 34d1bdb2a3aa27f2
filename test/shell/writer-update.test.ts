import { describe, expect, it } from 'vitest'
import { rejection, scene, type TestData } from '../support/scene.ts'
import { schema } from '../support/schema.ts'

function increment(data: TestData): number {
  const next = Number(data['n'] ?? 0) + 1
  data['n'] = next
  return next
}
const USAGE = { name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' }

describe('update', () => {
  it('changes the latest data atomically, and gives what the function gave', async () => {
    const app = scene()
    const known = await app.known({ n: 1 })
    const session = await known.open()
    await known.visit((other) => other.update(increment))
    expect(await session.update(increment)).toBe(3)
    expect({ ...session }).toEqual({ n: 3 })
    expect((await known.finish(session)).plan).toBe('nothing')
    expect((await known.open())['n']).toBe(3)
  })

  it('calls back with what the function gave, for those who want that', async () => {
    const session = await (await scene().known({ n: 1 })).open()
    const answer = await new Promise((resolve) => {
      session.update(increment, (error, result) => resolve([error, result]))
    })
    expect(answer).toEqual([null, 2])
  })

  it('counts each of many at once, from several processes', async () => {
    const app = scene({ slow: true })
    const known = await app.known({ n: 0 })
    const processes = [app, app.beside(), app.beside()]
    const updates = Array.from({ length: 60 }, async (_, at) => {
      const session = await processes[at % 3]!.sessions.open({ cookie: known.cookie, secure: true })
      return session.update(increment)
    })
    expect((await Promise.all(updates)).sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, at) => at + 1))
    expect((await known.open())['n']).toBe(60)
  })

  it('stores what the handler had changed before, and the handler sees what others changed', async () => {
    const app = scene()
    const known = await app.known({ n: 1 })
    const session = await known.open()
    await known.visit((other) => (other['theirs'] = true))
    session['mine'] = true
    let latest: TestData = {}
    await session.update((data) => {
      latest = { ...data }
      increment(data)
    })
    expect(latest).toEqual({ n: 1, mine: true, theirs: true })
    expect({ ...session }).toEqual({ n: 2, mine: true, theirs: true })
    expect({ ...(await known.open()) }).toEqual({ n: 2, mine: true, theirs: true })
  })

  it('runs the function again when somebody else was faster, on fresh data', async () => {
    const app = scene()
    const known = await app.known({ n: 1 })
    const session = await known.open()
    const there = app.beside().sessions
    const seen: unknown[] = []
    app.store.next('save', async (go) => {
      await there.update(session.id, increment)
      return go()
    })
    await session.update((data) => {
      seen.push(data['n'])
      increment(data)
    })
    expect(seen).toEqual([1, 2])
    expect((await known.open())['n']).toBe(3)
  })

  it('begins a new session, and signs in, like an assignment', async () => {
    const app = scene()
    const visitor = app.visitor()
    expect(await visitor.visit((session) => session.update(increment))).toMatchObject({ plan: 'nothing' })
    expect((await visitor.open())['n']).toBe(1)
    const old = visitor.copy()
    const { cookie } = await visitor.visit((session) => session.update((data) => (data.user = { id: 'alice' })))
    expect(cookie).toBeDefined()
    expect((await old.open()).isNew).toBe(true)
    expect((await visitor.open()).user).toEqual({ id: 'alice' })
  })

  it('stores nothing for a visitor of whom nothing is to be remembered', async () => {
    const app = scene()
    const { cookie } = await app.visitor().visit((session) => session.update((data) => data['n']))
    expect([cookie, app.store.calls]).toEqual([undefined, []])
  })

  it('with a function that throws changes nothing', async () => {
    const app = scene()
    const known = await app.known({ n: 1 })
    const session = await known.open()
    session['mine'] = true
    const failure = new Error('on purpose')
    const failed = session.update((data) => {
      increment(data)
      throw failure
    })
    expect(await rejection(failed)).toBe(failure)
    expect({ ...session }).toEqual({ n: 1, mine: true })
    expect(app.store.calls).toEqual(['load'])
    expect((await known.finish(session)).plan).toBe('save')
  })

  it('with a function that gives a promise is an error, since it may run again', async () => {
    const app = scene()
    const session = await (await app.known({ n: 1 })).open()
    expect(await rejection(session.update(async (data) => increment(data)))).toMatchObject(USAGE)
    expect({ ...session }).toEqual({ n: 1 })
    expect(app.store.calls).toEqual(['load'])
  })

  it('rejects when the session is gone, and the function has not run', async () => {
    const app = scene()
    const session = await (await app.known({ n: 1 })).open()
    app.rows.clear()
    expect(await rejection(session.update(increment))).toMatchObject({ code: 'ERR_SOJOURN_GONE' })
    expect(app.rows.size).toBe(0)
    expect(app.takeTold()).toEqual(['dropped-write'])
  })

  it('moves the expiry, as every write of a request does', async () => {
    const app = scene({ idleTimeout: 3600 })
    const known = await app.known()
    app.clock.advance(60_000)
    const { session } = await known.visit((session) => session.update(increment))
    expect(session.expiresAt).toBe(app.clock() + 3_600_000)
  })
})

describe('update from outside a request', () => {
  it('changes the latest data atomically, among the requests of that session', async () => {
    const app = scene({ slow: true })
    const known = await app.known({ n: 0 })
    const session = await known.open()
    const { id } = session
    session['mine'] = true
    const counted = await Promise.all([
      app.sessions.update(id, increment),
      app.sessions.commit(session),
      app.beside().sessions.update(id, increment),
      app.sessions.update(id, increment),
    ])
    expect([counted[0], counted[2], counted[3]].sort((a, b) => a - b)).toEqual([1, 2, 3])
    expect({ ...(await known.open()) }).toEqual({ n: 3, mine: true })
  })

  it('leaves token, expiry and the instant of the last visit as they are: it is no activity', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const { id } = await alice.open()
    const before = (await app.sessions.read(id))!.info
    app.clock.advance(3_600_000)
    await app.sessions.update(id, increment)
    expect((await app.sessions.read(id))!.info).toEqual(before)
    expect((await alice.open())['n']).toBe(1)
  })

  it.each<[string, (data: TestData) => unknown]>([
    ['sign in somebody else', (data) => (data.user = { id: 'bob' })],
    ['sign out', (data) => delete data.user],
  ])('may not %s: nobody could receive the new token', async (_, change) => {
    const app = scene()
    const alice = await app.signedIn()
    const { id } = await alice.open()
    const before = new Map(app.rows)
    expect(await rejection(app.sessions.update(id, change))).toMatchObject(USAGE)
    expect(app.rows).toEqual(before)
  })

  it.each(['A'.repeat(22), 'no id', '', undefined as unknown as string])('of no session (%s) rejects', async (id) => {
    const app = scene()
    const failed = rejection(app.sessions.update(id, increment))
    expect(await failed).toMatchObject({ name: 'ConflictError', code: 'ERR_SOJOURN_GONE', status: 409 })
    expect(app.rows.size).toBe(0)
  })

  it('does not make up data for a session whose own cannot be read', async () => {
    const app = scene()
    const known = await app.known({ n: 1 })
    const strict = app.beside({ schema: schema((data) => ('n' in data ? 'is wrong' : data)) })
    const { id } = await known.open()
    const before = new Map(app.rows)
    expect(await rejection(strict.sessions.update(id, () => 1))).toMatchObject({ code: 'ERR_SOJOURN_GONE' })
    expect(app.rows).toEqual(before)
    expect(strict.takeTold()).toEqual(['unreadable'])
  })

  it('passes the schema and the size limit', async () => {
    const app = scene({ maxBytes: 100, schema: schema((data) => (data['n'] === -1 ? 'is wrong' : data)) })
    const { id } = await (await app.known()).open()
    expect(await rejection(app.sessions.update(id, (data) => (data['n'] = -1)))).toMatchObject(USAGE)
    const large = rejection(app.sessions.update(id, (data) => (data['text'] = 'x'.repeat(100))))
    expect(await large).toMatchObject({ code: 'ERR_SOJOURN_TOO_LARGE' })
  })

  it('with a function that gives a promise is an error', async () => {
    const app = scene()
    const { id } = await (await app.known()).open()
    expect(await rejection(app.sessions.update(id, async () => 1))).toMatchObject(USAGE)
  })
})
