/**
 * One `Set-Cookie` line, written as express-session writes it.
 *
 * @see RFC 6265 section 4.1.1
 * @module
 */

/** The attributes of a cookie; whatever else an object carries is not sent. */
export interface Attributes {
  readonly domain?: unknown
  readonly path?: unknown
  readonly expires?: unknown
  readonly httpOnly?: unknown
  readonly secure?: unknown
  readonly partitioned?: unknown
  readonly priority?: unknown
  readonly sameSite?: unknown
}

/** @throws TypeError "option … is invalid", in the words that applications know */
export function setCookie(name: string, value: string, attributes: Attributes = {}): string {
  if (!NAME.test(name)) throw new TypeError('argument name is invalid')
  const { domain, path, expires, priority, sameSite } = attributes
  return [
    `${name}=${encodeURIComponent(value)}`,
    domain && `Domain=${matching('domain', domain, DOMAIN)}`,
    path && `Path=${matching('path', path, PATH)}`,
    expires && `Expires=${instant(expires)}`,
    attributes.httpOnly && 'HttpOnly',
    attributes.secure && 'Secure',
    attributes.partitioned && 'Partitioned',
    priority && `Priority=${word('priority', priority, PRIORITIES)}`,
    sameSite && `SameSite=${sameSite === true ? 'Strict' : word('sameSite', sameSite, SAME_SITES)}`,
  ]
    .filter(Boolean)
    .join('; ')
}

// --- internal ---

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const DOMAIN = /^\.?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i
const PATH = /^[ -:=-~]*$/
const PRIORITIES = ['Low', 'Medium', 'High']
const SAME_SITES = ['Lax', 'Strict', 'None']

function matching(option: string, value: unknown, pattern: RegExp): string {
  if (!pattern.test(String(value))) throw invalid(option)
  return String(value)
}

function instant(value: unknown): string {
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) throw invalid('expires')
  return value.toUTCString()
}

function word(option: string, value: unknown, words: readonly string[]): string {
  const found = words.find((each) => each.toLowerCase() === String(value).toLowerCase())
  if (found === undefined) throw invalid(option)
  return found
}

function invalid(option: string): TypeError {
  return new TypeError(`option ${option} is invalid`)
}
