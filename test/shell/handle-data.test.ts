import { describe, expect, it } from 'vitest'
import type { Codec } from '../../src/core/data.ts'
import type { StoredSession } from '../../src/core/store.ts'
import { rejection, scene, type Scene, type TestData } from '../support/scene.ts'
import { schema } from '../support/schema.ts'
import type { Visitor } from '../support/visitor.ts'

const UNSUPPORTED = { name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' }

/** A signed-in visitor whose row somebody has spoiled. */
async function spoiled(spoil: (row: StoredSession) => unknown, options = {}): Promise<[Scene, Visitor<TestData>]> {
  const app = scene(options)
  const alice = await app.signedIn()
  for (const [id, row] of app.rows) app.rows.set(id, { ...row, ...(spoil(row) as object) })
  return [app, alice]
}

const line = (body: string): string => body.slice(0, body.indexOf('\n') + 1)

describe('a row that cannot be read', () => {
  it.each<[string, (row: StoredSession) => unknown]>([
    ["is of express-session's", () => ({ body: '{"cookie":{"originalMaxAge":null},"user":{"id":"alice"}}' })],
    ['is empty', () => ({ body: '' })],
    ['is null', () => ({ body: null })],
    ['is no text', () => ({ body: 5 })],
    ['is cut within its metadata', ({ body }) => ({ body: body.slice(0, 30) })],
    ['is cut within its data', ({ body }) => ({ body: body.slice(0, -1) })],
    ['has no data', ({ body }) => ({ body: line(body) })],
    ['is of a version to come', ({ body }) => ({ body: body.replace(/^1 /, '2 ') })],
    ['has data that are no JSON', ({ body }) => ({ body: `${line(body)}user=alice` })],
    ['has a list for data', ({ body }) => ({ body: `${line(body)}[{"user":{"id":"alice"}}]` })],
    ['has a number for data', ({ body }) => ({ body: `${line(body)}5` })],
    ['has null for data', ({ body }) => ({ body: `${line(body)}null` })],
    ['has too many data', ({ body }) => ({ body: `${line(body)}{"user":{"id":"alice"},"x":"${'x'.repeat(65_536)}"}` })],
    ['is deep beyond measure', ({ body }) => ({ body: `${line(body)}${'['.repeat(100_000)}` })],
    [
      'is JSON, and too deep to be encoded again',
      ({ body }) => ({ body: `${line(body)}{"user":{"id":"alice"},"x":${'['.repeat(30_000)}${']'.repeat(30_000)}}` }),
    ],
    ['is of 50 MB', ({ body }) => ({ body: `${line(body)}{"x":"${'x'.repeat(50_000_000)}"}` })],
    ['has a version that is no number', () => ({ version: 'one' })],
    ['has an expiry that is none', () => ({ expiresAt: '3000-01-01' })],
    ['has marks that are no text', ({ body }) => ({ body: body.replace('\n', ' {"marks":5}\n') })],
    ['has a previous token that is none', ({ body }) => ({ body: body.replace('\n', ' {"previous":5}\n') })],
  ])('because it %s is an anonymous request and an event, and never an error', async (_, spoil) => {
    const [app, alice] = await spoiled(spoil)
    // What a store gives that knows nothing of the contract.
    app.store.load = (id) => app.rows.get(id)
    const { plan, headers } = await alice.visit((session) => {
      expect([session.user, session.isNew, Object.keys(session)]).toEqual([undefined, true, []])
    })
    expect({ plan, headers }).toEqual({ plan: 'nothing', headers: [['Vary', 'Cookie']] })
    expect(app.takeTold()).toEqual(['unreadable'])
  })

  it('lets the visitor begin anew, under another id', async () => {
    const [app, alice] = await spoiled(({ body }) => ({ body: `${line(body)}[]` }))
    const [id] = [...app.rows.keys()]
    const { plan } = await alice.visit((session) => (session.user = { id: 'alice' }))
    expect(plan).toBe('create')
    expect(alice.token).not.toContain(id)
    expect((await alice.open()).user).toEqual({ id: 'alice' })
  })

  it('is no obstacle to administration', async () => {
    const [app] = await spoiled(({ body }) => ({ body: `${line(body)}[]` }))
    const [id] = [...app.rows.keys()]
    expect(await app.sessions.read(id!)).toBeUndefined()
    expect(await app.sessions.revoke(id!)).toBe(true)
    expect(app.rows.size).toBe(0)
  })
})

describe('stored data with a key of the session itself', () => {
  it.each(['save', 'destroy', 'touch', 'id', 'isNew', 'constructor', '__proto__', 'binding', 'expiresAt'])(
    '%s are loaded without it, and the request works',
    async (key) => {
      const text = `{"${key}":{"admin":true,"id":"mallory"},"user":{"id":"alice"}}`
      const [app, alice] = await spoiled(({ body }) => ({ body: line(body) + text }))
      const { plan, session } = await alice.visit((session) => (session['a'] = 1))
      expect(plan).toBe('save')
      expect({ ...session }).toEqual({ user: { id: 'alice' }, a: 1 })
      expect((session as { admin?: boolean }).admin).toBeUndefined()
      expect(({} as { admin?: boolean }).admin).toBeUndefined()
      expect((await alice.open()).user).toEqual({ id: 'alice' })
      expect(app.takeTold()).toEqual([])
    },
  )

  it('are not written again for it', async () => {
    const [, alice] = await spoiled(({ body }) => ({ body: `${line(body)}{"user":{"id":"alice"},"save":1}` }))
    await alice.visit()
    expect((await alice.visit()).plan).toBe('nothing')
  })
})

describe('an assignment of a key of the session itself', () => {
  it.each(['save', 'id', '__proto__', 'constructor'])('%s is an error, and the request goes on', async (key) => {
    const app = scene()
    const alice = await app.signedIn()
    const { plan } = await alice.visit((session) => {
      const body = JSON.parse(`{"${key}":{"admin":true}}`) as object
      expect(() => Object.assign(session, body)).toThrow(
        expect.objectContaining({ name: 'UsageError', code: 'ERR_SOJOURN_RESERVED_KEY' }),
      )
      session['a'] = 1
    })
    expect(plan).toBe('save')
    expect({ ...(await alice.open()) }).toEqual({ user: { id: 'alice' }, a: 1 })
  })
})

describe('a schema', () => {
  const users = schema(
    (data) => ('user' in data && typeof data['user'] !== 'object' ? 'must be an object' : data),
    ['user'],
  )

  it('makes stored data that do not pass anonymous, with an event', async () => {
    const [app, alice] = await spoiled(({ body }) => ({ body: `${line(body)}{"user":"alice"}` }), { schema: users })
    expect((await alice.open()).user).toBeUndefined()
    expect(app.takeTold()).toEqual(['unreadable'])
  })

  it('makes an assignment that does not pass an error at the commit, and nothing is stored', async () => {
    const app = scene({ schema: users })
    const known = await app.known()
    const failed = known.visit((session) => ((session as { user: unknown }).user = 'alice'))
    expect(await rejection(failed)).toMatchObject({
      ...UNSUPPORTED,
      message: expect.stringContaining('user: must be an object') as string,
    })
    expect(app.store.calls).toEqual(['load'])
  })

  it('has its defaults in the session, which are no change', async () => {
    const app = scene({ schema: schema((data) => ({ views: 0, ...data })) })
    const known = await app.known({ a: 1 })
    const { plan } = await known.visit((session) => expect({ ...session }).toEqual({ a: 1, views: 0 }))
    expect(plan).toBe('nothing')
    await known.visit((session) => (session['views'] = (session['views'] as number) + 1))
    expect({ ...(await known.open()) }).toEqual({ a: 1, views: 1 })
  })

  it('says whose session it is, at the sign-in and ever after', async () => {
    const lower = schema((data) => {
      const { user, ...rest } = data as TestData
      return user ? { ...rest, user: { id: user.id.toLowerCase() } } : rest
    })
    const app = scene({ schema: lower })
    const alice = await app.signedIn('ALICE')
    expect([...app.rows.values()].map(({ principal }) => principal)).toEqual(['alice'])
    const { cookie } = await alice.visit((session) => (session['a'] = 1))
    expect(cookie).toBeUndefined()
    expect(app.takeTold()).toEqual([])
  })
})

describe('a codec', () => {
  const dates: Codec = {
    encode: (data) => JSON.stringify(data, (key, value: unknown) => (key === 'at' ? `@${String(value)}` : value)),
    decode: (text) =>
      JSON.parse(text, (key, value: unknown) => (key === 'at' ? new Date(String(value).slice(1)) : value)) as object,
  }

  it('keeps what it can keep', async () => {
    const app = scene({ codec: dates })
    const known = await app.known({ at: new Date(5000) })
    expect((await known.open())['at']).toEqual(new Date(5000))
    expect((await known.visit()).plan).toBe('nothing')
    expect((await known.visit((session) => (session['at'] = new Date(6000)))).plan).toBe('save')
  })

  it('that is JSON gives back what JSON keeps', async () => {
    const known = await scene().known({ at: new Date(5000), none: undefined, fn: () => {}, nan: NaN })
    expect({ ...(await known.open()) }).toEqual({ at: '1970-01-01T00:00:05.000Z', nan: null })
  })
})

describe('the size of the data', () => {
  it('is limited when they are stored, with an error that says how', async () => {
    const app = scene({ maxBytes: 100 })
    const known = await app.known()
    const failed = known.visit((session) => (session['text'] = 'é'.repeat(50)))
    expect(await rejection(failed)).toMatchObject({ name: 'UsageError', code: 'ERR_SOJOURN_TOO_LARGE' })
    expect(app.store.calls).toEqual(['load'])
    expect((await known.visit((session) => (session['text'] = 'é'.repeat(30)))).plan).toBe('save')
  })
})

describe('data that are not looked at', () => {
  it('are not decoded', async () => {
    let decoded = 0
    const codec: Codec = { encode: JSON.stringify, decode: (text) => (decoded++, JSON.parse(text) as object) }
    const app = scene({ codec })
    const known = await app.known()
    decoded = 0
    const visit = await app.sessions.visit({ cookie: known.cookie, secure: true })
    await visit.commit()
    expect(decoded).toBe(0)
    visit.look()
    expect(decoded).toBe(1)
  })
})
