/**
 * What the SQL stores share: the two tables, the statements, and the way between a row and a session.
 *
 * A statement is written once, with `?` where a value goes; a {@link Dialect} turns it into an engine's own words.
 * Each value is used once, in the order in which it stands, so that `?` and `$1` take the same list.
 *
 * @module
 */
import type { StoredSession } from '../core/store.ts'

/** A value that goes into a statement. */
export type SqlValue = string | number | null

/** In what an engine's SQL differs from the next one's. */
export interface Dialect {
  /** The n-th place for a value, counted from 1. */
  placeholder(n: number): string
  /** A name, quoted so that any text is safe in it. */
  quote(name: string): string
  /** The function that gives the larger of two integers: `MAX`, or `GREATEST`. */
  readonly greatest: string
  /** The types of the columns. Text is compared byte for byte; an integer holds 2^53. */
  readonly types: { readonly key: string; readonly text: string; readonly integer: string }
  /** What follows the closing bracket of a new table. */
  readonly tableOptions: string
}

/** The statements of a store. Each tells the values it takes, in their order. */
export interface SqlStatements {
  /** id, now → version, expires_at, principal, body */
  readonly load: string
  /** id, version, expires_at, principal, body, now. Changes nothing when a live session holds the id. */
  readonly create: string
  /** version, expires_at, principal, body, id, the version it must have, now */
  readonly save: string
  /** expires_at, id, now */
  readonly touch: string
  /** id */
  readonly remove: string
  /** principal, the id to go on after, now, limit → a page: id and what `load` gives */
  readonly list: string
  /** the id to go on after, now, limit → a page: id and what `load` gives */
  readonly scan: string
  /** principal, the id to spare, now */
  readonly removeAll: string
  /** principal, now. Never moves a mark back. */
  readonly mark: string
  /** principal, the instant since which marks count → revoked_at */
  readonly revokedAt: string
  /** the instant up to which they expired, limit */
  readonly prune: string
  /** the instant up to which they were set, limit */
  readonly pruneMarks: string
}

/** The name of the table of revocation marks that belongs to a table of sessions. */
const marksOf = (table: string): string => `${table}_revocations`

/** Gives the statements that create the tables and their indexes, each harmless where they exist. */
export function sqlSchema(dialect: Dialect, table: string): string[] {
  const { quote, tableOptions } = dialect
  const { key, text, integer } = dialect.types
  const [sessions, marks] = [quote(table), quote(marksOf(table))]
  const index = (of: string, name: string): string => `CREATE INDEX IF NOT EXISTS ${quote(`${of}_${name}`)} ON`
  return [
    `CREATE TABLE IF NOT EXISTS ${sessions} (
  id ${key} NOT NULL PRIMARY KEY,
  version ${integer} NOT NULL,
  expires_at ${integer} NOT NULL,
  principal ${key},
  body ${text} NOT NULL
)${tableOptions}`,
    `${index(table, 'expires_at')} ${sessions} (expires_at)`,
    `${index(table, 'principal')} ${sessions} (principal, id) WHERE principal IS NOT NULL`,
    `CREATE TABLE IF NOT EXISTS ${marks} (
  principal ${key} NOT NULL PRIMARY KEY,
  revoked_at ${integer} NOT NULL
)${tableOptions}`,
    `${index(marksOf(table), 'revoked_at')} ${marks} (revoked_at)`,
  ]
}

