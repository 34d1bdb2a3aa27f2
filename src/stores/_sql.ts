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

/** The template that a statement is written in: each `?` becomes the engine's next place for a value. */
export type SqlTag = (parts: TemplateStringsArray, ...fillings: string[]) => string

/** In what an engine's SQL differs from the next one's. Tables that its methods are given are quoted already. */
export interface Dialect {
  /** The n-th place for a value, counted from 1. */
  placeholder(n: number): string
  /** A name, quoted so that any text is safe in it. */
  quote(name: string): string
  /** Where the tables are, if that must be said. */
  readonly schema?: string | undefined
  /** The function that gives the larger of two integers: `MAX`, or `GREATEST`. */
  readonly greatest: string
  /** The types of the columns. Text is compared byte for byte; an integer holds 2^53. */
  readonly types: Readonly<Record<'id' | 'principal' | 'body' | 'integer', string>>
  /** Whether an index is a statement of its own, and may be partial, or stands in its table's. */
  readonly indexes: 'apart' | 'within'
  /** What follows the closing bracket of a new table. */
  readonly tableOptions: string
  /** Inserts what may be there already. */
  readonly inserts: Inserts
  /** Gives {@link SqlStatements.prune} and {@link SqlStatements.pruneMarks}: removes what is due, the earliest first. */
  removeDue(sql: SqlTag, table: string, key: string, instant: string): string
}

