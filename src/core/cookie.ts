/**
 * The session's cookie on the wire: reading every candidate out of a `Cookie` header, writing one `Set-Cookie`.
 *
 * @see RFC 6265bis, sections 4.1 (Set-Cookie), 4.1.3 (name prefixes), 4.2 (Cookie)
 * @module
 */

/** What can be configured about the cookie. */
export interface CookieOptions {
  /** The base name, default `sid`; the prefix that the configuration allows is put before it. */
  name?: string
  /** Default `/`. */
  path?: string
  /** Default none: the cookie goes to this host alone. */
  domain?: string
  /** Default `lax`. `none` needs `secure`. */
  sameSite?: 'lax' | 'strict' | 'none'
  /** Default `auto`: Secure on https and not on plain http. */
  secure?: 'auto' | boolean
  /** Default false. Needs `secure`. */
  partitioned?: boolean
  /** Chromium's eviction priority; default none. */
  priority?: 'low' | 'medium' | 'high'
  /** Default true: kept when the browser closes. `session.limit({ persistent })` decides for one session. */
  persistent?: boolean
}

/** The same with the defaults in. */
export type ResolvedCookie = CookieOptions &
  Required<Pick<CookieOptions, 'name' | 'path' | 'sameSite' | 'secure' | 'persistent'>>

/** The cookie's name and attributes on one kind of connection. */
export interface CookieShape {
  /** With its prefix, exactly as sent and read. */
  readonly name: string
  /** `; Path=/; HttpOnly…`, everything but Max-Age. */
  readonly attributes: string
}

/** How many candidates one request may make the server look up. */
export const MAX_CANDIDATES = 8

/**
 * Gives the cookie's shape on https or on plain http. A prefix makes the browser vouch for where a cookie came from;
 * `__Host-` needs Secure, Path=/ and no Domain, `__Secure-` only Secure. SameSite=None and Partitioned need Secure
 * too, or browsers drop the cookie: on plain http they are left out.
 */
export function cookieShape(options: ResolvedCookie, secure: boolean): CookieShape {
  const prefix = !secure ? '' : options.domain || options.path !== '/' ? '__Secure-' : '__Host-'
  const attributes = [
    '',
    options.domain && `Domain=${options.domain}`,
    `Path=${options.path}`,
    'HttpOnly',
    secure && 'Secure',
    `SameSite=${capitalised(!secure && options.sameSite === 'none' ? 'lax' : options.sameSite)}`,
    options.partitioned && secure && 'Partitioned',
    options.priority && `Priority=${capitalised(options.priority)}`,
  ].filter((attribute) => attribute === '' || attribute)
  return { name: prefix + options.name, attributes: attributes.join('; ') }
}

/** RFC 9110 section 5.6.2. A nameless cookie could stand for any other. */
export function isCookieName(name: unknown): name is string {
  return typeof name === 'string' && /^[!#$%&'*+\-.^_`|~\w]+$/.test(name)
}

export function isCookiePath(path: unknown): path is string {
  return typeof path === 'string' && /^\/[\x20-\x3a\x3c-\x7e]*$/.test(path)
}

export function isCookieDomain(domain: unknown): domain is string {
  return typeof domain === 'string' && /^\.?[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i.test(domain)
}

/** Writes a `Set-Cookie`; `maxAge` in seconds, none for a cookie that ends with the browser. */
export function formatCookie(shape: CookieShape, value: string, maxAge?: number): string {
  return `${shape.name}=${value}${maxAge === undefined ? '' : `; Max-Age=${maxAge}`}${shape.attributes}`
}

/** Writes the `Set-Cookie` that takes the cookie away: the same name and scope, expired. */
export function formatClearing(shape: CookieShape): string {
  return `${shape.name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT${shape.attributes}`
}

/**
 * Gives every distinct value that a `Cookie` header has under exactly this name, in order of appearance.
 *
 * Linear in the header's length and never throws. Names are compared byte by byte: nothing is decoded, unquoted,
 * folded or trimmed but SP and HTAB, since each of these has been a way around the name prefixes elsewhere (RFC
 * 6265bis section 5.6 trims the same two). Which of several values is right is not for their order to decide.
 */
export function parseCookies(header: string, name: string): string[] {
  const values = new Set<string>()
  const lead = `${name}=`
  let at = header.indexOf(lead)
  while (at !== -1) {
    const end = endOfPair(header, at)
    if (startsPair(header, at)) values.add(trimBlanks(header, at + lead.length, end))
    at = header.indexOf(lead, end)
  }
  return [...values]
}

// --- internal ---

function endOfPair(header: string, from: number): number {
  const end = header.indexOf(';', from)
  return end === -1 ? header.length : end
}

/** Whether only blanks lie between `at` and the pair's start. */
function startsPair(header: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && isBlank(header.charCodeAt(before))) before--
  return before < 0 || header[before] === ';'
}

function trimBlanks(header: string, from: number, to: number): string {
  while (from < to && isBlank(header.charCodeAt(from))) from++
  while (to > from && isBlank(header.charCodeAt(to - 1))) to--
  return header.slice(from, to)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function capitalised(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1)
}
