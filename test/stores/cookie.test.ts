/** The cookie as the store: what a browser keeps and returns, and what nobody can make of it. */
import { CookieJar } from 'tough-cookie'
import { describe, expect, it } from 'vitest'
import { type Options, type Session, createSessions, memoryStore } from '../../src/index.ts'
import { cookieStore } from '../../src/stores/cookie.ts'
import { sealed } from '../../src/stores/sealed.ts'
import { fakeClock } from '../../src/testing/index.ts'

interface Data {
  user?: { id: string }
  visits?: number
  big?: string
}

const SITE = 'https://example.org/'
const secret = (byte: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, at) => (at * 31 + byte) % 256)
const key = (id: string, byte = 1) => ({ id, secret: secret(byte) })
const HOUR = 3_600_000

/** A site whose sessions lie in cookies, its clock, what it told, and browsers of it. */
function site({ revocable = false, ...options }: Options<Data> & { revocable?: boolean } = {}) {
  const clock = fakeClock()
  const revocations = memoryStore()
  const store =
    options.store ??
    (revocable ? cookieStore({ keys: [key('k1')], revocations, clock }) : cookieStore({ keys: [key('k1')] }))
  const sessions = createSessions<Data>({ clock, ...options, store })
  const events: string[] = []
  for (const type of ['bad-token', 'expired', 'ambiguous-cookie', 'unreadable', 'store-error'] as const) {
    sessions.on(type, ({ reason }) => events.push(reason ? `${type} ${reason}` : type))
  }
  return { sessions, clock, events, browser: () => new Browser(sessions) }
}

/** A browser with a jar that keeps to the rules. */
class Browser {
  readonly jar = new CookieJar()
  plan = ''
  readonly #sessions: ReturnType<typeof createSessions<Data>>

  constructor(sessions: ReturnType<typeof createSessions<Data>>) {
    this.#sessions = sessions
  }

