/**
 * The drop-in for express-session 1.19: the same call, options, cookie, stores and data.
 *
 * @example
 * ```ts
 * import session from 'sojourn/express-session'
 *
 * app.use(session({ secret, store: new RedisStore({ client }), resave: false, saveUninitialized: false }))
 * ```
 * @module
 */
import { Cookie } from './cookie.ts'
import { MemoryStore } from './memory-store.ts'
import type { Middleware } from '../adapters/_middleware.ts'
import { session as middleware } from './middleware.ts'
import type { SessionOptions } from './options.ts'
import { Session } from './session.ts'
import { Store } from './store.ts'

/** The call, and what is built on beside it. */
export interface SessionFunction {
  /** @throws TypeError for options that cannot be */
  (options?: SessionOptions): Middleware
  readonly Cookie: typeof Cookie
  readonly MemoryStore: typeof MemoryStore
  readonly Session: typeof Session
  readonly Store: typeof Store
}

const session: SessionFunction = Object.assign(middleware, { Cookie, MemoryStore, Session, Store })

// oxlint-disable-next-line no-default-export -- express-session's own; `require` gives what bears the second name
export { session as default, session as 'module.exports' }
export { Cookie, MemoryStore, Session, Store }
export type { CookieOptions } from './cookie.ts'
export type { Middleware } from '../adapters/_middleware.ts'
export type { SessionOptions } from './options.ts'
export type { StoreLike } from './store-contract.ts'
