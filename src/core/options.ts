/**
 * The options: their defaults in one literal, and every contradiction an error at start that says what to do.
 *
 * @module
 */
import type { Data } from './changes.ts'
import {
  type CookieOptions,
  type CookieShape,
  cookieShape,
  isCookieDomain,
  isCookieName,
  isCookiePath,
  type ResolvedCookie,
} from './cookie.ts'
import { type Codec, type DataFormat, dataFormat, jsonCodec, type StandardSchema, type Upgrade } from './data.ts'
import { ConfigError } from './errors.ts'
import type { Limits } from './expiry.ts'
import type { Predecessor } from './predecessor.ts'
import { defaultPrincipal, type PrincipalValue } from './principal.ts'
import type { SessionData } from './session.ts'
import type { SealedStore, Store } from './store.ts'
import type { Random } from './token.ts'

/** What `createSessions` takes. Durations are seconds. */
export interface Options<T extends object = SessionData> {
  /** Where sessions are kept. Default `memoryStore()`. */
  store?: Store | SealedStore
  /** The sessions of another library, which browsers bring along: `fromExpressSession(…)` of `sojourn/migrate`. Default none. */
  from?: Predecessor
  /** Seconds without a request after which a session ends. Default 86,400, a day. Each request moves it. */
  idleTimeout?: number
  /** Seconds after which a session ends whatever happens; counted from creation, anew from each sign-in. Default 30 days. */
  lifetime?: number
  /** Seconds after which the token is replaced while the session goes on. Default off. */
  rotateEvery?: number
  /** Whose session it is. When what it gives changes, the token changes in the same write. See {@link defaultPrincipal}. */
  principal?: (data: Partial<T>) => PrincipalValue
  /** A further value (roles, a second factor) whose change replaces the token. Default none. */
  rotateOn?: (data: Partial<T>) => unknown
  /** Keeps applications that share a store apart: a token of one opens nothing in another. Default ''. */
  namespace?: string
  cookie?: CookieOptions
  /**
   * Any Standard Schema that is synchronous and passes what it gives; data that do not pass are anonymous on load, with
   * the event `unreadable`, and an error on commit.
   */
  schema?: StandardSchema<{ [K in keyof T]?: T[K] | undefined }>
  /**
   * Makes stored data of an earlier shape pass the schema, which is asked again for what it gives. `undefined`, or
   * what does not pass either, is anonymous, with the event `unreadable`. Needs `schema`.
   */
  upgrade?: Upgrade
  /** How data become text. Default JSON. */
  codec?: Codec
  /** The most that a session's encoded data may take. Default 65,536. */
  maxBytes?: number
  /** What happens when two requests changed one session: `merge` (default), or `reject` the later with `ConflictError`. */
  onConflict?: 'merge' | 'reject'
  /** When the store cannot be read: an `error` (default), or go on with an `anonymous` session that refuses writes. */
  onStoreFailure?: 'error' | 'anonymous'
  /** What the use of a token that was rotated away does beside its event: nothing (`ignore`, default), or `destroy`. */
  onTokenReuse?: 'ignore' | 'destroy'
  /** How many sessions a principal may have at once. Default any number. The store must be able to list. */
  maxSessions?: number
  /** Who has to go when a sign-in makes one too many: `evict` the oldest (default), or `refuse` the sign-in, with `ConflictError`. */
  onMaxSessions?: 'evict' | 'refuse'
  /**
   * Whether the response that ends a session has the browser forget the site, on https: all cookies of the domain and
   * all storage of the origin (`Clear-Site-Data`). Not with a response that begins another session. Default false.
   */
  clearSiteData?: boolean
  /** Seconds that one call to the store may take. Default 5. */
  storeTimeout?: number
  /** Gives the time, ms since the epoch. For tests. */
  clock?: () => number
  /** Gives random bytes. For tests. */
  random?: Random
}

