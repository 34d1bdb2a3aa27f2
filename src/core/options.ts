/**
 * The options: what there is to choose, and their defaults in one literal.
 *
 * @module
 */
import type { Data } from './changes.ts'
import { type CookieOptions, type CookieShape, cookieShape, type ResolvedCookie } from './cookie.ts'
import { type Codec, type DataFormat, dataFormat, jsonCodec, type StandardSchema, type Upgrade } from './data.ts'
import type { Limits } from './expiry.ts'
import { checkOptions, refuseUnknown } from './option-checks.ts'
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

/** @throws ConfigError `ERR_SOJOURN_CONFIG`; the message ends with the remedy */
export function resolveOptions<T extends object>(given: Options<T>): Config {
  refuseUnknown('option', given, OPTION_NAMES)
  const { cookie: givenCookie = {} } = given
  refuseUnknown('cookie option', givenCookie, COOKIE_NAMES)
  const options = { ...DEFAULTS, ...defined(given) }
  const cookie: ResolvedCookie = { ...COOKIE_DEFAULTS, ...defined(givenCookie) }
  checkOptions(options, cookie, given)
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
    shapes: { secure: cookieShape(cookie, true), plain: cookieShape(cookie, false) },
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

/** An option given as undefined is an option left out. */
function defined<O extends object>(options: O): { [K in keyof O]: Exclude<O[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof O]: Exclude<O[K], undefined>
  }
}
