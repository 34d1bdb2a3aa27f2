/**
 * Whose session it is: one value derived from the data, whose change replaces the token.
 *
 * @module
 */
import type { Data } from './changes.ts'
import { UsageError } from './errors.ts'

/** What `principal(data)` may give; a number is made a string, null and undefined are nobody. */
export type PrincipalValue = string | number | null | undefined

const MAX_LENGTH = 256
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/

/** The default: the first of `userId`, `user`, `passport.user` that is a string or number, else its `id`, its `_id`. */
export function defaultPrincipal(data: Data): PrincipalValue {
  const passport = data['passport']
  for (const owner of [data['userId'], data['user'], isObject(passport) ? passport['user'] : undefined]) {
    const found = [owner, isObject(owner) ? owner['id'] : undefined, isObject(owner) ? owner['_id'] : undefined].find(
      isKey,
    )
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Gives the principal as stores keep it, or null for nobody.
 *
 * @throws UsageError `ERR_SOJOURN_UNSUPPORTED` for anything that cannot name somebody without doubt
 */
export function normalisePrincipal(value: unknown): string | null {
  if (value === null || value === undefined) return null
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value
  if (typeof text !== 'string' || text === '' || text.length > MAX_LENGTH || CONTROL.test(text)) {
    throw new UsageError(
      'ERR_SOJOURN_UNSUPPORTED',
      `principal(data) gave ${describe(value)}; give a string of 1 to ${MAX_LENGTH} characters without control characters, a number, or null for nobody`,
    )
  }
  return text
}

/** Keeps the principals of applications that share a store apart. No principal has the separator in it. */
export function scopePrincipal(namespace: string, principal: string): string {
  return namespace === '' ? principal : `${namespace}\u001f${principal}`
}

export function unscopePrincipal(namespace: string, stored: string | null): string | null {
  return stored === null || namespace === '' ? stored : stored.slice(namespace.length + 1)
}

// --- internal ---

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null
}

function isKey(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

function describe(value: unknown): string {
  if (typeof value !== 'string') return typeof value === 'number' ? String(value) : `a value of type ${typeof value}`
  if (value === '') return 'an empty string'
  return value.length > MAX_LENGTH ? `a string of ${value.length} characters` : 'a string with control characters'
}