/** The options, checked and completed. */
export interface Config {
  readonly limits: Limits
  readonly rotateEveryMs: number
  readonly principal: (data: Data) => unknown
  readonly rotateOn: ((data: Data) => unknown) | undefined
  readonly namespace: string
  readonly cookieName: string
  /** Name, domain and path: in a browser, one cookie. */
  readonly cookieScope: string
  readonly from: Predecessor | undefined
  readonly secure: 'auto' | boolean
  readonly persistent: boolean
  /** The cookie on https and on plain http. */
  readonly shapes: { readonly secure: CookieShape; readonly plain: CookieShape }
  readonly format: DataFormat
  readonly onConflict: 'merge' | 'reject'
  readonly onStoreFailure: 'error' | 'anonymous'
  readonly onTokenReuse: 'ignore' | 'destroy'
  readonly maxSessions: number
  readonly onMaxSessions: 'evict' | 'refuse'
  readonly clearSiteData: boolean
  readonly storeTimeoutMs: number
}

const DEFAULTS = {
  idleTimeout: 86_400,
  lifetime: 2_592_000,
  rotateEvery: Infinity,
  principal: defaultPrincipal as (data: object) => PrincipalValue,
  namespace: '',
  codec: jsonCodec,
  maxBytes: 65_536,
  onConflict: 'merge',
  onStoreFailure: 'error',
  onTokenReuse: 'ignore',
  maxSessions: Infinity,
  onMaxSessions: 'evict',
  clearSiteData: false,
  storeTimeout: 5,
} as const

const COOKIE_DEFAULTS: ResolvedCookie = { name: 'sid', path: '/', sameSite: 'lax', secure: 'auto', persistent: true }

/** RFC 6265bis section 5.5: browsers keep no cookie longer than 400 days. */
const MAX_SECONDS = 400 * 86_400

/** @throws ConfigError `ERR_SOJOURN_CONFIG`; the message ends with the remedy */
export function resolveOptions<T extends object>(given: Options<T>): Config {
  refuseUnknown('option', given, OPTION_NAMES)
  const { cookie: givenCookie = {} } = given
  refuseUnknown('cookie option', givenCookie, COOKIE_NAMES)
  const options = { ...DEFAULTS, ...defined(given) }
  const cookie: ResolvedCookie = { ...COOKIE_DEFAULTS, ...defined(givenCookie) }
  checkTimes(options)
  checkKinds(options)
  checkSealed(options)
  checkCrowd(options, given)
  checkCookie(cookie)
  const shapes = { secure: cookieShape(cookie, true), plain: cookieShape(cookie, false) }
  checkPredecessor(options, cookie, shapes)
  return {
    limits: { idleMs: options.idleTimeout * 1000, lifetimeMs: options.lifetime * 1000 },
    rotateEveryMs: options.rotateEvery * 1000,
    principal: options.principal as (data: Data) => unknown,
    rotateOn: options.rotateOn as ((data: Data) => unknown) | undefined,
    namespace: options.namespace,
    cookieName: cookie.name,
    cookieScope: `${cookie.name}; ${cookie.domain ?? ''}${cookie.path}`,
    from: options.from,
    secure: cookie.secure,
    persistent: cookie.persistent,
    shapes,
    format: dataFormat(options.codec, options.maxBytes, options.schema, options.upgrade),
    onConflict: options.onConflict,
    onStoreFailure: options.onStoreFailure,
    onTokenReuse: options.onTokenReuse,
    maxSessions: options.maxSessions,
    onMaxSessions: options.onMaxSessions,
    clearSiteData: options.clearSiteData,
    storeTimeoutMs: options.storeTimeout * 1000,
  }
}

/** An option that nobody reads is a protection that somebody believes in. @throws ConfigError */
export function refuseUnknown(kind: string, given: object, known: ReadonlySet<string>): void {
  check(
    typeof given === 'object' && given !== null && !Array.isArray(given),
    `An object with each ${kind} under its name is wanted, got ${given === null ? 'null' : `a ${typeof given}`}; give one, or nothing for the defaults`,
  )
  for (const key of Object.keys(given)) {
    check(known.has(key), `There is no ${kind} "${key}"; the known ones are ${[...known].sort().join(', ')}`)
  }
}

// --- internal ---

const OPTION_NAMES = new Set([
  ...Object.keys(DEFAULTS),
  'store',
  'from',
  'rotateOn',
  'cookie',
  'schema',
  'upgrade',
  'clock',
  'random',
])
const COOKIE_NAMES = new Set([...Object.keys(COOKIE_DEFAULTS), 'domain', 'partitioned', 'priority'])

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ConfigError(message)
}

