/**
 * The options, checked and with their defaults in.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { checkStoreTimeout } from '../core/option-checks.ts'
import { Cookie, type CookieOptions } from './cookie.ts'
import { deprecate, warnOnce } from './deprecations.ts'
import { MemoryStore } from './memory-store.ts'
import { type ForeignRequest, isSecure } from './request.ts'
import type { Secret } from './signature.ts'
import type { GeneratingStore, StoreLike } from './store-contract.ts'

/** A request as the application's own types have it. */
export type HandledRequest = IncomingMessage & Express.Request

/** Gives each request's own cookie options. As a method, so that a function of Express's own request type fits. */
export type CookieFunction = { call(request: HandledRequest): CookieOptions }['call']

export interface SessionOptions {
  /** Signs the cookie. Of several the first signs, and all are tried. Default: `req.secret`, as cookie-parser sets it. */
  secret?: Secret | readonly Secret[] | undefined
  /** The cookie's name, default `connect.sid`. */
  name?: string | undefined
  /** @deprecated Use `name`. */
  key?: string | undefined
  /** Default: a new MemoryStore. */
  store?: StoreLike | undefined
  /** Gives a new session's id. Default: 24 random bytes, base64url. */
  genid?(request: HandledRequest): string
  cookie?: CookieOptions | CookieFunction | undefined
  /** Whether to store sessions that were not changed. Default true, and deprecated so. */
  resave?: boolean | undefined
  /** Whether to store new sessions that were not changed. Default true, and deprecated so. */
  saveUninitialized?: boolean | undefined
  /** Whether to send the cookie with every response. Default false. */
  rolling?: boolean | undefined
  /** What becomes of a session whose `req.session` was unset. Default `keep`. */
  unset?: 'destroy' | 'keep' | undefined
  /** Whether to believe `X-Forwarded-Proto`. Default: what Express's "trust proxy" says. */
  proxy?: boolean | undefined
  /** Seconds that one call to the store may take. Default 60. */
  storeTimeout?: number | undefined
  /** Default false. `true` turns off what this middleware does otherwise than express-session on purpose. */
  strictCompat?: boolean | undefined
}

export interface Settings {
  readonly secrets: readonly Secret[] | undefined
  readonly name: string
  readonly store: GeneratingStore
  readonly hasTouch: boolean
  readonly resave: boolean
  readonly saveUninitialized: boolean
  readonly rolling: boolean
  readonly destroysUnset: boolean
  readonly proxy: boolean | undefined
  readonly maxMs: number | undefined
  readonly strict: boolean
  generateId(request: ForeignRequest): string
  cookieOptions(request: ForeignRequest): CookieOptions
  newCookie(request: ForeignRequest): Cookie
}

/** @throws TypeError for options that cannot be; ConfigError for a `storeTimeout` that cannot be */
export function settingsOf(options: SessionOptions = {}): Settings {
  const { secret, proxy, unset, storeTimeout, resave = true, saveUninitialized = true } = options
  const generateId: Settings['generateId'] = options.genid || newId
  const store = options.store || new MemoryStore()
  const cookie = options.cookie || {}
  if (typeof generateId !== 'function') throw new TypeError('genid option must be a function')
  if (options.resave === undefined) deprecate('undefined resave option; provide resave option')
  if (options.saveUninitialized === undefined)
    deprecate('undefined saveUninitialized option; provide saveUninitialized option')
  if (unset && unset !== 'destroy' && unset !== 'keep') throw new TypeError('unset option must be "destroy" or "keep"')
  if (storeTimeout !== undefined) checkStoreTimeout(storeTimeout)
  if (Array.isArray(secret) && secret.length === 0)
    throw new TypeError('secret option array must contain one or more strings')
  if (!secret) deprecate('req.secret; provide secret option')
  if (process.env['NODE_ENV'] === 'production' && store instanceof MemoryStore) warnOfMemory()

  const cookieOptions = (request: ForeignRequest): CookieOptions =>
    typeof cookie === 'function' ? (cookie(request as HandledRequest) ?? {}) : cookie
  return {
    secrets: secret ? ((Array.isArray(secret) ? secret : [secret]) as readonly Secret[]) : undefined,
    name: options.name || options.key || 'connect.sid',
    store,
    hasTouch: typeof store.touch === 'function',
    resave,
    saveUninitialized,
    rolling: Boolean(options.rolling),
    destroysUnset: unset === 'destroy',
    proxy,
    maxMs: storeTimeout === undefined ? undefined : storeTimeout * 1000,
    strict: Boolean(options.strictCompat),
    generateId,
    cookieOptions,
    newCookie(request) {
      const given = cookieOptions(request)
      const made = new Cookie(given)
      if (given.secure === 'auto') made.secure = isSecure(request, proxy)
      if (given.sameSite === 'auto') made.sameSite = isSecure(request, proxy) ? 'none' : 'lax'
      return made
    },
  }
}

// --- internal ---

function newId(): string {
  return randomBytes(24).toString('base64url')
}

function warnOfMemory(): void {
  warnOnce(
    'SOJOURN_MEMORY_STORE',
    'Warning: connect.session() MemoryStore is not\ndesigned for a production environment, as it will leak\nmemory, and will not scale past a single process.',
  )
}
