/**
 * A guard for what a stolen browser must not do: change the password, the address, the second factor, pay.
 *
 * @module
 */
import { ConfigError, SignInError, UsageError } from './core/errors.ts'
import { portOf } from './core/session.ts'

/** Lets through whoever signed in lately. Called with a session it throws; as a middleware it calls `next(error)`. */
export interface RecentGuard {
  /** @throws SignInError `ERR_SOJOURN_NOT_RECENT`, status 401 */
  (session: object): void
  (request: object, response: unknown, next: (error?: unknown) => void): void
}

/**
 * Gives the guard of a sensitive action: only who signed in less than `seconds` ago may go on. Anybody else is
 * answered with a `SignInError`: let them sign in again, or prove themselves anew and call
 * `session.regenerate({ authenticated: true })`.
 *
 * It judges by what the store has of the session: a sign-in in the very same request counts once it is saved.
 *
 * @throws ConfigError when `seconds` is no number above 0
 * @see OWASP ASVS 5.0, 7.5.1 and 7.5.3
 * @example
 * ```ts
 * app.post('/password', requireRecent(300), changePassword)
 *
 * const recent = requireRecent(300)
 * recent(session) // in any framework: throws
 * ```
 */
export function requireRecent(seconds: number): RecentGuard {
  if (!(Number.isFinite(seconds) && seconds > 0)) {
    throw new ConfigError(
      `requireRecent(seconds) needs a number of seconds above 0, got ${String(seconds)}; give for example 300 for five minutes`,
    )
  }
  return (first: object, _response?: unknown, next?: (error?: unknown) => void): void => {
    if (!next) return check(first, seconds)
    let refused: unknown
    try {
      check((first as { session?: unknown }).session, seconds)
    } catch (error) {
      refused = error
    }
    // Outside of the try: what those behind it throw is none of the guard's.
    next(refused)
  }
}

// --- internal ---

function check(session: unknown, seconds: number): void {
  const port = portOf(session)
  if (!port && session !== null) {
    throw new UsageError(
      'ERR_SOJOURN_UNSUPPORTED',
      'requireRecent() was given something that is no session of ours; mount session() before it, or pass the session itself',
    )
  }
  const at = port?.authenticatedAt ?? null
  if (port && at !== null && port.now() - at < seconds * 1000) return
  throw new SignInError(
    at === null
      ? 'Nobody is signed in; let the person sign in, and ask again'
      : `The last sign-in is not less than ${seconds} s ago; let the person sign in again, and ask again`,
  )
}
