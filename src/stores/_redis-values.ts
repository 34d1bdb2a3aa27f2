/**
 * Between what the contract says and what Redis keeps and answers: keys, fields, replies.
 *
 * A client may be told to answer in Buffers, or to give numbers as text; so a reply is never taken for what it seems.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { UsageError } from '../core/errors.ts'
import type { StoredSession } from '../core/store.ts'

/** The names of the keys under one prefix. What stands between braces decides on which node of a cluster a key is. */
export interface Keys {
  record(id: string): string
  index(principal: string): string
  /** In one slot with the index, so that one script may write the mark and read the index. */
  mark(principal: string): string
  /** The channel that tells of changes. */
  readonly changes: string
}

export function keysUnder(prefix: string): Keys {
  // Hashed, because a principal may be long, and is nobody's business who looks through the keys.
  const digest = (principal: string): string => createHash('sha256').update(whole(principal)).digest('base64url')
  return {
    record: (id) => `${prefix}{${id}}`,
    index: (principal) => `${prefix}p:{${digest(principal)}}`,
    mark: (principal) => `${prefix}r:{${digest(principal)}}`,
    changes: `${prefix}changes`,
  }
}

/** Gives a session as the fields v, e, p, b. */
export function toFields({ version, expiresAt, principal, body }: StoredSession): string[] {
  return [String(version), String(expiresAt), principal === null ? NOBODY : whole(principal), whole(body)]
}

/** Gives the session that the fields v, e, p, b hold; `undefined` when they hold none. */
export function toSession(reply: unknown): StoredSession | undefined {
  const [v, e, p, b] = toTexts(reply)
  const [version, expiresAt] = [toInteger(v), toInteger(e)]
  if (version === undefined || expiresAt === undefined || p === undefined || b === undefined) return undefined
  return { version, expiresAt, principal: p === NOBODY ? null : p, body: b }
}

/** Gives the texts of a list; `undefined` in the place of what is none. */
export function toTexts(reply: unknown): (string | undefined)[] {
  return Array.isArray(reply) ? reply.map(toText) : []
}

export function toText(reply: unknown): string | undefined {
  if (typeof reply === 'string') return reply
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : undefined
}

/** Gives a count or an instant. */
export function toInteger(reply: unknown): number | undefined {
  const text = typeof reply === 'number' || typeof reply === 'bigint' ? String(reply) : toText(reply)
  const value = text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
  return Number.isSafeInteger(value) ? value : undefined
}

/** In a pattern of SCAN: the text itself. */
export function toPattern(text: string): string {
  return text.replaceAll(/[*?[\]\\^]/g, String.raw`\$&`)
}

/** No principal is empty. */
const NOBODY = ''

/** Half of a surrogate pair would come back as another character, and so make two principals one. */
function whole(text: string): string {
  // ES2024, and in every runtime that Sojourn supports.
  if ((text as string & { isWellFormed(): boolean }).isWellFormed()) return text
  throw new UsageError(
    'ERR_SOJOURN_UNSUPPORTED',
    'redisStore cannot keep a text with half of a surrogate pair in it. Cut texts at whole characters.',
  )
}
