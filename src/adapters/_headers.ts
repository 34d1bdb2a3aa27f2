/**
 * A commit's headers among the handler's own.
 *
 * @module
 */

/** The part of a Node response that carries headers. */
export interface HeaderCarrier {
  getHeader(name: string): number | string | readonly string[] | undefined
  setHeader(name: string, value: number | string | readonly string[]): unknown
  removeHeader(name: string): void
}

/** Headers that tell shared caches otherwise than `Cache-Control` does, and would be believed before it. */
const CACHE_OVERRIDES = ['CDN-Cache-Control', 'Surrogate-Control']

/**
 * Puts a commit's headers onto a response: `Set-Cookie` beside the handler's cookies, `Vary` merged, and
 * `Cache-Control: no-store` in place of the handler's own unless that is already as strict.
 *
 * @see RFC 9111 section 7.3: a `Set-Cookie` alone does not keep a shared cache from storing the response
 */
export function putHeaders(response: HeaderCarrier, headers: readonly (readonly [string, string])[]): void {
  for (const [name, value] of headers) {
    const there = response.getHeader(name)
    if (name === 'Set-Cookie') response.setHeader(name, there === undefined ? value : [...list(there), value])
    else if (name === 'Vary') response.setHeader(name, mergeVary(there, value))
    else if (!isPrivate(there)) {
      response.setHeader(name, value)
      for (const override of CACHE_OVERRIDES) response.removeHeader(override)
    }
  }
}

/** Adds a field name to `Vary`; `*` already says more. */
export function mergeVary(there: number | string | readonly string[] | undefined, value: string): string {
  if (there === undefined) return value
  const text = list(there).join(', ')
  const names = text.split(',').map((name) => name.trim().toLowerCase())
  return names.includes('*') || names.includes(value.toLowerCase()) ? text : `${text}, ${value}`
}

// --- internal ---

function list(value: number | string | readonly string[]): readonly string[] {
  return typeof value === 'object' ? value : [String(value)]
}

function isPrivate(value: number | string | readonly string[] | undefined): boolean {
  return value !== undefined && /(?:^|,)\s*(?:private|no-store)\s*(?:,|$)/i.test(list(value).join(','))
}