function checkTimes(
  options: Record<'idleTimeout' | 'lifetime' | 'rotateEvery' | 'storeTimeout' | 'maxBytes', number>,
): void {
  for (const key of ['idleTimeout', 'lifetime'] as const) {
    const seconds = options[key]
    check(
      isPositive(seconds),
      `${key} must be a number of seconds above 0, got ${String(seconds)}; give for example 3600 for an hour`,
    )
    check(
      seconds <= MAX_SECONDS,
      `${key} is ${seconds} seconds, more than the 400 days that browsers keep a cookie; was it meant in milliseconds? Give seconds`,
    )
  }
  check(
    options.idleTimeout <= options.lifetime,
    `idleTimeout (${options.idleTimeout} s) is longer than lifetime (${options.lifetime} s) and could never apply; lower idleTimeout, or raise lifetime`,
  )
  const { rotateEvery } = options
  check(
    rotateEvery === Infinity || isPositive(rotateEvery),
    `rotateEvery must be a number of seconds above 0, got ${String(rotateEvery)}; leave it out to keep tokens until a sign-in`,
  )
  check(
    rotateEvery === Infinity || rotateEvery < options.lifetime,
    `rotateEvery (${rotateEvery} s) is not shorter than lifetime (${options.lifetime} s) and could never apply; lower rotateEvery, or leave it out`,
  )
  check(
    isPositive(options.storeTimeout) && options.storeTimeout <= 2_147_483,
    `storeTimeout must be a number of seconds above 0, got ${String(options.storeTimeout)}; give for example 5`,
  )
  check(
    Number.isSafeInteger(options.maxBytes) && options.maxBytes > 0,
    `maxBytes must be a whole number above 0, got ${String(options.maxBytes)}; give for example 65536`,
  )
}

function checkKinds(
  options: Omit<Options<never>, 'principal' | 'schema'> & { principal: unknown; schema?: StandardSchema },
): void {
  const { store, schema, codec, namespace } = options
  const methods =
    store && 'seal' in store ? (['seal', 'unseal'] as const) : (['load', 'create', 'save', 'touch', 'remove'] as const)
  for (const key of methods) {
    check(
      store === undefined || typeof (store as { [K in typeof key]?: unknown } | null)?.[key] === 'function',
      `store has no method ${key}; give a store such as memoryStore() or sqliteStore({ path })`,
    )
  }
  for (const key of ['principal', 'rotateOn', 'upgrade', 'clock', 'random'] as const) {
    check(
      options[key] === undefined || typeof options[key] === 'function',
      `${key} must be a function; give one, or leave it out`,
    )
  }
  check(
    typeof namespace === 'string' && !hasControl(namespace),
    "namespace must be a string without control characters; give for example your application's name",
  )
  check(
    typeof codec?.encode === 'function' && typeof codec.decode === 'function',
    'codec needs the functions encode and decode; give both, or leave it out for JSON',
  )
  check(
    schema === undefined || typeof schema?.['~standard']?.validate === 'function',
    'schema is not a Standard Schema; give one made with zod, valibot, arktype or the like',
  )
  check(
    options.upgrade === undefined || schema !== undefined,
    'upgrade is for data that do not pass the schema, and there is none; give a schema as well, or leave it out',
  )
  oneOf('onConflict', options.onConflict, ['merge', 'reject'])
  oneOf('onStoreFailure', options.onStoreFailure, ['error', 'anonymous'])
  oneOf('clearSiteData', options.clearSiteData, [true, false])
  oneOf('onTokenReuse', options.onTokenReuse, ['ignore', 'destroy'])
  check(
    // An old cookie is a token that is rotated away, too.
    options.onTokenReuse !== 'destroy' || options.rotateEvery !== Infinity || options.from !== undefined,
    'onTokenReuse "destroy" could never apply, since without rotateEvery no token is ever rotated away; give rotateEvery, or leave it out',
  )
}

function checkSealed({ store, rotateEvery }: { store?: Store | SealedStore; rotateEvery: number }): void {
  check(
    rotateEvery === Infinity || !store || !('seal' in store),
    'rotateEvery is for tokens, and a sealed cookie is new at each write; leave it out',
  )
}

