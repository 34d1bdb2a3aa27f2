/**
 * When a session ends: after too long without a request (idle), and after a whole life (absolute).
 *
 * Both are judged by the server, from metadata that session data cannot reach; the cookie's own age decides nothing.
 *
 * @see OWASP Session Management Cheat Sheet, "Session Expiration"
 * @module
 */

/** The two limits of one session, in milliseconds. */
export interface Limits {
  readonly idleMs: number
  readonly lifetimeMs: number
}

/** What of a session its limits are counted from. */
export interface Life {
  /** Where its lifetime counts from: its creation, or its last sign-in. */
  readonly startedAt: number
  /** Its own limits, in seconds, where the handler set any. */
  readonly idleTimeout?: number | undefined
  readonly lifetime?: number | undefined
}

/** A session's limits: its own where it has some, never above the configured ones. */
export function limitsOf(life: Omit<Life, 'startedAt'>, configured: Limits): Limits {
  return {
    idleMs: Math.min(configured.idleMs, (life.idleTimeout ?? Infinity) * 1000),
    lifetimeMs: Math.min(configured.lifetimeMs, (life.lifetime ?? Infinity) * 1000),
  }
}

/** The instant after which no activity keeps the session alive. */
export function endOfLife(life: Life, limits: Limits): number {
  return life.startedAt + limits.lifetimeMs
}

/** When a session ends by itself: at the stored expiry, or with its life by the limits as they are configured now. */
export function endsAt(record: { readonly expiresAt: number; readonly metadata: Life }, configured: Limits): number {
  const { expiresAt, metadata } = record
  return Math.min(expiresAt, endOfLife(metadata, limitsOf(metadata, configured)))
}

/** The expiry that a request at `now` earns. */
export function nextExpiry(now: number, life: Life, limits: Limits): number {
  return Math.min(now + limits.idleMs, endOfLife(life, limits))
}

/**
 * Whether the stored expiry lags so far behind that moving it is worth a write: by 5 % of the idle timeout, at most
 * five minutes. So an active session may end this much early, and never late.
 */
export function isTouchDue(expiresAt: number, next: number, limits: Limits): boolean {
  return next - expiresAt >= Math.min(limits.idleMs * 0.05, 300_000)
}

/** When the session was last seen, as far as the stored expiry tells. */
export function lastSeenAt(savedAt: number, expiresAt: number, limits: Limits): number {
  return Math.max(savedAt, expiresAt - limits.idleMs)
}

/** For the cookie's Max-Age: the whole seconds that remain of a session's life, from `now`. */
export function remainingSeconds({ metadata }: { readonly metadata: Life }, now: number, configured: Limits): number {
  return Math.max(0, Math.floor((endOfLife(metadata, limitsOf(metadata, configured)) - now) / 1000))
}
