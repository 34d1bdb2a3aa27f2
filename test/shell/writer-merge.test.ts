import { describe, expect, it } from 'vitest'
import { rejection, scene, type Scene, type TestData } from '../support/scene.ts'
import { schema } from '../support/schema.ts'

/** Two requests of one session, opened at once; what the first and then the second committed. */
async function merged(app: Scene, before: TestData, first: TestData, second: TestData): Promise<TestData> {
  const known = await app.known(before)
  const [one, two] = [await known.open(), await app.beside().sessions.open({ cookie: known.cookie, secure: true })]
  const replace = (session: TestData, data: TestData): void => {
    for (const key of Object.keys(session)) if (!(key in data)) delete session[key]
    Object.assign(session, data)
  }
  replace(one, first)
  replace(two, second)
  await app.sessions.commit(one)
  await app.beside().sessions.commit(two)
  return { ...(await known.open()) }
}

describe('two requests that changed one session', () => {
  it.each<[string, TestData, TestData, TestData, TestData]>([
    ['keep different keys', {}, { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ['keep different keys inside', { o: {} }, { o: { a: 1 } }, { o: { b: 2 } }, { o: { a: 1, b: 2 } }],
    ['keep a deletion', { a: 1, b: 1 }, { b: 1 }, { a: 1, b: 2 }, { b: 2 }],
    ['keep a deletion inside', { o: { a: 1, b: 1 } }, { o: { a: 1 } }, { o: { a: 2, b: 1 } }, { o: { a: 2 } }],
    ['take the later of one path', { a: 1 }, { a: 2 }, { a: 3 }, { a: 3 }],
    ['take the later deletion', { a: 1 }, { a: 2 }, {}, {}],
    ['take the later array whole', { l: [1] }, { l: [1, 2] }, { l: [1, 3] }, { l: [1, 3] }],
  ])('%s', async (_, before, first, second, expected) => {
    const keep = { keep: true }
    for (const slow of [false, true])
      expect(
        await merged(scene({ slow }), { ...before, ...keep }, { ...first, ...keep }, { ...second, ...keep }),
      ).toEqual({
        ...expected,
        ...keep,
      })
  })

  it('in two processes meet as a conflict, which is an event and no error', async () => {
    const app = scene()
    const known = await app.known()
    const there = app.beside()
    const [one, two] = [await known.open(), await there.sessions.open({ cookie: known.cookie, secure: true })]
    one['a'] = 1
    two['b'] = 2
    expect((await app.sessions.commit(one)).plan).toBe('save')
    expect((await there.sessions.commit(two)).plan).toBe('save')
    expect(there.takeTold()).toEqual(['conflict'])
    expect({ ...two }).toEqual({ theme: 'dark', a: 1, b: 2 })
  })

  it('do not both keep their change when one of them signed out', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const [one, two] = [await alice.open(), await alice.open()]
    delete one.user
    two['late'] = true
    await app.sessions.commit(one)
    expect((await app.sessions.commit(two)).plan).toBe('dropped')
  })
})

describe('a change of principal that meets another change', () => {
  it('takes each key that it changed whole, so that two identities never mix', async () => {
    const app = scene()
    const known = await app.known({ profile: { name: 'anonymous' }, cart: { book: 1 } })
    const [signing, other] = [await known.open(), await known.open()]
    signing.user = { id: 'bob' }
    signing['profile'] = { name: 'Bob' }
    other['profile'] = { name: 'anonymous', admin: true }
    other['cart'] = { book: 1, pen: 2 }
    await app.sessions.commit(other)
    expect((await known.finish(signing)).plan).toBe('save')
    expect({ ...(await known.open()) }).toEqual({
      user: { id: 'bob' },
      profile: { name: 'Bob' },
      cart: { book: 1, pen: 2 },
    })
  })

  it('does so in update() as in a commit', async () => {
    const app = scene()
    const known = await app.known({ profile: { name: 'anonymous' } })
    const [signing, other] = [await known.open(), await known.open()]
    other['profile'] = { name: 'anonymous', admin: true }
    await app.sessions.commit(other)
    signing.user = { id: 'bob' }
    signing['profile'] = { name: 'Bob' }
    await signing.update((data) => (data['seen'] = true))
    await known.finish(signing)
    expect({ ...(await known.open()) }).toEqual({ user: { id: 'bob' }, profile: { name: 'Bob' }, seen: true })
  })
})

describe('conflicts that are to be rejected', () => {
  const CONFLICT = { name: 'ConflictError', code: 'ERR_SOJOURN_CONFLICT', status: 409 }

  it('reject the later, and the handler sees what was stored when it opened', async () => {
    const app = scene({ onConflict: 'reject' })
    const known = await app.known()
    const [one, two] = [await known.open(), await known.open()]
    one['a'] = 1
    two['b'] = 2
    await app.sessions.commit(one)
    expect(await rejection(app.sessions.commit(two))).toMatchObject(CONFLICT)
    expect({ ...two }).toEqual({ theme: 'dark' })
    expect({ ...(await known.open()) }).toEqual({ theme: 'dark', a: 1 })
    await two.reload()
    two['b'] = 2
    expect((await app.sessions.commit(two)).plan).toBe('save')
  })

  it('do not reject who comes after the other in the same process and changes nothing', async () => {
    const app = scene({ onConflict: 'reject' })
    const known = await app.known()
    const [one, two] = [await known.open(), await known.open()]
    one['a'] = 1
    await app.sessions.commit(one)
    expect((await app.sessions.commit(two)).plan).toBe('nothing')
  })

  it('do not reject a step of rotation, which the next request takes', async () => {
    const app = scene({ onConflict: 'reject', rotateEvery: 60 })
    const known = await app.known()
    app.clock.advance(3_600_000)
    const [reading, writing] = [await known.open(), await known.open()]
    writing['a'] = 1
    await app.sessions.commit(writing)
    expect((await app.sessions.commit(reading)).plan).toBe('nothing')
  })

  it('do not reject update(), which says itself how to go on', async () => {
    const app = scene({ onConflict: 'reject' })
    const known = await app.known({ n: 1 })
    const [one, two] = [await known.open(), await known.open()]
    await one.update((data) => (data['n'] = (data['n'] as number) + 1))
    await two.update((data) => (data['n'] = (data['n'] as number) + 1))
    expect((await known.open())['n']).toBe(3)
  })

  it("do not take a driver's resend for one", async () => {
    const app = scene({ onConflict: 'reject' })
    const known = await app.known()
    app.store.resend('save')
    expect((await known.visit((session) => (session['a'] = 1))).plan).toBe('save')
    expect(app.takeTold()).toEqual([])
  })
})

describe("a driver's resend", () => {
  it('of a save counts once, though another process wrote on top of it', async () => {
    const app = scene()
    const known = await app.known({ n: 0 })
    const there = app.beside().sessions
    app.store.resend('save', () => there.update(known.token.split('.')[0]!, (data) => (data['theirs'] = true)))
    const { session } = await known.visit((session) =>
      session.update((data) => (data['n'] = (data['n'] as number) + 1)),
    )
    expect({ ...session }).toEqual({ n: 1, theirs: true })
    expect({ ...(await known.open()) }).toEqual({ n: 1, theirs: true })
  })

  it('of a create makes one session, under the id that the handler was told', async () => {
    const app = scene()
    const visitor = app.visitor()
    app.store.resend('create')
    let told = ''
    const { session } = await visitor.visit((session) => {
      session['a'] = 1
      told = session.id
    })
    expect([...app.rows.keys()]).toEqual([told])
    expect(session.id).toBe(told)
    expect((await visitor.open())['a']).toBe(1)
  })

  it('of a sign-in signs in, with the token that was stored', async () => {
    const app = scene()
    const known = await app.known()
    app.store.resend('save')
    await known.visit((session) => (session.user = { id: 'alice' }))
    expect((await known.open()).user).toEqual({ id: 'alice' })
    expect(app.takeTold()).toEqual(['rotated', 'signed-in'])
  })
})

describe('merged data', () => {
  it('pass the schema again', async () => {
    const few = schema((data) => (Object.keys(data).length <= 2 ? data : 'has too many keys'))
    const app = scene({ schema: few })
    const known = await app.known({ a: 1 })
    const [one, two] = [await known.open(), await known.open()]
    one['b'] = 2
    two['c'] = 3
    await app.sessions.commit(one)
    expect(await rejection(app.sessions.commit(two))).toMatchObject({
      name: 'UsageError',
      code: 'ERR_SOJOURN_UNSUPPORTED',
      message: expect.stringContaining('has too many keys') as string,
    })
    expect({ ...(await known.open()) }).toEqual({ a: 1, b: 2 })
  })

  it('may together be too large', async () => {
    const app = scene({ maxBytes: 100 })
    const known = await app.known({ a: 1 })
    const [one, two] = [await known.open(), await known.open()]
    one['b'] = 'x'.repeat(60)
    two['c'] = 'x'.repeat(60)
    await app.sessions.commit(one)
    expect(await rejection(app.sessions.commit(two))).toMatchObject({ code: 'ERR_SOJOURN_TOO_LARGE' })
  })
})
