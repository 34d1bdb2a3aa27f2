import { describe, expect, it } from 'vitest'
import { type Options, resolveOptions } from '../../src/core/options.ts'
import { createSessions } from '../../src/sessions.ts'
import { mapStore } from '../support/map-store.ts'
import { schema } from '../support/schema.ts'
import type { TestData } from '../support/scene.ts'

/** What plain JavaScript may give. */
type Given = { [K in keyof Options]?: unknown } & Record<string, unknown>

const DAY = 86_400
const cookie = (options: Record<string, unknown>): Given => ({ cookie: options })
const { load: _, ...blindStore } = mapStore()
const { list: __, ...unlisted } = mapStore()
const sealedStore = { seal: () => '', unseal: () => undefined }

const REFUSED: [why: string, options: Given, remedy: string][] = [
  // Times: E05, B09.
  ['an idle timeout of 0', { idleTimeout: 0 }, 'give for example 3600 for an hour'],
  ['a negative idle timeout', { idleTimeout: -1 }, 'give for example 3600 for an hour'],
  ['an idle timeout of NaN', { idleTimeout: NaN }, 'give for example 3600 for an hour'],
  ['an endless idle timeout', { idleTimeout: Infinity }, 'give for example 3600 for an hour'],
  ['an idle timeout as text', { idleTimeout: '3600' }, 'give for example 3600 for an hour'],
  ['an idle timeout of null', { idleTimeout: null }, 'give for example 3600 for an hour'],
  ['an idle timeout in milliseconds', { idleTimeout: DAY * 1000 }, 'Give seconds'],
  ['a lifetime of 0', { lifetime: 0 }, 'give for example 3600 for an hour'],
  ['a negative lifetime', { lifetime: -1 }, 'give for example 3600 for an hour'],
  ['a lifetime of NaN', { lifetime: NaN }, 'give for example 3600 for an hour'],
  ['an endless lifetime', { lifetime: Infinity }, 'give for example 3600 for an hour'],
  ['a lifetime as a BigInt', { lifetime: 5n }, 'give for example 3600 for an hour'],
  ['a lifetime of more than 400 days', { lifetime: 400 * DAY + 1 }, 'Give seconds'],
  ['a lifetime in milliseconds', { lifetime: 30 * DAY * 1000 }, 'Give seconds'],
  [
    'an idle timeout longer than the lifetime',
    { idleTimeout: 101, lifetime: 100 },
    'lower idleTimeout, or raise lifetime',
  ],
  ['the default idle timeout with a shorter lifetime', { lifetime: 3600 }, 'lower idleTimeout, or raise lifetime'],
  ['a rotation every 0 seconds', { rotateEvery: 0 }, 'leave it out to keep tokens until a sign-in'],
  ['a rotation of NaN', { rotateEvery: NaN }, 'leave it out to keep tokens until a sign-in'],
  ['a rotation as text', { rotateEvery: '60' }, 'leave it out to keep tokens until a sign-in'],
  ['a rotation that never comes', { rotateEvery: 30 * DAY }, 'lower rotateEvery, or leave it out'],
  ['a time limit of 0', { storeTimeout: 0 }, 'give for example 5'],
  ['an endless time limit', { storeTimeout: Infinity }, 'give for example 5'],
  ['a time limit that timers cannot hold', { storeTimeout: 2_147_484 }, 'give for example 5'],
  ['a size of 0', { maxBytes: 0 }, 'give for example 65536'],
  ['a size with a fraction', { maxBytes: 1.5 }, 'give for example 65536'],
  ['a size as text', { maxBytes: '64kb' }, 'give for example 65536'],
  ['an endless size', { maxBytes: Infinity }, 'give for example 65536'],

  // Kinds.
  ['a rotation of sealed cookies', { store: sealedStore, rotateEvery: 60 }, 'leave it out'],
  [
    'a store that seals and cannot open',
    { store: { seal: sealedStore.seal } },
    'give a store such as memoryStore() or sqliteStore({ path })',
  ],
  ['a store that is none', { store: {} }, 'give a store such as memoryStore() or sqliteStore({ path })'],
  ['a store of null', { store: null }, 'give a store such as memoryStore() or sqliteStore({ path })'],
  ['a store that cannot load', { store: blindStore }, 'give a store such as memoryStore() or sqliteStore({ path })'],
  ['a store that was not called', { store: mapStore }, 'give a store such as memoryStore() or sqliteStore({ path })'],
  ['a principal that is no function', { principal: 'userId' }, 'give one, or leave it out'],
  ['a principal of null', { principal: null }, 'give one, or leave it out'],
  ['a rotateOn that is no function', { rotateOn: 'role' }, 'give one, or leave it out'],
  ['a clock that is no function', { clock: 5 }, 'give one, or leave it out'],
  ['a random source that is no function', { random: 'x' }, 'give one, or leave it out'],
  ['a namespace that is no text', { namespace: 5 }, "give for example your application's name"],
  ['a namespace with a control character', { namespace: 'a\u001f' }, "give for example your application's name"],
  ['a codec that only encodes', { codec: { encode: () => '' } }, 'give both, or leave it out for JSON'],
  ['a codec that only decodes', { codec: { decode: () => ({}) } }, 'give both, or leave it out for JSON'],
  ['a codec of null', { codec: null }, 'give both, or leave it out for JSON'],
  [
    'a schema that is no Standard Schema',
    { schema: { parse() {} } },
    'give one made with zod, valibot, arktype or the like',
  ],
  ['a schema of null', { schema: null }, 'give one made with zod, valibot, arktype or the like'],
  ['an upgrade that is no function', { schema: schema((value) => value), upgrade: {} }, 'give one, or leave it out'],
  ['an upgrade without a schema', { upgrade: (data: object) => data }, 'give a schema as well, or leave it out'],
  ['an unknown onConflict', { onConflict: 'retry' }, 'give one of "merge", "reject"'],
  ['an unknown onStoreFailure', { onStoreFailure: 'ignore' }, 'give one of "error", "anonymous"'],
  ['a limit of no session', { maxSessions: 0 }, 'give for example 5, or leave it out for no limit'],
  ['a limit with a fraction', { maxSessions: 2.5 }, 'give for example 5, or leave it out for no limit'],
  ['a limit as text', { maxSessions: '5' }, 'give for example 5, or leave it out for no limit'],
  ['a limit of NaN', { maxSessions: NaN }, 'give for example 5, or leave it out for no limit'],
  ['an unknown onMaxSessions', { maxSessions: 5, onMaxSessions: 'queue' }, 'give one of "evict", "refuse"'],
  ['a policy without a limit', { onMaxSessions: 'refuse' }, 'give maxSessions too, or leave it out'],
  [
    'a limit on a store that cannot list',
    { store: unlisted, maxSessions: 5 },
    'use one such as sqliteStore or redisStore',
  ],
  ['a limit on sealed cookies', { store: sealedStore, maxSessions: 5 }, 'use one such as sqliteStore or redisStore'],
  ['an unknown clearSiteData', { clearSiteData: 'cookies' }, 'give one of true, false'],
  ['an unknown onTokenReuse', { onTokenReuse: true }, 'give one of "ignore", "destroy"'],
  ['a token reuse that never comes', { onTokenReuse: 'destroy' }, 'give rotateEvery, or leave it out'],
  ['options of null', null as never, 'or nothing for the defaults'],
  ['options that are a number', 5 as never, 'or nothing for the defaults'],
  ['options that are a function', (() => {}) as never, 'or nothing for the defaults'],
  ['options that are a list', [] as never, 'or nothing for the defaults'],
  ['a cookie of null', { cookie: null }, 'or nothing for the defaults'],
  ['a cookie that is its name', { cookie: 'sid' }, 'or nothing for the defaults'],
  ['a misspelt option', { idletimeout: 60 }, 'the known ones are'],
  ["an option of another library's", { secret: 'keyboard cat' }, 'the known ones are'],
  ['a misspelt cookie option', cookie({ samesite: 'strict' }), 'the known ones are'],
  ['an option of the cookie that nobody may turn off', cookie({ httpOnly: false }), 'the known ones are'],
  ["a cookie option of another library's", cookie({ maxAge: 1000 }), 'the known ones are'],

  // The cookie: B03, B04, B05, C09.
  ...[
    '',
    'a b',
    'a;b',
    'a,b',
    'a=b',
    'a"b',
    'a\\b',
    'a\0',
    'a\r\nSet-Cookie: x',
    'a\u007f',
    'é',
    'a(b',
    'a/b',
    'a[b]',
    'a{b',
    'a:b',
    'a@b',
    'a?b',
    '<',
    5,
    null,
    {},
  ].map((name): [string, Given, string] => [
    `the cookie name ${JSON.stringify(name)}`,
    cookie({ name }),
    'use letters, digits, - and _',
  ]),
  ...['__Host-sid', '__HOST-sid', '__host-sid', '__Secure-sid', '__secure-sid', '__Http-sid', '__Host-Http-sid'].map(
    (name): [string, Given, string] => [`the prefixed cookie name ${name}`, cookie({ name }), 'sid"'],
  ),
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map((name): [string, Given, string] => [
    `the cookie name ${name}`,
    cookie({ name }),
    'choose another',
  ]),
  ...['', 'app', '/a;b', '/a\nb', '/a\0', '/é', '/\u007f', 5, null].map((path): [string, Given, string] => [
    `the path ${JSON.stringify(path)}`,
    cookie({ path }),
    'give for example "/"',
  ]),
  ...['', 'a b', 'a;b', 'a,b', 'http://example.org', 'example.org:80', '-a', 'a-', 'a\nb', 'é.org', 5, null].map(
    (domain): [string, Given, string] => [
      `the domain ${JSON.stringify(domain)}`,
      cookie({ domain }),
      'or leave it out to keep the cookie to one host',
    ],
  ),
  ['an unknown sameSite', cookie({ sameSite: 'Lax' }), 'give one of "lax", "strict", "none"'],
  ['a sameSite of true', cookie({ sameSite: true }), 'give one of "lax", "strict", "none"'],
  ['an unknown secure', cookie({ secure: 'yes' }), 'give one of "auto", true, false'],
  ['an unknown persistent', cookie({ persistent: 1 }), 'give one of true, false'],
  ['an unknown partitioned', cookie({ partitioned: 'yes' }), 'give one of true, false'],
  ['an unknown priority', cookie({ priority: 'High' }), 'give one of "low", "medium", "high"'],
  [
    'sameSite none without Secure',
    cookie({ sameSite: 'none', secure: false }),
    'leave cookie.secure out, or use sameSite "lax"',
  ],
  [
    'partitioned without Secure',
    cookie({ partitioned: true, secure: false }),
    'leave cookie.secure out, or partitioned',
  ],
]