  async visit(handler: (session: Session<Data>) => unknown = () => undefined, cookie = this.cookie): Promise<Data> {
    const session = await this.#sessions.open({ cookie: cookie || null, secure: true })
    await handler(session)
    const { plan, headers } = await this.#sessions.commit(session)
    for (const [name, line] of headers) if (name === 'Set-Cookie') this.jar.setCookieSync(line, SITE)
    this.plan = plan
    return { ...this.#sessions.current(session) }
  }

  get cookie(): string {
    return this.jar.getCookieStringSync(SITE)
  }

  get cookies(): [name: string, value: string][] {
    return this.jar.getCookiesSync(SITE).map(({ key, value }) => [key, value])
  }
}

const asHeader = (cookies: readonly (readonly [string, string])[]): string =>
  cookies.map(([name, value]) => `${name}=${value}`).join('; ')
const HALF_FULL = 'x'.repeat(6000)

describe('a session in its cookie', () => {
  it('comes back as it was left, from a browser that keeps to the rules', async () => {
    const browser = site().browser()
    await browser.visit((session) => Object.assign(session, { user: { id: 'alice' }, visits: 1 }))
    expect(await browser.visit((session) => (session.visits! += 1))).toEqual({ user: { id: 'alice' }, visits: 2 })
    expect(await browser.visit()).toEqual({ user: { id: 'alice' }, visits: 2 })
  })

  it('shows nothing of what is in it', async () => {
    const browser = site().browser()
    await browser.visit((session) => (session.user = { id: 'alice-of-wonderland' }))
    const [[, value]] = browser.cookies as [[string, string]]
    expect(Buffer.from(value.split('.').at(-1)!, 'base64url').toString('latin1')).not.toContain('alice')
  })

  it('spreads over as many cookies as it needs, and takes back those that it no longer needs', async () => {
    const browser = site().browser()
    await browser.visit((session) => (session.big = HALF_FULL))
    expect(browser.cookies.map(([name]) => name)).toEqual(['__Host-sid', '__Host-sid.1', '__Host-sid.2'])
    for (const [name, value] of browser.cookies) expect(name.length + value.length).toBeLessThanOrEqual(4095)
    expect(await browser.visit((session) => delete session.big)).toEqual({})
    expect(browser.cookies.map(([name]) => name)).toEqual(['__Host-sid'])
    await browser.visit((session) => session.destroy())
    expect(browser.cookies).toEqual([])
  })

  it('is an error when no browser would keep it, and the browser keeps what it had', async () => {
    const browser = site().browser()
    await browser.visit((session) => (session.visits = 1))
    const before = browser.cookie
    await expect(browser.visit((session) => (session.big = 'x'.repeat(20_000)))).rejects.toMatchObject({
      code: 'ERR_SOJOURN_TOO_LARGE',
    })
    expect(browser.cookie).toBe(before)
    expect(await browser.visit()).toEqual({ visits: 1 })
  })

  it('sends nothing for a visitor of whom nothing is remembered, nor for a read', async () => {
    const browser = site().browser()
    await browser.visit()
    expect([browser.plan, browser.cookie]).toEqual(['nothing', ''])
    await browser.visit((session) => (session.visits = 1))
    const before = browser.cookie
    await browser.visit()
    expect([browser.plan, browser.cookie]).toEqual(['nothing', before])
  })

  it('ends by itself: without a request, and after a whole life', async () => {
    const { clock, browser, events } = site({ idleTimeout: 3600, lifetime: 3 * 3600 })
    const idle = browser()
    await idle.visit((session) => (session.visits = 1))
    const busy = browser()
    await busy.visit((session) => (session.visits = 1))
    for (let at = 0; at < 3; at++) {
      clock.advance(HOUR - 1)
      expect(await busy.visit()).toEqual({ visits: 1 })
    }
    expect(await idle.visit(undefined, idle.cookie)).toEqual({})
    clock.advance(3)
    expect(await busy.visit()).toEqual({})
    expect(new Set(events)).toEqual(new Set(['expired']))
  })
})

describe('a sealed cookie that was tampered with is an anonymous request and an event', () => {
  async function halfFull() {
    const { browser, events } = site()
    const owner = browser()
    await owner.visit((session) => Object.assign(session, { user: { id: 'alice' }, big: HALF_FULL }))
    const stranger = browser()
    await stranger.visit((session) => Object.assign(session, { user: { id: 'mallory' }, big: HALF_FULL }))
    return { owner, stranger, events, chunks: owner.cookies, others: stranger.cookies }
  }

  it('with any byte of any chunk changed', async () => {
    const { owner, chunks, events } = await halfFull()
    expect(await owner.visit(undefined, asHeader(chunks))).toMatchObject({ user: { id: 'alice' } })
    let tried = 0
    for (const [at, [name, value]] of chunks.entries()) {
      for (let byte = 0; byte < value.length; byte++) {
        const changed = value.slice(0, byte) + (value[byte] === 'A' ? 'B' : 'A') + value.slice(byte + 1)
        expect(await owner.visit(undefined, asHeader(chunks.with(at, [name, changed])))).toEqual({})
        tried++
      }
    }
    expect(events).toHaveLength(tried)
    expect(new Set(events)).toEqual(new Set(['bad-token sealed']))
  })

  it('with a chunk left out, doubled, swapped, or taken from another session', async () => {
    const { owner, chunks, others, events } = await halfFull()
    const [first, second, third] = chunks as [[string, string], [string, string], [string, string]]
    const name = (chunk: [string, string], as: [string, string]): [string, string] => [as[0], chunk[1]]
    for (const forged of [
      [first],
      [second],
      [second, third],
      [first, third],
      [first, second],
      [first, second, name(second, third)],
      [first, name(third, second), name(second, third)],
      [name(second, first), name(first, second), third],
      [first, others[1]!, third],
      [others[0]!, second, third],
      [first, second, others[2]!],
    ]) {
      expect(await owner.visit(undefined, asHeader(forged))).toEqual({})
      expect(events.splice(0), asHeader(forged).replaceAll(/=([^;]{9})[^;]*/g, '=$1')).toEqual(['bad-token sealed'])
    }
  })

  it('and is still found among planted chunks of the same names', async () => {
    const { owner, chunks, others, events } = await halfFull()
    const [first, second, third] = chunks
    const planted = [
      first!,
      ['__Host-sid.1', 'garbage'] as const,
      second!,
      third!,
      ['__Host-sid', '3.garbage'] as const,
    ]
    expect(await owner.visit(undefined, asHeader(planted))).toMatchObject({ user: { id: 'alice' } })
    expect(new Set(events.splice(0))).toEqual(new Set(['bad-token sealed']))
    expect(await owner.visit(undefined, asHeader([...others, ...chunks]))).toEqual({})
    expect(new Set(events)).toEqual(new Set(['bad-token sealed', 'ambiguous-cookie 2 valid sessions']))
  })

  it.each<[string, Options<Data>]>([
    ['of another namespace', { namespace: 'other' }],
    ['of another cookie', { cookie: { name: 'other' } }],
  ])('when it is %s, though the keys are the same', async (_, options) => {
    const store = cookieStore({ keys: [key('k1')] })
    const here = site({ store }).browser()
    await here.visit((session) => (session.user = { id: 'alice' }))
    const there = site({ store, ...options })
    const value = here.cookies[0]![1]
    const name = options.cookie ? '__Host-other' : '__Host-sid'
    expect(await there.browser().visit(undefined, `${name}=${value}`)).toEqual({})
    expect(there.events).toEqual(['bad-token sealed'])
  })

  it('when it is the body of a store sealed with the same keys', async () => {
    const [bodies, call] = [memoryStore(), { now: 1_000_000 }]
    const kept = { version: 1, expiresAt: 2_000_000, principal: 'alice', body: '{"user":"alice"}' }
    await sealed(bodies, { keys: [key('k1')] }).create('an-id-of-22-characters', kept, call)
    const { browser, events } = site()
    expect(
      await browser().visit(undefined, `__Host-sid=1.${bodies.load('an-id-of-22-characters', call)!.body}`),
    ).toEqual({})
    expect(events).toEqual(['bad-token sealed'])
  })

  it.each([
    '',
    '1.eyJ1c2VyIjoiYWxpY2UifQ',
    '1.v1.k1.',
    '1.',
    '9.v1',
    '0.v1',
    'v1.k1.AAAA',
    '1.v1.k9.AAAA',
    '{"user":"alice"}',
  ])('when it is "%s"', async (value) => {
    const { browser, events } = site()
    expect(await browser().visit(undefined, `__Host-sid=${value}`)).toEqual({})
    expect(events).toEqual(['bad-token sealed'])
  })

  it('and a request without a cookie of its name is no event', async () => {
    const { browser, events } = site()
    expect(await browser().visit(undefined, '')).toEqual({})
    expect(await browser().visit(undefined, 'sid=9.v1; __Host-sid.3=x; __Host-sidecar=x')).toEqual({})
    expect(events).toEqual([])
  })
})

describe('the ring of keys', () => {
  it('is turned in three steps without anybody being signed out, and what a retired key sealed is refused', async () => {
    const [old, fresh] = [key('old'), key('new', 2)]
    const at = (...keys: (typeof old)[]) => createSessions<Data>({ store: cookieStore({ keys }) })
    const [before, accepting, promoted, retired] = [at(old), at(old, fresh), at(fresh, old), at(fresh)]
    const browser = new Browser(before)
    await browser.visit((session) => (session.visits = 1))
    const sealedWithOld = browser.cookie
    const through = async (sessions: typeof before, cookie = browser.cookie): Promise<Data> => {
      const next = new Browser(sessions)
      const data = await next.visit((session) => session.visits, cookie)
      if (next.cookie)
        for (const [name, value] of next.cookies) browser.jar.setCookieSync(`${name}=${value}; Path=/; Secure`, SITE)
      return data
    }
    expect(await through(accepting)).toEqual({ visits: 1 })
    expect(browser.cookie).toBe(sealedWithOld)
    expect(await through(promoted)).toEqual({ visits: 1 })
    expect(browser.cookie).toContain('v1.new.')
    expect(await through(retired)).toEqual({ visits: 1 })
    expect(await through(retired, sealedWithOld)).toEqual({})
  })
})

describe('a logout', () => {
  it('is final with revocations: a copy of the cookie opens nothing', async () => {
    const { browser, events } = site({ revocable: true })
    const alice = browser()
    await alice.visit((session) => (session.user = { id: 'alice' }))
    const copy = alice.cookie
    await alice.visit((session) => session.destroy())
    expect(alice.cookie).toBe('')
    expect(await browser().visit(undefined, copy)).toEqual({})
    expect(events).toEqual(['bad-token revoked'])
  })

  it('is final for what a change of who it is left behind, in either direction', async () => {
    const { browser } = site({ revocable: true })
    const alice = browser()
    await alice.visit((session) => (session.visits = 1))
    const anonymous = alice.cookie
    await alice.visit((session) => (session.user = { id: 'alice' }))
    const signedIn = alice.cookie
    await alice.visit((session) => delete session.user)
    expect(await browser().visit(undefined, anonymous)).toEqual({})
    expect(await browser().visit(undefined, signedIn)).toEqual({})
    expect(await alice.visit()).toEqual({ visits: 1 })
  })

  it('can be ordered from elsewhere by the id', async () => {
    const { browser, sessions } = site({ revocable: true })
    const alice = browser()
    let id = ''
    await alice.visit((session) => ((session.user = { id: 'alice' }), (id = session.id)))
    expect(await sessions.revoke(id)).toBe(true)
    expect(await alice.visit()).toEqual({})
  })

  it('cannot be final without them, and says so in its type', async () => {
    const forgetful = cookieStore({ keys: [key('k1')] })
    const revoked: undefined = forgetful.revoked
    expect(revoked).toBeUndefined()
    const { browser, sessions } = site()
    const alice = browser()
    await alice.visit((session) => (session.user = { id: 'alice' }))
    const copy = alice.cookie
    await alice.visit((session) => session.destroy())
    expect(await browser().visit(undefined, copy)).toEqual({ user: { id: 'alice' } })
    await expect(sessions.revoke('AAAAAAAAAAAAAAAAAAAAAA')).rejects.toMatchObject({ code: 'ERR_SOJOURN_UNSUPPORTED' })
    await expect(sessions.revokeAll('alice')).rejects.toMatchObject({ code: 'ERR_SOJOURN_UNSUPPORTED' })
  })
})

describe('what needs a cookie', () => {
  it('is refused when the head has left, and the session is as it was', async () => {
    const { sessions } = site()
    const session = await sessions.open({ cookie: null, secure: true })
    session.visits = 1
    await expect(sessions.commit(session, { headersSent: true })).rejects.toMatchObject({
      code: 'ERR_SOJOURN_HEADERS_SENT',
    })
  })

  it('includes moving the expiry, now and then', async () => {
    const { clock, browser } = site()
    const alice = browser()
    await alice.visit((session) => (session.visits = 1))
    const before = alice.cookie
    clock.advance(6 * 60_000)
    await alice.visit()
    expect(alice.plan).toBe('touch')
    expect(alice.cookie).not.toBe(before)
  })

  it('does not go with periodic rotation', () => {
    expect(() => createSessions({ store: cookieStore({ keys: [key('k1')] }), rotateEvery: 60 })).toThrow(
      expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG' }),
    )
  })
})
