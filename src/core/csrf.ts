/**
 * Whether a request was made by a page of ours: a pure judgement over what browsers tell of its source.
 *
 * A form on another site is sent with our visitor's cookie. Browsers say where it comes from, in a header that no
 * page can write: `Sec-Fetch-Site`, or in older ones, and on plain http, `Origin`.
 *
 * @see OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata"; Go 1.25 `http.CrossOriginProtection`
 * @module
 */
import type { CsrfReason } from './errors.ts'

/** What of a request tells where it comes from; undefined what was not sent. */
export interface Source {
  readonly fetchSite: string | undefined
  readonly origin: string | undefined
  /** The origins under which the request itself may have been addressed. Most requests need not ask for them. */
  own(): readonly string[]
}

/** Whom to believe beside oneself. */
export interface Trusted {
  readonly origins: ReadonlySet<string>
  readonly sameSite: boolean
}

/** Whether a method changes nothing, by RFC 9110 section 9.2.1: any page may cause such a request. */
export function isSafeMethod(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE'
}

/**
 * Tells whether a request is `ours`, or `unknown` since nothing tells, or why it is not.
 *
 * What is sent twice or in a spelling that no browser has is not ours.
 */
export function judgeSource(source: Source, trusted: Trusted): 'ours' | Exclude<CsrfReason, 'token'> {
  const { fetchSite, origin } = source
  if (origin && trusted.origins.has(origin)) return 'ours'
  if (fetchSite) {
    // `none`: typed, bookmarked, or sent again by the person, not by a page.
    if (fetchSite === 'same-origin' || fetchSite === 'none') return 'ours'
    if (fetchSite !== 'same-site') return 'cross-site'
    return trusted.sameSite ? 'ours' : 'same-site'
  }
  if (!origin) return 'unknown'
  // `null` is an origin that is kept secret, and equal to no other.
  return source.own().includes(origin) ? 'ours' : 'origin'
}

/**
 * Gives the origins of a host, as browsers spell them.
 *
 * On https there is one: a page on plain http, which anybody on the way may have written, is foreign to it. Where
 * https is not known of, a proxy that nobody told us of may have ended it, and both are given.
 */
export function originsOf(host: string, secure: boolean): string[] {
  const schemes = secure ? ['https'] : ['https', 'http']
  return schemes.flatMap((scheme) => {
    const url = `${scheme}://${host}`
    // A host and nothing more: no path, no name before an @.
    return /^[^/\\?#@]+$/.test(host) && URL.canParse(url) ? [new URL(url).origin] : []
  })
}
