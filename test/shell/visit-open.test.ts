import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { formatToken, type Token } from '../../src/core/token.ts'
import { hostileCookies } from '../support/arbitraries.ts'
import { DAY, rejection, scene, type Scene } from '../support/scene.ts'
import type { Visitor } from '../support/visitor.ts'

type Someone = Visitor<{ user?: { id: string } }>

const stranger: Token = { id: 'A'.repeat(22), secret: 'B'.repeat(42) + 'A' }

/** What a request with this `Cookie` header finds. */
async function found(
  { sessions }: Scene,
  cookie: string | null,
): Promise<{ user: string | undefined; isNew: boolean }> {
  const session = await sessions.open({ cookie, secure: true })
  return { user: session.user?.id, isNew: session.isNew }
}

const ANONYMOUS = { user: undefined, isNew: true }
const ALICE = { user: 'alice', isNew: false }

describe('a request', () => {
  it.each([
    ['no cookie', null],
    ['an empty header', ''],
    ['other cookies', 'theme=dark; __Host-other=x'],
    ['an empty value', '__Host-sid='],
    ['a deleted one', '__Host-sid=deleted'],
    ['a path', '__Host-sid=../../../etc/passwd'],
    ['a NUL', `__Host-sid=\0${formatToken(stranger)}`],
    ['a long value', `__Host-sid=${'A'.repeat(8192)}`],
    ['an operator', '__Host-sid={"$ne":null}'],
    ['a key of Redis', '__Host-sid=sess:*'],
    ['a reserved word', '__Host-sid=__proto__'],
    ['quotes', `__Host-sid="${formatToken(stranger)}"`],
    ['the name on plain http', `sid=${formatToken(stranger)}`],
    ['the name in capitals', `__HOST-SID=${formatToken(stranger)}`],
    ['a nameless cookie', `=__Host-sid=${formatToken(stranger)}`],
    ['an id alone', `__Host-sid=${stranger.id}`],
    ['an id with its hash for a secret', `__Host-sid=${stranger.id}.${'h'.repeat(43)}`],
  ])('with %s asks nothing of the store', async (_, cookie) => {
    const app = scene()
    expect(await found(app, cookie)).toEqual(ANONYMOUS)
    expect(app.store.calls).toEqual([])
    expect(app.takeTold()).toEqual([])
  })

  it('with a token finds the session', async () => {
    const app = scene()
    const alice = await app.signedIn()
    expect(await found(app, alice.cookie)).toEqual(ALICE)
    expect(app.store.calls).toEqual(['load'])
  })

  it('never adopts a token that nobody was given', async () => {
    const app = scene()
    const mallory = app.visitor()
    mallory.cookie = `__Host-sid=${formatToken(stranger)}`
    await mallory.visit((session) => (session.user = { id: 'alice' }))
    expect(mallory.token).not.toContain(stranger.id)
    expect(mallory.token).not.toContain(stranger.secret)
  })

  it('with the right id and another secret finds nothing, and disturbs nobody', async () => {
    const app = scene({ rotateEvery: 3600, onTokenReuse: 'destroy' })
    const alice = await app.signedIn()
    const [id] = alice.token.split('.')
    const before = new Map(app.rows)
    const mallory = app.visitor()
    mallory.cookie = `__Host-sid=${id}.${stranger.secret}`
    const { headers, plan } = await mallory.visit((session) => session.touch())
    expect({ headers, plan }).toEqual({ headers: [['Vary', 'Cookie']], plan: 'nothing' })
    expect(app.takeTold()).toEqual(['bad-token'])
    expect(app.events.at(-1)).toEqual({ type: 'bad-token', at: app.clock(), id })
    expect(app.rows).toEqual(before)
    expect(await found(app, alice.cookie)).toEqual(ALICE)
  })

  it('does not open a session with what the store holds', async () => {
    const app = scene()
    const alice = await app.signedIn()
    for (const [id, { body }] of app.rows) {
      expect(body).not.toContain(alice.secret)
      for (const word of body.split(/\s/)) expect(await found(app, `__Host-sid=${id}.${word}`)).toEqual(ANONYMOUS)
    }
  })

  it.each([
    ['namespace', { namespace: 'shop' }],
    ['cookie', { cookie: { name: 'shop' } }],
  ])('does not open a session with a token of another %s on the same store', async (_, options) => {
    const app = scene()
    const shop = app.beside(options)
    const alice = await app.signedIn()
    const name = 'cookie' in options ? '__Host-shop' : '__Host-sid'
    expect(await found(shop, `${name}=${alice.token}`)).toEqual(ANONYMOUS)
    expect(await found(app.beside(), alice.cookie)).toEqual(ALICE)
    const bob = await shop.signedIn('bob')
    expect(await found(shop, bob.cookie)).toMatchObject({ user: 'bob' })
    expect(await found(app, `__Host-sid=${bob.token}`)).toEqual(ANONYMOUS)
  })

  it('does not open an expired session though a store gives it still', async () => {
    const app = scene({ idleTimeout: 60 })
    const alice = await app.signedIn()
    const [id, row] = [...app.rows][0]!
    app.clock.advance(60_000)
    app.store.next('load', () => row)
    expect(await found(app, alice.cookie)).toEqual(ANONYMOUS)
    expect(app.takeTold()).toEqual(['expired'])
    expect(app.events.at(-1)).toMatchObject({ id, principal: 'alice' })
  })

  it('is given up when the client is gone: the store is told', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const client = new AbortController()
    let seen: AbortSignal | undefined
    const { load } = app.store
    app.store.load = (id, call) => {
      seen = call.signal
      return load(id, call)
    }
    await app.sessions.open({ cookie: alice.cookie, secure: true, signal: client.signal })
    client.abort()
    expect(seen?.aborted).toBe(true)
  })

  it('fails when the store fails', async () => {
    const app = scene()
    const alice = await app.signedIn()
    app.store.fail('load')
    expect(await rejection(alice.open())).toMatchObject({ name: 'StoreError', code: 'ERR_SOJOURN_STORE' })
  })
})

