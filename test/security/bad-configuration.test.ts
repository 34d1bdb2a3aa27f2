/** Bad configuration: the attacker waits for whoever set the application up. Each is an error that says what to do. */
import { inspect } from 'node:util'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import type { Options } from '../../src/core/options.ts'
import { createSessions } from '../../src/sessions.ts'
import { cookieStore, type SealingKey } from '../../src/stores/cookie.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sealed } from '../../src/stores/sealed.ts'
import { exchange, formatHead } from '../support/wire.ts'
import { serve } from './_serve.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const DAY = 86_400
const good = 'YL3VnO1rcD9b0aS8eKq5wZ2xT7uHfJ4iGmXpCoRkQdE='
const DRAW = 'draw a secret with: openssl rand -base64 32'

/** What people have for keys, and the remedy that each is answered with. */
const weakRings: Record<string, [keys: unknown, remedy: string]> = {
  'no keys': [undefined, DRAW],
  'null for keys': [null, DRAW],
  'no key at all': [[], DRAW],
  'a text for keys': ['keyboard cat', DRAW],
  'texts for keys': [['keyboard cat'], 'give for example the month it was drawn in, "2026-11"'],
  'undefined for a key': [[undefined], 'give for example the month it was drawn in, "2026-11"'],
  'a secret that an environment does not have': [[{ id: 'a', secret: undefined }], DRAW],
  'an empty secret': [[{ id: 'a', secret: '' }], DRAW],
  'the secret of every example': [[{ id: 'a', secret: 'keyboard cat' }], DRAW],
  'a short secret': [[{ id: 'a', secret: good.slice(0, 40) }], DRAW],
  'a short secret of bytes': [[{ id: 'a', secret: new Uint8Array(31).map((_, at) => at * 7) }], DRAW],
  'a passphrase': [[{ id: 'a', secret: 'correct horse battery staple, and then some' }], DRAW],
  'words without blanks': [[{ id: 'a', secret: 'correct-horse-battery-staple-and-then-some-more' }], DRAW],
  'capitals without blanks': [[{ id: 'a', secret: 'CHANGE_ME_BEFORE_YOU_GO_TO_PRODUCTION_WITH_THIS' }], DRAW],
  'one word, again and again': [[{ id: 'a', secret: 'Password1234'.repeat(6) }], DRAW],
  'one byte, again and again': [[{ id: 'a', secret: new Uint8Array(64).fill(7) }], DRAW],
  'digits in order': [[{ id: 'a', secret: '0123456789abcdef'.repeat(4) }], DRAW],
  'a secret for a name': [[{ id: good, secret: good }], 'give for example the month it was drawn in, "2026-11"'],
  'two keys of one name': [
    [
      { id: 'a', secret: good },
      { id: 'a', secret: good.replace('Y', 'Z') },
    ],
    'or what one sealed would be tried with the other',
  ],
}

type Start = () => unknown
const manager =
  (options: object): Start =>
  () =>
    createSessions(options as Options)
const mounted =
  (options: object): Start =>
  () =>
    session(options as Options)