/** The statements that insert a row unless its key is taken. */
export interface Inserts {
  /** Gives {@link SqlStatements.create}. */
  create(sql: SqlTag, table: string): string
  /** Gives {@link SqlStatements.mark}. */
  mark(sql: SqlTag, table: string): string
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
  /** principal, the id to go on after, now → at most {@link PAGE} rows: id and what `load` gives */
  readonly list: string
  /** the id to go on after, now → at most {@link PAGE} rows: id and what `load` gives */
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

/** The columns of a session beside its id, in the order of {@link toColumns}. */
export const COLUMNS = 'version, expires_at, principal, body'

/** How many rows a listing reads at a time, so that no read transaction outlives a page. */
export const PAGE = 100

/** The name of the table of revocation marks that belongs to a table of sessions. */
export const marksOf = (table: string): string => `${table}_revocations`

/** How SQLite and PostgreSQL insert: with a clause that may have a condition. */
export const onConflict: Inserts = {
  create: (sql, table) => sql`INSERT INTO ${table} AS kept (id, ${COLUMNS}) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET version = excluded.version, expires_at = excluded.expires_at,
      principal = excluded.principal, body = excluded.body WHERE kept.expires_at <= ?`,
  mark: (sql, table) => sql`INSERT INTO ${table} AS kept (principal, revoked_at) VALUES (?, ?)
      ON CONFLICT (principal) DO UPDATE SET revoked_at = excluded.revoked_at
      WHERE kept.revoked_at < excluded.revoked_at`,
}

/** Gives the statements that create the tables and their indexes, each harmless where they exist. */
export function sqlSchema(dialect: Dialect, table: string): string[] {
  const { id, principal, body, integer } = dialect.types
  const sessions = [
    `id ${id} NOT NULL PRIMARY KEY`,
    `version ${integer} NOT NULL`,
    `expires_at ${integer} NOT NULL`,
    `principal ${principal}`,
    `body ${body} NOT NULL`,
  ]
  const marks = [`principal ${principal} NOT NULL PRIMARY KEY`, `revoked_at ${integer} NOT NULL`]
  return [
    ...tableWith(dialect, table, sessions, [
      { name: 'expires_at', on: 'expires_at' },
      { name: 'principal', on: 'principal, id', where: 'principal IS NOT NULL' },
    ]),
    ...tableWith(dialect, marksOf(table), marks, [{ name: 'revoked_at', on: 'revoked_at' }]),
  ]
}

/** Gives the statements over the tables of {@link sqlSchema}. */
export function sqlStatements(dialect: Dialect, table: string): SqlStatements {
  const sql = statement(dialect)
  const { greatest, inserts, removeDue } = dialect
  const [sessions, marks] = [placed(dialect, table), placed(dialect, marksOf(table))]
  return {
    load: sql`SELECT ${COLUMNS} FROM ${sessions} WHERE id = ? AND ${EXPIRY} > ? AND ${READABLE}`,
    create: inserts.create(sql, sessions),
    save: sql`UPDATE ${sessions} SET version = ?, expires_at = ?, principal = ?, body = ?
      WHERE id = ? AND version = ? AND ${EXPIRY} > ? AND ${READABLE}`,
    touch: sql`UPDATE ${sessions} SET expires_at = ${greatest}(expires_at, ?)
      WHERE id = ? AND ${EXPIRY} > ? AND ${READABLE}`,
    remove: sql`DELETE FROM ${sessions} WHERE id = ?`,
    list: sql`SELECT id, ${COLUMNS} FROM ${sessions}
      WHERE principal = ? AND id > ? AND ${EXPIRY} > ? AND ${READABLE} ORDER BY id LIMIT ${String(PAGE)}`,
    scan: sql`SELECT id, ${COLUMNS} FROM ${sessions}
      WHERE id > ? AND ${EXPIRY} > ? AND ${READABLE} ORDER BY id LIMIT ${String(PAGE)}`,
    removeAll: sql`DELETE FROM ${sessions} WHERE principal = ? AND id <> ? AND ${EXPIRY} > ?`,
    mark: inserts.mark(sql, marks),
    revokedAt: sql`SELECT revoked_at FROM ${marks}
      WHERE principal = ? AND revoked_at > ? AND revoked_at <= ${String(Number.MAX_SAFE_INTEGER)}`,
    prune: removeDue(sql, sessions, 'id', 'expires_at'),
    pruneMarks: removeDue(sql, marks, 'principal', 'revoked_at'),
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

/** Gives an integer column as a number; drivers hand over a bigint, or its digits, where 64 bits are possible. */
export function toInteger(column: unknown): number | undefined {
  const value = typeof column === 'bigint' || isDigits(column) ? Number(column) : column
  return Number.isSafeInteger(value) ? (value as number) : undefined
}

/**
 * Gives a text as a column keeps it: itself, unless it holds what engines and drivers lose.
 *
 * PostgreSQL refuses a NUL and some SQLite drivers cut the text off there; half of a surrogate pair is not UTF-8 and
 * comes back as U+FFFD, which would make two principals one; PGlite drops a byte order mark. Such a text is kept as
 * JSON behind U+0001.
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

/** A table in its place. */
function placed({ quote, schema }: Dialect, table: string): string {
  return schema === undefined ? quote(table) : `${quote(schema)}.${quote(table)}`
}

interface Index {
  name: string
  on: string
  /** The rows that it is about; an engine without partial indexes has all of them in it. */
  where?: string
}

function tableWith(dialect: Dialect, table: string, columns: string[], indexes: Index[]): string[] {
  const { quote, tableOptions } = dialect
  const name = placed(dialect, table)
  const create = (lines: string[]): string =>
    `CREATE TABLE IF NOT EXISTS ${name} (\n  ${lines.join(',\n  ')}\n)${tableOptions}`
  if (dialect.indexes === 'within') {
    return [create([...columns, ...indexes.map(({ name, on }) => `KEY ${quote(name)} (${on})`)])]
  }
  const apart = indexes.map(
    (index) =>
      `CREATE INDEX IF NOT EXISTS ${quote(`${table}_${index.name}`)} ON ${name} (${index.on})` +
      (index.where ? ` WHERE ${index.where}` : ''),
  )
  return [create(columns), ...apart]
}

/** The tag of a dialect; a `?` that stands in a quoted name is left alone. */
function statement(dialect: Dialect): SqlTag {
  return (parts, ...fillings) => {
    let n = 0
    const numbered = parts.map((part) => part.replaceAll('?', () => dialect.placeholder(++n)))
    return String.raw({ raw: numbered }, ...fillings)
  }
}

function isDigits(column: unknown): boolean {
  return typeof column === 'string' && /^-?\d+$/.test(column)
}

function isPlain(text: string): boolean {
  // ES2024, and in every runtime that Sojourn supports; ten times faster than a regular expression.
  const isWellFormed = (text as string & { isWellFormed(): boolean }).isWellFormed()
  return isWellFormed && !text.includes('\0') && !text.startsWith(ESCAPED) && !text.startsWith('\ufeff')
}

function unescaped(json: string): string | undefined {
  try {
    const text: unknown = JSON.parse(json)
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined // Not of our writing: unreadable, and so absent.
  }
}
