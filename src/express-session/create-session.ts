/**
 * A stored row made a request's session again.
 *
 * @module
 */
import { Cookie, type CookieOptions } from './cookie.ts'
import { Session, type SessionRequest } from './session.ts'

/** A row as stores give it: parsed JSON, or a session that was never a text. */
export interface Row {
  cookie: { expires?: Date | string | null | undefined; originalMaxAge?: number | null | undefined }
}

/** @throws TypeError for a row without a cookie, as express-session does */
export function createSession(request: SessionRequest, row: Row): Session {
  row.cookie = cookieOf(row)
  const session = new Session(request, row)
  request.session = session
  return session
}

/** Whether a session can be made of what a store gave: others have written into that store, or it is damaged. */
export function isRow(value: unknown): value is Row {
  try {
    const cookie = cookieOf(value as Row)
    // What cannot be sent could not be answered with, this time and the next.
    cookie.serialize('name', 'value')
    cookie.maxAge = cookie.originalMaxAge
    return true
  } catch {
    return false
  }
}

// --- internal ---

function cookieOf(row: Row): Cookie {
  // Applications know the error of a row without one by V8's words for this.
  const expires = row.cookie.expires
  const { originalMaxAge } = row.cookie
  const made = new Cookie(row.cookie as CookieOptions)
  if (typeof expires === 'string') made.expires = new Date(expires)
  // Setting `expires` has made it what is left.
  made.originalMaxAge = originalMaxAge
  return made
}