describe('a request with several cookies of the name', () => {
  const join = (...visitors: (Someone | string)[]): string =>
    visitors.map((one) => (typeof one === 'string' ? `__Host-sid=${one}` : one.cookie)).join('; ')

  it('finds the valid one behind garbage, and before it', async () => {
    const app = scene({ slow: true })
    const alice = await app.signedIn()
    const garbage = ['garbage', '', formatToken(stranger)]
    expect(await found(app, join(...garbage, alice))).toEqual(ALICE)
    expect(await found(app, join(alice, ...garbage))).toEqual(ALICE)
    expect(app.takeTold()).toEqual([])
  })

  it('finds it however much garbage there is that could be no token', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const garbage = Array.from({ length: 600 }, (_, at) => `garbage${at}`)
    expect(await found(app, join(...garbage, alice))).toEqual(ALICE)
    expect(app.store.calls).toEqual(['load'])
  })

  it('has eight tokens looked up at most', async () => {
    const app = scene()
    const tokens = Array.from({ length: 600 }, () =>
      formatToken({ ...stranger, id: randomBytes(16).toString('base64url') }),
    )
    expect(await found(app, join(...tokens))).toEqual(ANONYMOUS)
    expect(app.store.calls).toHaveLength(8)
  })

  it('is the session of a token that came twice', async () => {
    const app = scene()
    const alice = await app.signedIn()
    expect(await found(app, join(alice, alice))).toEqual(ALICE)
    expect(await found(app, join(alice, ` ${alice.token}`))).toEqual(ALICE)
    expect(app.takeTold()).toEqual([])
  })

  it('is the session whose old token came along', async () => {
    const app = scene()
    const alice = await app.known()
    const old = alice.copy()
    await alice.visit((session) => (session.user = { id: 'alice' }))
    expect(await found(app, join(old, alice))).toEqual(ALICE)
    expect(await found(app, join(alice, old))).toEqual(ALICE)
  })

  it("is nobody's when two are valid, in either order", async () => {
    const app = scene({ slow: true })
    const [alice, mallory] = [await app.signedIn('alice'), await app.signedIn('mallory')]
    expect(await found(app, join(alice, mallory))).toEqual(ANONYMOUS)
    expect(await found(app, join(mallory, alice))).toEqual(ANONYMOUS)
    expect(app.takeTold()).toEqual(['ambiguous-cookie', 'ambiguous-cookie'])
    expect(app.rows.size).toBe(2)
    expect(await found(app, alice.cookie)).toEqual(ALICE)
  })

  it('ends the sessions whose valid tokens it presented when it signs in', async () => {
    const app = scene()
    const [alice, mallory, other] = [
      await app.signedIn('alice'),
      await app.signedIn('mallory'),
      await app.signedIn('alice'),
    ]
    const both = app.visitor()
    both.cookie = join(alice, mallory)
    const { cookie } = await both.visit((session) => (session.user = { id: 'alice' }))
    expect(cookie).toBeDefined()
    expect(await found(app, alice.cookie)).toEqual(ANONYMOUS)
    expect(await found(app, mallory.cookie)).toEqual(ANONYMOUS)
    expect(await found(app, other.cookie)).toEqual(ALICE)
    expect(await found(app, both.cookie)).toEqual(ALICE)
    expect(app.takeTold()).toEqual(['ambiguous-cookie', 'destroyed', 'destroyed', 'created', 'signed-in'])
  })

  it("ends nobody's session when it stores something without signing in", async () => {
    const app = scene()
    const [alice, mallory] = [await app.signedIn('alice'), await app.signedIn('mallory')]
    const both = app.visitor()
    both.cookie = join(alice, mallory)
    await both.visit((session) => (session['theme'] = 'dark'))
    expect(await found(app, alice.cookie)).toEqual(ALICE)
    expect(app.rows.size).toBe(3)
  })
})

describe('a dead token', () => {
  it('takes no cookie away, whatever the handler reads or leaves', async () => {
    const app = scene({ idleTimeout: 60 })
    const alice = await app.signedIn()
    const [destroyed, expired] = [alice.copy(), alice.copy()]
    await alice.visit((session) => session.destroy())
    expect((await destroyed.visit((session) => session.user)).headers).toEqual([['Vary', 'Cookie']])
    app.clock.advance(DAY)
    expect((await expired.visit((session) => session.touch())).headers).toEqual([['Vary', 'Cookie']])
    expect(destroyed.cookie).not.toBeNull()
  })
})

describe('100,000 hostile cookie headers', () => {
  it('never make an error, and never open a session', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const headers = hostileCookies(alice.token)
    expect(headers).toHaveLength(100_000)
    let opened = 0
    for (const cookie of headers) {
      const visit = await app.sessions.visit({ cookie, secure: true })
      if (!visit.handle.isNew) opened++
    }
    expect(opened).toBe(0)
    expect(await found(app, alice.cookie)).toEqual(ALICE)
    expect(new Set(app.takeTold())).toEqual(new Set(['bad-token']))
  })
})