describe('options', () => {
  it.each(REFUSED)('with %s are an error at start that ends with the remedy', (_, options, remedy) => {
    const refused = expect.objectContaining({
      name: 'ConfigError',
      code: 'ERR_SOJOURN_CONFIG',
      status: 500,
      message: expect.stringMatching(new RegExp(`[;?] [^;]*${escaped(remedy)}[^;]*$`)) as string,
    })
    expect(() => createSessions(options as Options)).toThrow(refused)
  })

  it('are all well by default, and when given as undefined', () => {
    const names = ['store', 'idleTimeout', 'lifetime', 'rotateEvery', 'principal', 'rotateOn', 'namespace', 'cookie']
    const more = [
      'schema',
      'upgrade',
      'codec',
      'maxBytes',
      'onConflict',
      'onStoreFailure',
      'onTokenReuse',
      'clearSiteData',
      'maxSessions',
      'onMaxSessions',
      'storeTimeout',
      'clock',
    ]
    const none = Object.fromEntries([...names, ...more, 'random'].map((name) => [name, undefined])) as Options
    const { principal: _, format: __, ...config } = resolveOptions(none)
    expect(config).toEqual({
      limits: { idleMs: 86_400_000, lifetimeMs: 2_592_000_000 },
      rotateEveryMs: Infinity,
      rotateOn: undefined,
      namespace: '',
      cookieName: 'sid',
      cookieScope: 'sid; /',
      secure: 'auto',
      persistent: true,
      shapes: {
        secure: { name: '__Host-sid', attributes: '; Path=/; HttpOnly; Secure; SameSite=Lax' },
        plain: { name: 'sid', attributes: '; Path=/; HttpOnly; SameSite=Lax' },
      },
      maxSessions: Infinity,
      onMaxSessions: 'evict',
      onConflict: 'merge',
      onStoreFailure: 'error',
      onTokenReuse: 'ignore',
      clearSiteData: false,
      storeTimeoutMs: 5000,
    })
    const undefinedCookie = { name: undefined, domain: undefined, secure: undefined } as Given
    expect(resolveOptions(cookie(undefinedCookie) as Options)).toMatchObject({ cookieName: 'sid', secure: 'auto' })
  })

  it.each<[string, Options<TestData>]>([
    ['the longest lifetime', { lifetime: 400 * DAY }],
    ['an idle timeout as long as the lifetime', { idleTimeout: 60, lifetime: 60 }],
    ['a rotation', { rotateEvery: 900 }],
    ['a rotation whose misuse ends the session', { rotateEvery: 900, onTokenReuse: 'destroy' }],
    ['a rotation that is off', { rotateEvery: Infinity }],
    ['a store', { store: mapStore() }],
    ['a store that seals', { store: sealedStore }],
    ['a schema', { schema: schema((value) => value) }],
    ['a codec', { codec: { encode: JSON.stringify, decode: (text) => JSON.parse(text) as object } }],
    ['every character of a cookie name', { cookie: { name: "!#$%&'*+-.^_`|~aZ09" } }],
    ['a cookie for subdomains', { cookie: { domain: 'example.org', path: '/app/' } }],
    ['a domain with a dot before', { cookie: { domain: '.Example.ORG' } }],
    ['a cookie for other sites', { cookie: { sameSite: 'none', secure: true, partitioned: true } }],
    ['a cookie for other sites, on https alone', { cookie: { sameSite: 'none' } }],
    ['a plain cookie', { cookie: { secure: false, persistent: false, priority: 'low' } }],
    ['a principal', { principal: (data) => data.user?.id ?? null, rotateOn: (data) => data['role'] }],
  ])('may have %s', (_, options) => {
    expect(() => createSessions(options)).not.toThrow()
  })

  it('are in seconds, and kept in milliseconds', () => {
    expect(resolveOptions({ idleTimeout: 1.5, lifetime: 60, rotateEvery: 30, storeTimeout: 0.5 })).toMatchObject({
      limits: { idleMs: 1500, lifetimeMs: 60_000 },
      rotateEveryMs: 30_000,
      storeTimeoutMs: 500,
    })
  })
})

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
