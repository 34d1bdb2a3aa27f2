/**
 * Cookies as express-session signs them: `s:<id>.<signature>`, percent-encoded as a whole.
 *
 * @module
 */
import type { Claim } from '../core/predecessor.ts'
import { type Secret, unsign } from '../express-session/signature.ts'

/** The most that is looked at: ids are 32 characters by default, and an application may have made longer ones. */
const MAX_LENGTH = 1024

// The last dot divides: an id may have others. A signature is base64 of 32 bytes, without its `=`.
const SIGNED = /^s:([\u0021-\u007e\u0080-\uffff]+)\.([A-Za-z\d+/]{43})$/

/**
 * Reads a cookie's value; undefined for what is not signed at all, `forged` for a signature that is none of ours.
 *
 * Reads no more than it must, and never throws: what comes in the cookie is anybody's.
 */
export function readSigned(value: string, secrets: readonly Secret[]): Claim | 'forged' | undefined {
  if (value.length > MAX_LENGTH) return undefined
  const [, id, signature] = SIGNED.exec(decoded(value)) ?? []
  if (id === undefined || signature === undefined) return undefined
  return unsign(`${id}.${signature}`, secrets) === undefined ? 'forged' : { id, proof: signature }
}

// --- internal ---

/** As the cookie parser below express-session decodes: what cannot be decoded stays as it is. */
function decoded(value: string): string {
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value // Hostile or cut short: it will not look signed.
  }
}