/** Gives the statements over the tables of {@link sqlSchema}. */
export function sqlStatements(dialect: Dialect, table: string): SqlStatements {
  const sql = statement(dialect)
  const { greatest } = dialect
  const [sessions, marks] = [dialect.quote(table), dialect.quote(marksOf(table))]
  const columns = 'version, expires_at, principal, body'
  return {
    load: sql`SELECT ${columns} FROM ${sessions} WHERE id = ? AND ${EXPIRY} > ? AND ${READABLE}`,
    create: sql`INSERT INTO ${sessions} AS kept (id, ${columns}) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET version = excluded.version, expires_at = excluded.expires_at,
      principal = excluded.principal, body = excluded.body WHERE kept.expires_at <= ?`,
    save: sql`UPDATE ${sessions} SET version = ?, expires_at = ?, principal = ?, body = ?
      WHERE id = ? AND version = ? AND ${EXPIRY} > ? AND ${READABLE}`,
    touch: sql`UPDATE ${sessions} SET expires_at = ${greatest}(expires_at, ?)
      WHERE id = ? AND ${EXPIRY} > ? AND ${READABLE}`,
    remove: sql`DELETE FROM ${sessions} WHERE id = ?`,
    list: sql`SELECT id, ${columns} FROM ${sessions}
      WHERE principal = ? AND id > ? AND ${EXPIRY} > ? AND ${READABLE} ORDER BY id LIMIT ?`,
    scan: sql`SELECT id, ${columns} FROM ${sessions}
      WHERE id > ? AND ${EXPIRY} > ? AND ${READABLE} ORDER BY id LIMIT ?`,
    removeAll: sql`DELETE FROM ${sessions} WHERE principal = ? AND id <> ? AND ${EXPIRY} > ?`,
    mark: sql`INSERT INTO ${marks} AS kept (principal, revoked_at) VALUES (?, ?)
      ON CONFLICT (principal) DO UPDATE SET revoked_at = ${greatest}(kept.revoked_at, excluded.revoked_at)`,
    revokedAt: sql`SELECT revoked_at FROM ${marks}
      WHERE principal = ? AND revoked_at > ? AND revoked_at <= ${String(Number.MAX_SAFE_INTEGER)}`,
    prune: sql`DELETE FROM ${sessions} WHERE id IN
      (SELECT id FROM ${sessions} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
    pruneMarks: sql`DELETE FROM ${marks} WHERE principal IN
      (SELECT principal FROM ${marks} WHERE revoked_at <= ? ORDER BY revoked_at LIMIT ?)`,
  }
}

/** Gives a session as the values of its columns: version, expires_at, principal, body. */
export function toColumns(session: StoredSession): [number, number, string | null, string] {
  const { version, expiresAt, principal, body } = session
  return [version, expiresAt, principal === null ? null : toText(principal), toText(body)]
}

/** Gives the session that a row holds; `undefined` when a hand other than ours wrote something else there. */
export function toSession(row: unknown): StoredSession | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const columns = row as Record<string, unknown>
  const version = toInteger(columns['version'])
  const expiresAt = toInteger(columns['expires_at'])
  const principal = columns['principal'] === null ? null : fromText(columns['principal'])
  const body = fromText(columns['body'])
  if (version === undefined || expiresAt === undefined || principal === undefined || body === undefined)
    return undefined
  return { version, expiresAt, principal, body }
}

/** Gives an integer column as a number; drivers hand over a bigint where they are told to. */
export function toInteger(column: unknown): number | undefined {
  const value = typeof column === 'bigint' ? Number(column) : column
  return Number.isSafeInteger(value) ? (value as number) : undefined
}

/**
 * Gives a text as a column keeps it: itself, unless it holds what engines and drivers lose.
 *
 * PostgreSQL refuses a NUL and some SQLite drivers cut the text off there; half of a surrogate pair is not UTF-8 and
 * comes back as U+FFFD, which would make two principals one. Such a text is kept as JSON behind U+0001.
 */
export function toText(text: string): string {
  return isPlain(text) ? text : ESCAPED + JSON.stringify(text)
}

/** Gives back what {@link toText} was given. */
export function fromText(column: unknown): string | undefined {
  if (typeof column !== 'string') return undefined
  return column.startsWith(ESCAPED) ? unescaped(column.slice(ESCAPED.length)) : column
}

const ESCAPED = '\u0001'

/** The plus keeps planners from going by the index of expiry, which nearly every row satisfies. */
const EXPIRY = '+expires_at'

/** Keeps numbers that JavaScript cannot hold, and texts, which sort behind every number, from reaching the driver. */
const READABLE = `${EXPIRY} <= ${Number.MAX_SAFE_INTEGER} AND version BETWEEN 1 AND ${Number.MAX_SAFE_INTEGER}`

/** A template whose `?` become the dialect's places for values; one that stands in a quoted name is left alone. */
function statement(dialect: Dialect) {
  return (parts: TemplateStringsArray, ...fillings: string[]): string => {
    let n = 0
    const numbered = parts.map((part) => part.replaceAll('?', () => dialect.placeholder(++n)))
    return String.raw({ raw: numbered }, ...fillings)
  }
}

function isPlain(text: string): boolean {
  // ES2024, and in every runtime that Sojourn supports; ten times faster than a regular expression.
  const isWellFormed = (text as string & { isWellFormed(): boolean }).isWellFormed()
  return isWellFormed && !text.includes('\0') && !text.startsWith(ESCAPED)
}

function unescaped(json: string): string | undefined {
  try {
    const text: unknown = JSON.parse(json)
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined // Not of our writing: unreadable, and so absent.
  }
}