const CASES: [what: string, start: Start, remedy: string][] = [
  ...Object.entries(weakRings).flatMap(([what, [keys, remedy]]): [string, Start, string][] => [
    [`cookieStore with ${what}`, () => cookieStore({ keys: keys as SealingKey[] }), remedy],
    [`sealed() with ${what}`, () => sealed(memoryStore(), { keys: keys as SealingKey[] }), remedy],
  ]),
  ['cookieStore with nothing', cookieStore as unknown as Start, DRAW],
  ['sealed() with nothing but a store', () => (sealed as (store: object) => unknown)(memoryStore()), DRAW],
  [
    'sealed() without a store',
    () => (sealed as unknown as (options: object) => unknown)({ keys: [{ id: 'a', secret: good }] }),
    'give for example sealed(sqliteStore({ path }), { keys })',
  ],
  [
    'revocations that are no store',
    () => (cookieStore as (options: object) => unknown)({ keys: [{ id: 'a', secret: good }], revocations: {} }),
    'or leave it out where a logout need not be final',
  ],
  ['the secret of another library’s', manager({ secret: 'keyboard cat' }), 'the known ones are'],
  ['the same where it is mounted', mounted({ secret: 'keyboard cat', resave: false }), 'known ones are'],
  ['a prefix of one’s own', manager({ cookie: { name: '__Host-sid' } }), 'give "sid"'],
  ['a prefix in another case', manager({ cookie: { name: '__HOST-sid', secure: false } }), 'give "sid"'],
  ['a __Host- cookie for a domain', manager({ cookie: { name: '__Host-sid', domain: 'example.org' } }), 'give "sid"'],
  ['a __Secure- cookie without Secure', mounted({ cookie: { name: '__Secure-sid', secure: false } }), 'give "sid"'],
  [
    'SameSite=None without Secure',
    manager({ cookie: { sameSite: 'none', secure: false } }),
    'leave cookie.secure out, or use sameSite "lax"',
  ],
  [
    'Partitioned without Secure',
    manager({ cookie: { partitioned: true, secure: false } }),
    'leave cookie.secure out, or partitioned',
  ],
  ['a cookie that scripts may read', manager({ cookie: { httpOnly: false } }), 'the known ones are'],
  [
    'an idle timeout longer than the lifetime',
    manager({ idleTimeout: 2 * DAY, lifetime: DAY }),
    'lower idleTimeout, or raise lifetime',
  ],
  ['a lifetime in milliseconds', manager({ lifetime: 30 * DAY * 1000 }), 'Give seconds'],
  ['an idle timeout in milliseconds', manager({ idleTimeout: DAY * 1000 }), 'Give seconds'],
  ['a session that never ends', manager({ lifetime: Infinity }), 'give for example 3600 for an hour'],
  ['a lifetime of nothing', manager({ lifetime: 0 }), 'give for example 3600 for an hour'],
  ['a rotation that never comes', manager({ rotateEvery: 40 * DAY }), 'lower rotateEvery, or leave it out'],
  [
    'a rotation of what is sealed',
    manager({ store: cookieStore({ keys: [{ id: 'a', secret: good }] }), rotateEvery: 60 }),
    'leave it out',
  ],
  [
    'a client for a store',
    manager({ store: { get() {}, set() {} } }),
    'give a store such as memoryStore() or sqliteStore({ path })',
  ],
]

describe('a configuration', () => {
  it.each(CASES)('with %s is refused at start, with the remedy last and no secret repeated', (_, start, remedy) => {
    let error: unknown
    try {
      start()
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ name: 'ConfigError', code: 'ERR_SOJOURN_CONFIG', status: 500 })
    const { message } = error as Error
    expect(message).toContain(remedy)
    // The remedy is the last that is said.
    expect(message.slice(message.indexOf(remedy))).not.toMatch(/[;.] [A-Za-z]/)
    const printed = inspect(error, { depth: Infinity, showHidden: true }).replace(/\n\s+at .*/g, '')
    for (const secret of [
      'keyboard cat',
      'correct',
      'CHANGE_ME',
      'Password1234',
      '0123456789abcdef',
      good.slice(0, 12),
    ]) {
      expect(printed).not.toContain(secret)
    }
  })

  it('of a sound ring is taken', () => {
    for (const secret of [good, Buffer.from(good, 'base64'), Buffer.from(good, 'base64').toString('hex')]) {
      expect(() => cookieStore({ keys: [{ id: '2026-11', secret }], revocations: memoryStore() })).not.toThrow()
    }
  })
})

describe('two managers of one application', () => {
  async function ask(mount: (app: express.Express) => void, ...paths: string[]): Promise<number[]> {
    const app = express()
    mount(app)
    app.use((request, response) => void response.json({ new: request.session.isNew }))
    app.use(((_error, _request, response, _next) => void response.status(500).end()) as express.ErrorRequestHandler)
    const { port, close } = await serve(app)
    closing.push(close)
    const statuses: number[] = []
    for (const path of paths) statuses.push((await exchange(port, 'GET', formatHead('GET', path, []))).status)
    return statuses
  }

  it('on one cookie are refused with the first request that both could have answered', async () => {
    const inner = (): express.Express => express().use(session())
    expect(await ask((app) => app.use('/a', session()).use('/b', session()), '/a', '/b', '/a')).toEqual([200, 500, 200])
    expect(await ask((app) => app.use('/a', inner()).use('/b', inner()), '/b', '/a')).toEqual([200, 500])
    expect(await ask((app) => app.use(session()).use(session()), '/')).toEqual([500])
  })

  it('are well on two cookies, and one manager may be mounted twice', async () => {
    const one = createSessions()
    const shop = session({ cookie: { name: 'shop' } })
    expect(await ask((app) => app.use('/a', session(one)).use('/b', session(one)), '/a', '/b')).toEqual([200, 200])
    expect(await ask((app) => app.use('/a', session(one)).use('/b', shop), '/a', '/b', '/b')).toEqual([200, 200, 200])
    const [here, there] = [session({ cookie: { path: '/a' } }), session({ cookie: { path: '/b' } })]
    expect(await ask((app) => app.use('/a', here).use('/b', there), '/a', '/b')).toEqual([200, 200])
  })
})
