/** The public names, nothing else. */
export { createSessions } from './sessions.ts'
export type { Manager, SessionInfo, Sessions } from './sessions.ts'
export { flash, takeFlash } from './flash.ts'
export { requireRecent } from './recent.ts'
export type { RecentGuard } from './recent.ts'
export { presets } from './presets.ts'
export type { TimeLimits } from './presets.ts'
export { memoryStore } from './stores/memory.ts'
export type { Evicted, MemoryStore, MemoryStoreOptions } from './stores/memory.ts'
export type { Options } from './core/options.ts'
export type { CookieOptions } from './core/cookie.ts'
export type { Codec, StandardSchema, Upgrade } from './core/data.ts'
export type { Plan } from './core/plan.ts'
export type { PrincipalValue } from './core/principal.ts'
export type { Callback, Session, SessionData, SessionMethods } from './core/session.ts'
export type { SessionLimits } from './core/session-limits.ts'
export type { Awaitable, Revocations, Saved, SealedStore, Store, StoreCall, StoredSession } from './core/store.ts'
export type { Random } from './core/token.ts'
export type { EventName, Listener, SessionEvent } from './shell/events.ts'
export type { OpenInput } from './shell/visit.ts'
export {
  ConfigError,
  ConflictError,
  CsrfError,
  SignInError,
  SojournError,
  StoreError,
  UsageError,
} from './core/errors.ts'
export type { CsrfReason, SojournErrorCode, UsageErrorCode } from './core/errors.ts'
