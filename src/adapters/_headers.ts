/**
 * A commit's headers among the handler's own.
 *
 * @module
 */

type Value = number | string | readonly string[]

/** The part of a Node response that carries headers. */
export interface HeaderCarrier {
  getHeader(name: string): Value | undefined
  getHeaderNames(): string[]
  setHeader(name: string, value: Value): unknown
  appendHeader(name: string, value: string | readonly string[]): unknown
  removeHeader(name: string): void
}

export type Headers = readonly (readonly [name: string, value: string])[]

/**
 * Puts a commit's headers onto a response: `Set-Cookie` beside the handler's cookies, `Vary` and `Clear-Site-Data` merged, and
 * `Cache-Control: no-store` in place of the handler's own unless that is already as strict.
 *
 * @see RFC 9111 section 7.3: a `Set-Cookie` alone does not keep a shared cache from storing the response
 */
export function putHeaders(response: HeaderCarrier, headers: Headers): void {
  for (const [name, value] of headers) {
    const there = response.getHeader(name)
    if (name === 'Set-Cookie') response.setHeader(name, there === undefined ? value : [...list(there), value])
    else if (name === 'Vary') response.setHeader(name, mergeVary(there, value))
    else if (name === 'Clear-Site-Data')
      response.setHeader(name, there === undefined ? value : `${list(there).join(', ')}, ${value}`)
    else {
      if (!isPrivate(there)) response.setHeader(name, value)
      for (const each of response.getHeaderNames()) if (OVERRIDES.test(each)) response.removeHeader(each)
    }
  }
}

/** Adds a field name to `Vary`; `*` already says more. */
export function mergeVary(there: Value | undefined, value: string): string {
  if (there === undefined || there === '') return value
  const text = list(there).join(', ')
  const names = text.split(',').map((name) => name.trim().toLowerCase())
  return names.includes('*') || names.includes(value.toLowerCase()) ? text : `${text}, ${value}`
}

/**
 * Makes the headers given to `writeHead`, in any of their forms, ordinary ones; gives the arguments that remain.
 *
 * As arguments they would overwrite what others had set under the same names, a commit's headers among them.
 */
export function spreadHead(response: HeaderCarrier, [status, second, third]: unknown[]): unknown[] {
  const reason = typeof second === 'string' ? [second] : []
  const own = third ?? (reason.length > 0 ? undefined : second)
  const repeats = new Set<string>()
  for (const [name, value] of pairs(own)) {
    const key = name.toLowerCase()
    if (repeats.has(key)) response.appendHeader(name, value as string)
    else response.setHeader(name, value as string)
    if (Array.isArray(own)) repeats.add(key)
  }
  return [status, ...reason]
}

// --- internal ---

/** Headers that tell one kind of shared cache otherwise than `Cache-Control` does, and are believed before it. */
const OVERRIDES = /cdn-cache-control$|^(?:surrogate-control|edge-control|x-accel-expires)$/i

function list(value: Value): readonly string[] {
  return typeof value === 'object' ? value : [String(value)]
}

function isPrivate(value: Value | undefined): boolean {
  // What stands in quotes is an argument: `private="set-cookie"` holds for that one header alone.
  const text =
    value === undefined
      ? ''
      : list(value)
          .join(',')
          .replace(/"[^"]*"/g, '"')
  return /(?:^|,)\s*(?:private|no-store)\s*(?:,|$)/i.test(text)
}

function pairs(headers: unknown): [string, unknown][] {
  if (!Array.isArray(headers)) return Object.entries(headers ?? {})
  if (Array.isArray(headers[0])) return headers as [string, unknown][]
  return headers.flatMap((name: string, at) => (at % 2 === 0 ? [[name, headers[at + 1]] as [string, unknown]] : []))
}
