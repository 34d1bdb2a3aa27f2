import { createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { fromExpressSession } from '../../src/migrate.ts'
import type { SessionInfo, Sessions } from '../../src/sessions.ts'
import { cookieStore } from '../../src/stores/cookie.ts'
import { schema } from '../support/schema.ts'
import { DAY, HOUR, MINUTE, rejection } from '../support/scene.ts'
import { OLD_ID, oldCookie, oldScene, OldStore, row, SECRET, signed } from './_old.ts'

const OTHER_ID = 'gZ4yWq0oBq9QbDkV3mT2cS8xN1hL7jPe'

describe('a browser with only the old cookie', () => {
  it('is recognised, and is given a token in the place of its cookie in the same response', async () => {
    const { returning, old, rows, takeTold } = oldScene()
    const browser = returning()
    const { cookies, session } = await browser.visit()
    expect({ ...session }).toEqual({ user: { id: 'alice' }, cart: ['tea'] })
    expect(cookies).toEqual([
      expect.stringMatching(
        /^__Host-sid=[\w-]{22}\.[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      ),
      'connect.sid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; Secure',
    ])
    expect(browser.names).toEqual(['__Host-sid'])
    expect([rows.size, old.rows.size]).toEqual([1, 0])
    expect(takeTold()).toEqual(['created', 'rotated'])
    expect(await browser.user()).toBe('alice')
  })

  it('keeps what its first handler changes, in the same write', async () => {
    const { returning, store, rows } = oldScene()
    const browser = returning()
    const { plan } = await browser.visit((session) => (session['cart'] = ['tea', 'milk']))
    expect([plan, store.calls.filter((call) => call === 'save')]).toEqual(['save', ['save']])
    expect([...rows.values()][0]?.body).toContain('milk')
    expect((await browser.visit()).session['cart']).toEqual(['tea', 'milk'])
  })

  it('has signed in at an unknown time, and lives from now', async () => {
    const { returning, clock } = oldScene()
    const { session } = await returning().visit()
    expect([session.authenticatedAt, session.createdAt, session.isNew]).toEqual([null, clock(), false])
    expect(session.expiresAt).toBe(clock() + DAY)
  })

  it('is on its principal’s list, with the labels of the request that brought it', async () => {
    const { sessions } = oldScene()
    const session = await sessions.open({ cookie: oldCookie(), secure: true, userAgent: 'Lynx', address: '::1' })
    await sessions.commit(session)
    const [listed] = await listOf(sessions, 'alice')
    expect(listed).toMatchObject({ principal: 'alice', userAgent: 'Lynx', address: '::1' })
  })

  it.each<[string, Parameters<typeof fromExpressSession>[0]['secret'], string | Buffer]>([
    ['the second of two secrets', ['newer', SECRET], SECRET],
    ['a secret of bytes', Buffer.from(SECRET), SECRET],
    ['a secret that is a key', createSecretKey(Buffer.from('key')), Buffer.from('key')],
  ])('may have been signed with %s', async (_, secret, signedWith) => {
    const { returning } = oldScene({}, { secret })
    expect(await returning(oldCookie(signed(OLD_ID, signedWith))).user()).toBe('alice')
  })

  it('may have been sent unencoded, and under another name', async () => {
    const { returning } = oldScene({}, { name: 'app.sid' })
    expect(await returning(oldCookie()).user()).toBeUndefined()
    expect(await returning(`app.sid=${signed()}`).user()).toBe('alice')
  })

  it('has its cookie taken away where the old one was set', async () => {
    const { returning } = oldScene({}, { cookie: { path: '/app', domain: 'example.org' } })
    const { cookies } = await returning().visit()
    expect(cookies[1]).toContain('; Path=/app; Domain=example.org; HttpOnly')
  })

  it('may have its data given another shape', async () => {
    const data = ({ user, ...rest }: Record<string, unknown>): object => ({
      ...rest,
      user: { id: (user as { id: string }).id, name: 'Alice' },
    })
    const { returning } = oldScene({}, { data })
    expect({ ...(await returning().visit()).session }).toEqual({ cart: ['tea'], user: { id: 'alice', name: 'Alice' } })
  })
})

describe('nobody asks the old store', () => {
  it('for a browser with a session of ours, though it brings the old cookie along', async () => {
    const { known, returning, old } = oldScene()
    const visitor = await known({ theme: 'dark' })
    const { session } = await returning(`${visitor.cookie}; ${oldCookie()}`).visit()
    expect([session['theme'], old.calls]).toEqual(['dark', []])
  })

  it('for a browser without an old cookie', async () => {
    const { visitor, old } = oldScene()
    await visitor().visit((session) => (session['n'] = 1))
    expect(old.calls).toEqual([])
  })

  it.each<[string, string, number]>([
    ['unsigned', OLD_ID, 0],
    ['empty', '', 0],
    ['signed with another secret', signed(OLD_ID, 'another'), 1],
    ['another id with this signature', signed().replace(OLD_ID, OTHER_ID), 1],
    ['without an id', signed('').replace('s:', 's:'), 0],
    ['with a signature too long', `${signed()}A`, 0],
    ['with padding', `${signed()}=`, 0],
    ['j: for s:', signed().replace('s:', 'j:'), 0],
    ['oversized', signed('x'.repeat(2000)), 0],
    ['with a control character', signed('a\nb'), 0],
    ['with a letter of the signature in another alphabet', signed().replaceAll(/[+/]/g, '-'), 0],
  ])('for a cookie that is %s', async (_, value, forged) => {
    const { returning, old, takeTold } = oldScene()
    const { cookies, session } = await returning(oldCookie(value)).visit()
    expect([{ ...session }, cookies, old.calls]).toEqual([{}, [], []])
    expect(takeTold().length, takeTold().join()).toBe(forged)
  })

  it('for a cookie that was cut short, wherever', async () => {
    const { returning, old } = oldScene()
    const whole = oldCookie()
    for (let length = 'connect.sid='.length; length < whole.length; length++) {
      expect(await returning(whole.slice(0, length)).user()).toBeUndefined()
    }
    expect(old.calls).toEqual([])
  })

  it('for percent signs that mean nothing', async () => {
    const { returning, old } = oldScene()
    for (const value of ['%', '%zz', '%E0%A4%A', `${encodeURIComponent(signed())}%`]) {
      expect(await returning(`connect.sid=${value}`).user()).toBeUndefined()
    }
    expect(old.calls).toEqual([])
  })
})

describe('several old cookies', () => {
  it('of one session are one', async () => {
    const { returning, rows } = oldScene({}, { secret: [SECRET, 'older'] })
    const browser = returning(
      `${oldCookie()}; connect.sid=${signed()}; ${oldCookie(signed(OLD_ID, 'older'))}; ${oldCookie('x')}`,
    )
    expect([await browser.user(), rows.size]).toEqual(['alice', 1])
  })

  it('of two sessions open neither, and a sign-in ends both', async () => {
    const { returning, old, rows, takeTold } = oldScene()
    old.rows.set(OTHER_ID, row({ user: { id: 'mallory' } }))
    const both = `${oldCookie(signed(OTHER_ID))}; ${oldCookie()}`
    expect(await returning(both).user()).toBeUndefined()
    expect(takeTold()).toContain('ambiguous-cookie')
    expect(old.rows.size).toBe(2)
    const { session } = await returning(both).visit((session) => (session.user = { id: 'bob' }))
    expect([old.rows.size, [...rows.keys()]]).toEqual([0, [session.id]])
  })

  it('are looked up at most eight', async () => {
    const { returning, old } = oldScene()
    const many = Array.from({ length: 20 }, (_, n) => oldCookie(signed(`${n}-${OTHER_ID}`)))
    await returning(many.join('; ')).visit()
    expect(old.calls).toHaveLength(8)
  })
})

describe('an old row', () => {
  const withProto = JSON.parse(
    '{"cookie":{},"__proto__":{"admin":true},"user":{"id":"alice","__proto__":{"x":1}},"save":1,"n":1}',
  ) as object

  it.each<[string, unknown]>([
    ['its JSON', JSON.stringify(row({ user: { id: 'alice' }, n: 1 }))],
    ['with keys that belong to the session itself', withProto],
  ])('may be an object, or %s', async (_, there) => {
    const { returning, old } = oldScene()
    old.rows.set(OLD_ID, there)
    const { session } = await returning().visit()
    expect(JSON.stringify(session)).toBe('{"user":{"id":"alice"},"n":1}')
    expect([(session as { admin?: unknown }).admin, (session.user as { x?: unknown }).x]).toEqual([
      undefined,
      undefined,
    ])
  })

  it('that the store gives is alive, whatever its cookie says', async () => {
    const { returning, old, clock } = oldScene()
    const when = clock() - HOUR
    for (const expires of [new Date(when), new Date(when).toISOString(), null, 'never', 7]) {
      old.rows.set(OLD_ID, { cookie: { expires, originalMaxAge: 1 }, user: { id: 'alice' } })
      const browser = returning()
      expect(await browser.user()).toBe('alice')
      await browser.visit((session) => session.destroy())
    }
  })

  it('that the store has no more is nobody’s', async () => {
    const { returning, old, rows } = oldScene()
    for (const nothing of [undefined, null, false]) {
      old.rows.set(OLD_ID, nothing)
      const { cookies, session } = await returning().visit()
      expect([{ ...session }, cookies, rows.size]).toEqual([{}, [], 0])
    }
  })

  it('that is no file is nobody’s, nor is it an error to end it', async () => {
    const missing = Object.assign(new Error('none'), { code: 'ENOENT' })
    const from = fromExpressSession({
      secret: SECRET,
      store: { get: (_, answer) => answer(missing), destroy: (_, answer) => answer(missing) },
    })
    expect(await from.load(OLD_ID)).toBeUndefined()
    await from.remove(OLD_ID)
  })

  const broken: [string, unknown, object?][] = [
    ['is not JSON', '{"cookie":{'],
    ['is JSON of something else', '7'],
    ['is an array', [1]],
    ['is a number', 7],
    ['has no cookie', { user: { id: 'alice' } }],
    ['has a cookie that is none', { cookie: 'x', user: { id: 'alice' } }],
    ['names its owner so that nobody can', row({ user: { id: 'a\u0000b' } })],
    ['is too large', row({ blob: 'x'.repeat(70_000) })],
    ['cannot be kept', row({ n: 1n })],
    [
      'is not of the schema',
      row({ n: 'one' }),
      { schema: schema((value) => (value['n'] === 'one' ? 'n is no number' : value)) },
    ],
  ]
  it.each(broken)(
    'that %s is an event and an anonymous request, each time, and stays',
    async (_, there, options = {}) => {
      const { returning, old, rows, takeTold } = oldScene(options)
      old.rows.set(OLD_ID, there)
      const browser = returning()
      for (let time = 0; time < 2; time++) {
        const { cookies, session } = await browser.visit()
        expect([{ ...session }, cookies, rows.size, takeTold()]).toEqual([{}, [], 0, ['unreadable']])
      }
      expect([old.rows.size, browser.jar.length]).toEqual([1, 1])
      await browser.visit((session) => (session.user = { id: 'alice' }))
      expect(await browser.user()).toBe('alice')
    },
  )

  it('that the store itself cannot parse is the same, and one that it cannot get is an error', async () => {
    const { returning, old, takeTold } = oldScene()
    old.get = (_, answer) => answer(new SyntaxError('Unexpected token in JSON'))
    expect(await returning().user()).toBeUndefined()
    expect(takeTold()).toEqual(['unreadable'])
    old.get = () => JSON.parse('{') as never
    expect(await returning().user()).toBeUndefined()
    expect(takeTold()).toEqual(['unreadable'])
    old.get = (_, answer) => answer(new Error('connection lost'))
    expect(await rejection(returning().visit())).toMatchObject({ code: 'ERR_SOJOURN_STORE' })
  })

  it('that the application cannot convert is an event', async () => {
    const failing = (): never => {
      throw new Error('no such shape')
    }
    for (const data of [failing, () => 7 as never, () => null as never]) {
      const { returning, takeTold } = oldScene({}, { data })
      expect(await returning().user()).toBeUndefined()
      expect(takeTold()).toEqual(['unreadable'])
    }
  })
})

describe('parallel and repeated requests', () => {
  it('with the old cookie are handed the same token', async () => {
    const { returning, rows } = oldScene()
    const [one, two] = [returning(), returning()]
    await Promise.all([one.visit((s) => (s['a'] = 1)), two.visit((s) => (s['b'] = 2))])
    expect(one.token).toBe(two.token)
    expect([rows.size, await one.user()]).toEqual([1, 'alice'])
    expect({ ...(await two.visit()).session }).toMatchObject({ a: 1, b: 2, cart: ['tea'] })
  })

  it('whose response was lost are handed the same token again, until it has been seen', async () => {
    const { returning, clock, takeTold } = oldScene()
    const lost = returning()
    await lost.visit()
    const again = returning()
    expect([await again.user(), again.token]).toEqual(['alice', lost.token])
    expect(again.names).toEqual(['__Host-sid'])
    await again.visit()
    clock.advance(2 * MINUTE)
    takeTold()
    expect(await returning().user()).toBeUndefined()
    expect(takeTold()).toEqual(['token-reuse'])
    expect(await again.user()).toBe('alice')
  })

  it('in an application of another namespace, or cookie, are of its own', async () => {
    const here = oldScene({ namespace: 'shop' })
    const there = oldScene({ namespace: 'blog' }, {}, new OldStore(here.old.rows))
    const [one, two] = [here.returning(), there.returning()]
    await one.visit()
    await two.visit()
    expect(one.token!.slice(0, 22)).not.toBe(two.token!.slice(0, 22))
  })
})

describe('what either store holds', () => {
  it('opens nothing: no secret of the token, and none of the old cookie', async () => {
    const { returning, rows } = oldScene()
    const browser = returning()
    await browser.visit()
    const kept = JSON.stringify([...rows])
    const [, secret] = browser.token!.split('.')
    const signature = signed().slice(-43)
    for (const text of [secret!, signature, SECRET]) expect(kept).not.toContain(text)
  })

  it('is not enough to make the token that an old cookie is: that takes the signature', async () => {
    const { returning } = oldScene({}, { secret: [SECRET, 'another'] })
    await returning().visit()
    // The right id, and a signature that would be valid for express-session too, but is not this cookie's.
    expect(await returning(oldCookie(signed(OLD_ID, 'another'))).user()).toBeUndefined()
  })
})

describe('ending a session that was taken over', () => {
  it.each<
    [string, (session: { destroy(): Promise<void>; regenerate(how: object): Promise<void>; user?: object }) => unknown]
  >([
    ['destroy()', (session) => session.destroy()],
    ['an emptying regenerate()', (session) => session.regenerate({ keep: false })],
    ['another principal', (session) => (session.user = { id: 'bob' })],
  ])('by %s in the very request leaves nothing for the old cookie', async (_, end) => {
    const { returning, old } = oldScene()
    const browser = returning()
    const { cookies } = await browser.visit(end)
    expect(cookies.at(-1)).toMatch(/^connect\.sid=; Max-Age=0/)
    expect(old.rows.size).toBe(0)
    expect([await returning().user(), await browser.user()]).not.toContain('alice')
  })

  it.each<[string, (scene: ReturnType<typeof oldScene>, id: string) => Promise<unknown>]>([
    ['revoke()', ({ sessions }, id) => sessions.revoke(id)],
    ['revokeAll()', ({ sessions }) => sessions.revokeAll('alice')],
  ])('by %s ends the old one first, should that be there still', async (_, end) => {
    const scene = oldScene()
    const { returning, old, store, sessions, rows } = scene
    old.failing = new Set(['destroy'])
    const browser = returning()
    await browser.visit()
    // The session is ours, and its old row could not be ended: no token left with the response.
    expect([browser.token, old.rows.size, rows.size]).toEqual([undefined, 1, 1])
    const [{ id } = { id: '' }] = await listOf(sessions, 'alice')
    await rejection(end(scene, id))
    expect([old.rows.size, rows.size]).toEqual([1, 1])
    old.failing = new Set()
    store.calls.length = 0
    await end(scene, id)
    expect([old.rows.size, rows.size, await browser.user()]).toEqual([0, 0, undefined])
  })

  it('with onTokenReuse, ends the old one too', async () => {
    const { returning, clock, old, rows } = oldScene({ onTokenReuse: 'destroy' })
    const browser = returning()
    await browser.visit()
    await browser.visit()
    clock.advance(2 * MINUTE)
    old.rows.set(OLD_ID, row({ user: { id: 'alice' } }))
    expect(await returning().user()).toBeUndefined()
    expect([old.rows.size, rows.size]).toEqual([0, 0])
  })

  it('ends every old session that the browser brings along', async () => {
    const { signedIn, returning, old } = oldScene()
    const visitor = await signedIn('bob')
    const browser = returning(`${visitor.cookie}; ${oldCookie()}`)
    const { cookies } = await browser.visit((session) => session.destroy())
    expect([cookies.length, old.rows.size, await returning().user()]).toEqual([2, 0, undefined])
  })

  it('everywhere keeps those from coming over that have not yet, for an hour', async () => {
    const { returning, sessions, old, rows, takeTold } = oldScene()
    await sessions.revokeAll('alice')
    takeTold()
    expect(await returning().user()).toBeUndefined()
    expect([takeTold(), old.rows.size, rows.size]).toEqual([['created', 'revoked'], 0, 0])
  })
})

describe('when a store fails', () => {
  it('the old one, at the lookup: an error, or an anonymous request that refuses writes', async () => {
    const old = new OldStore()
    old.failing = new Set(['get'])
    const erring = oldScene({}, {}, old)
    expect(await rejection(erring.returning().visit())).toMatchObject({ code: 'ERR_SOJOURN_STORE', status: 503 })
    expect(erring.events.at(-1)).toMatchObject({ type: 'store-error', reason: 'take over' })
    const going = oldScene({ onStoreFailure: 'anonymous' }, {}, old)
    expect(await going.returning().user()).toBeUndefined()
  })

  it('the old one, which never answers: an error within the time that a call may take', async () => {
    const old = new OldStore()
    old.get = () => undefined
    const { returning } = oldScene({ storeTimeout: 0.02 }, {}, old)
    expect(await rejection(returning().visit())).toMatchObject({ code: 'ERR_SOJOURN_STORE_TIMEOUT' })
  })

  it('the old one, at its end: no token leaves, and the next request with the old cookie is served', async () => {
    const { returning, old } = oldScene()
    old.failing = new Set(['destroy'])
    const browser = returning()
    expect(await rejection(browser.visit((session) => (session['n'] = 1)))).toMatchObject({ code: 'ERR_SOJOURN_STORE' })
    expect(browser.names).toEqual(['connect.sid'])
    old.failing = new Set()
    expect([await browser.user(), old.rows.size, browser.names]).toEqual(['alice', 0, ['__Host-sid']])
  })

  it('the new one, at the commit of a request that only read: the answer stands, and the old cookie with it', async () => {
    const { returning, old, store } = oldScene()
    store.fail('save')
    const browser = returning()
    const { cookies, session } = await browser.visit()
    expect([session.user?.id, cookies, old.rows.size]).toEqual(['alice', [], 1])
    expect([await browser.user(), old.rows.size]).toEqual(['alice', 0])
  })
})

describe('the option', () => {
  const store = new OldStore()
  const config = { code: 'ERR_SOJOURN_CONFIG' }
  const thrown = (make: () => unknown): unknown => {
    try {
      return make()
    } catch (error) {
      return error
    }
  }

  it.each<[string, object]>([
    ['no secret', { store }],
    ['an empty secret', { store, secret: '' }],
    ['no secrets', { store, secret: [] }],
    ['a secret that is none', { store, secret: [SECRET, 7] }],
    ['no store', { secret: SECRET }],
    ['a store without destroy', { secret: SECRET, store: { get: () => undefined } }],
    ['a name that is none', { secret: SECRET, store, name: 'a b' }],
    ['a path that is none', { secret: SECRET, store, cookie: { path: 'x' } }],
    ['a domain that is none', { secret: SECRET, store, cookie: { domain: 'a;b' } }],
    ['data that is no function', { secret: SECRET, store, data: {} }],
  ])('refuses %s', (_, options) => {
    expect(thrown(() => fromExpressSession(options as never))).toMatchObject(config)
  })

  it('refuses what is no predecessor, a cookie as the store, and one name for both cookies', () => {
    const from = fromExpressSession({ secret: SECRET, store })
    const named = (name: string): typeof from => fromExpressSession({ secret: SECRET, store, name })
    expect(thrown(() => createSessions({ from: {} as never }))).toMatchObject(config)
    expect(
      thrown(() => createSessions({ from, store: cookieStore({ keys: [{ id: 'k', secret: 'x'.repeat(43) }] }) })),
    ).toMatchObject(config)
    expect(thrown(() => createSessions({ from: named('sid') }))).toMatchObject(config)
    expect(thrown(() => createSessions({ from: named('__Host-sid') }))).toMatchObject(config)
    expect(thrown(() => createSessions({ from: named('sid'), cookie: { secure: true } }))).not.toMatchObject(config)
    expect(thrown(() => createSessions({ from: named('sid'), cookie: { name: 'id' } }))).not.toMatchObject(config)
  })
})

async function listOf(sessions: Pick<Sessions, 'list'>, principal: string): Promise<SessionInfo[]> {
  const listed: SessionInfo[] = []
  for await (const info of sessions.list(principal)) listed.push(info)
  return listed
}
