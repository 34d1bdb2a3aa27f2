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
import type { Middleware } from '../adapters/_middleware.ts'
import type { OURS, RequestWithSession } from '../adapters/_request.ts'
import { Cookie } from './cookie.ts'
import { MemoryStore } from './memory-store.ts'
import { session as middleware } from './middleware.ts'
import type { SessionOptions } from './options.ts'
import { Session } from './session.ts'
import type { RequestStore } from './store-contract.ts'
import { Store } from './store.ts'

declare global {
  // oxlint-disable-next-line no-namespace -- Express's own way to be augmented
  namespace Express {
    interface SessionTypes {
      expressSession: Session & Partial<SessionData>
    }
    interface Request extends RequestWithSession, RequestWithStore {}
  }
}

/** What an application keeps in its sessions: `declare module 'sojourn/express-session' { interface SessionData { … } }`. */
export interface SessionData {
  cookie: Cookie
}

/** What a request has beside its session. */
export interface RequestWithStore {
  sessionID: string
  sessionStore: RequestStore & { readonly [OURS]?: never }
}

/** The call, and what is built on beside it. */
export interface SessionFunction {
  /** @throws TypeError for options that cannot be; ConfigError for a `storeTimeout` that cannot be */
  (options?: SessionOptions): Middleware
  readonly Cookie: typeof Cookie
  readonly MemoryStore: typeof MemoryStore
  readonly Session: typeof Session
  readonly Store: typeof Store
}

const session: SessionFunction = Object.assign(middleware, { Cookie, MemoryStore, Session, Store })

// oxlint-disable-next-line no-namespace -- `session.SessionOptions` and its like are types, as they were
declare namespace session {
  type Cookie = import('./cookie.ts').Cookie
  type CookieOptions = import('./cookie.ts').CookieOptions
  type MemoryStore = import('./memory-store.ts').MemoryStore
  type Session = import('./session.ts').Session
  type SessionData = import('./index.ts').SessionData
  type SessionOptions = import('./options.ts').SessionOptions
  type Store = import('./store.ts').Store
}

// oxlint-disable-next-line no-default-export -- express-session's own; `require` gives what bears the second name
export { session as default, session as 'module.exports' }
export { Cookie, MemoryStore, Session, Store }
export type { CookieOptions } from './cookie.ts'
export type { Middleware } from '../adapters/_middleware.ts'
export type { SessionOptions } from './options.ts'
export type { StoreLike } from './store-contract.ts'
