/**
 * A stored row made a request's session again.
 *
 * @module
 */
import { Cookie, type CookieOptions } from './cookie.ts'
import { Session, type SessionRequest } from './session.ts'

/** @throws TypeError for a row without a cookie, as express-session does */
export function createSession(request: SessionRequest, row: Row): Session {
  const { expires, originalMaxAge } = row.cookie
  const cookie = new Cookie(row.cookie as CookieOptions)
  if (typeof expires === 'string') cookie.expires = new Date(expires)
  // Setting `expires` has made it what is left.
  cookie.originalMaxAge = originalMaxAge
  row.cookie = cookie
  const session = new Session(request, row)
  request.session = session
  return session
}

/** Whether a session can be made of what a store gave: others have written into that store, or it is damaged. */
export function isRow(value: unknown): value is Row {
  const { cookie } = (value ?? {}) as { cookie?: unknown }
  if (typeof value !== 'object' || typeof cookie !== 'object' || cookie === null) return false
  const { expires, originalMaxAge } = cookie as Row['cookie']
  return isAge(originalMaxAge) && (!expires || !Number.isNaN(new Date(expires).getTime()))
}

/** A row as stores give it: parsed JSON, or a session that was never a text. */
export interface Row {
  cookie: { expires?: Date | string | null | undefined; originalMaxAge?: number | null | undefined }
}

// --- internal ---

function isAge(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'number'
}
