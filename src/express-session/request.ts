/**
 * What a request tells about its connection, its path and the session it belongs to.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { MAX_CANDIDATES, parseCookies } from '../core/cookie.ts'
import { deprecate } from './deprecations.ts'
import { type Secret, unsign } from './signature.ts'

/** A request as other middleware may have left it. */
export interface ForeignRequest extends IncomingMessage {
  /** What mounted apps see instead of `url`. */
  originalUrl?: string
  /** Express's own judgement. */
  secure?: boolean
  /** What cookie-parser leaves. */
  secret?: Secret
  cookies?: Readonly<Record<string, unknown>>
  signedCookies?: Readonly<Record<string, unknown>>
}

/** Whether the connection counts as secure; `proxy` as in the options. */
export function isSecure(request: ForeignRequest, proxy: boolean | undefined): boolean {
  if ((request.socket as { encrypted?: boolean } | undefined)?.encrypted) return true
  if (proxy === false) return false
  if (proxy !== true) return request.secure === true
  const [proto = ''] = String(request.headers['x-forwarded-proto'] ?? '').split(',')
  return proto.trim().toLowerCase() === 'https'
}

/** Whether a cookie of this path belongs to the request. @see RFC 6265 section 5.1.4 */
export function matchesPath(request: ForeignRequest, path: string, byPrefix: boolean): boolean {
  const asked = pathOf(request)
  if (!asked.startsWith(path)) return false
  return byPrefix || asked.length === path.length || path.endsWith('/') || asked[path.length] === '/'
}

/** Gives the session's id that the request carries with a right signature; `undefined` for all else. */
export function readId(request: ForeignRequest, name: string, secrets: readonly Secret[]): string | undefined {
  const { cookie } = request.headers
  const candidates = cookie === undefined ? [] : parseCookies(cookie, name).slice(0, MAX_CANDIDATES)
  for (const candidate of candidates) {
    const id = unsignCookie(decoded(candidate), secrets)
    if (id) return id
  }
  const id = request.signedCookies?.[name] || unsignCookie(request.cookies?.[name], secrets)
  if (id) deprecate('cookie should be available in req.headers.cookie')
  return id ? (id as string) : undefined
}

// --- internal ---

function pathOf({ originalUrl, url }: ForeignRequest): string {
  const target = originalUrl ?? url ?? ''
  const path =
    target.startsWith('/') || !URL.canParse(target) ? target.replace(/[?#].*$/s, '') : new URL(target).pathname
  return path || '/'
}

function unsignCookie(value: unknown, secrets: readonly Secret[]): string | undefined {
  return typeof value === 'string' && value.startsWith('s:') ? unsign(value.slice(2), secrets) : undefined
}

function decoded(value: string): string {
  const bare = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
  try {
    return decodeURIComponent(bare)
  } catch {
    return bare // Somebody else's cookie, or a broken one: its signature will tell.
  }
}