function checkCrowd(
  options: Pick<Options, 'store' | 'onMaxSessions'> & { maxSessions: number },
  given: Pick<Options, 'onMaxSessions'>,
): void {
  const { maxSessions, onMaxSessions, store } = options
  check(
    maxSessions === Infinity || (Number.isSafeInteger(maxSessions) && maxSessions > 0),
    `maxSessions must be a whole number above 0, got ${String(maxSessions)}; give for example 5, or leave it out for no limit`,
  )
  oneOf('onMaxSessions', onMaxSessions, ['evict', 'refuse'])
  check(
    maxSessions !== Infinity || given.onMaxSessions === undefined,
    'onMaxSessions says what happens at a limit, and there is none; give maxSessions too, or leave it out',
  )
  check(
    maxSessions === Infinity || !store || typeof (store as Partial<Store>).list === 'function',
    'maxSessions needs a store that can list the sessions of a principal; use one such as sqliteStore or redisStore, or leave it out',
  )
}

function checkPredecessor(
  { from, store }: { from?: Predecessor; store?: Store | SealedStore },
  { secure }: ResolvedCookie,
  shapes: Config['shapes'],
): void {
  if (from === undefined) return
  for (const key of ['read', 'load', 'remove', 'takeAway'] as const) {
    check(
      typeof (from as Partial<Predecessor> | null)?.[key] === 'function',
      `from has no method ${key}; give fromExpressSession({ secret, store }) of sojourn/migrate, or another Predecessor`,
    )
  }
  check(
    !store || !('seal' in store),
    'from needs a store on the server, where parallel requests find what one of them took over; leave from out, or use another store',
  )
  const names = [secure !== false && shapes.secure.name, secure !== true && shapes.plain.name]
  check(
    !names.includes(from.cookieName),
    `The old cookie and the new one are both called ${JSON.stringify(from.cookieName)}, and the one could not be taken away without the other; choose another cookie.name`,
  )
}

function checkCookie(cookie: ResolvedCookie): void {
  const { name, domain, path, sameSite, secure } = cookie
  check(
    isCookieName(name),
    `cookie.name is no valid cookie name: ${JSON.stringify(name)}; use letters, digits, - and _`,
  )
  check(
    !/^__(host|secure|http|host-http)-/i.test(name),
    `cookie.name is a base name, and the prefix is put before it where the configuration allows; give ${JSON.stringify(name.replace(/^__\w+-/i, ''))}`,
  )
  check(!(name in {}), `cookie.name "${name}" is a name that JavaScript objects have by themselves; choose another`)
  check(
    isCookiePath(path),
    'cookie.path must begin with / and have no control characters and no semicolon; give for example "/"',
  )
  check(
    domain === undefined || isCookieDomain(domain),
    'cookie.domain must be a host name; give for example "example.org", or leave it out to keep the cookie to one host',
  )
  oneOf('cookie.sameSite', sameSite, ['lax', 'strict', 'none'])
  oneOf('cookie.secure', secure, ['auto', true, false])
  oneOf('cookie.persistent', cookie.persistent, [true, false])
  oneOf('cookie.partitioned', cookie.partitioned, [undefined, true, false])
  oneOf('cookie.priority', cookie.priority, [undefined, 'low', 'medium', 'high'])
  // Browsers drop these cookies without a word.
  check(
    sameSite !== 'none' || secure !== false,
    'cookie.sameSite "none" without Secure is dropped by browsers; leave cookie.secure out, or use sameSite "lax"',
  )
  check(
    !cookie.partitioned || secure !== false,
    'cookie.partitioned without Secure is dropped by browsers; leave cookie.secure out, or partitioned',
  )
}

function oneOf(name: string, value: unknown, allowed: readonly unknown[]): void {
  const words = allowed.filter((each) => each !== undefined).map((each) => JSON.stringify(each))
  check(
    allowed.includes(value),
    `${name} is ${typeof value === 'string' ? JSON.stringify(value) : String(value)}; give one of ${words.join(', ')}`,
  )
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

function hasControl(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return /[\u0000-\u001f\u007f]/.test(text)
}

/** An option given as undefined is an option left out. */
function defined<O extends object>(options: O): { [K in keyof O]: Exclude<O[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof O]: Exclude<O[K], undefined>
  }
}
