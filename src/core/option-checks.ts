/**
 * The checks of the options: every contradiction is an error at start, whose message ends with what to do.
 *
 * @module
 */
import { cookieShape, isCookieDomain, isCookieName, isCookiePath, type ResolvedCookie } from './cookie.ts'
import type { StandardSchema } from './data.ts'
import { ConfigError } from './errors.ts'
import type { Options } from './options.ts'
import type { Predecessor } from './predecessor.ts'
import type { SealedStore, Store } from './store.ts'

/** RFC 6265bis section 5.5: browsers keep no cookie longer than 400 days. */
const MAX_SECONDS = 400 * 86_400

/** The options with their defaults. */
type Completed = Times & Kinds & Pick<Options, 'onMaxSessions'> & { maxSessions: number }
type Times = Record<'idleTimeout' | 'lifetime' | 'rotateEvery' | 'storeTimeout' | 'maxBytes', number>
type Kinds = Omit<Options<never>, 'principal' | 'schema'> & { principal: unknown; schema?: StandardSchema }

/**
 * Checks the completed options.
 *
 * @param given what of them the application gave
 * @throws ConfigError `ERR_SOJOURN_CONFIG`
 */
export function checkOptions(options: Completed, cookie: ResolvedCookie, given: Pick<Options, 'onMaxSessions'>): void {
  checkTimes(options)
  checkKinds(options)
  checkSealed(options)
  checkCrowd(options, given)
  checkCookie(cookie)
  checkPredecessor(options, cookie)
}

/** What a timer cannot hold would be over at once. @throws ConfigError */
export function checkStoreTimeout(seconds: number): void {
  check(
    isPositive(seconds) && seconds <= 2_147_483,
    `storeTimeout must be a number of seconds above 0 and at most 2147483, got ${String(seconds)}; give for example 5`,
  )
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

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ConfigError(message)
}

function checkTimes(options: Times): void {
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
  checkStoreTimeout(options.storeTimeout)
  check(
    Number.isSafeInteger(options.maxBytes) && options.maxBytes > 0,
    `maxBytes must be a whole number above 0, got ${String(options.maxBytes)}; give for example 65536`,
  )
}

function checkKinds(options: Kinds): void {
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
  cookie: ResolvedCookie,
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
  const kinds = [true, false].filter((secure) => cookie.secure === 'auto' || cookie.secure === secure)
  check(
    !kinds.some((secure) => cookieShape(cookie, secure).name === from.cookieName),
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
