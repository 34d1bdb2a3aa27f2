/**
 * Sessions in PostgreSQL: one row each, changed by single statements.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { ConfigError } from '../core/errors.ts'
import { serverOf } from './_postgres-client.ts'
import type { PgClient, PgResult, PostgresClient, PostgresJs, PostgresJsResult } from './_postgres-client.ts'
import { postgresFaults } from './_postgres-faults.ts'
import { onConflict, sqlSchema, sqlStatements } from './_sql.ts'
import type { Dialect } from './_sql.ts'
import { createMissing } from './_sql-faults.ts'
import { sqlMethods } from './_sql-store.ts'
import type { SqlMethods } from './_sql-store.ts'

export type { PgClient, PgResult, PostgresClient, PostgresJs, PostgresJsResult }

/** Where in the database the sessions are. */
export interface PostgresTable {
  /** The name of the table, at most 40 bytes. Its revocation marks stand in another, with `_revocations` behind it. */
  table?: string
  /** The schema of both, which must exist. Default: the first on the connection's search path. */
  schema?: string
}

/** A client, and where in its database the sessions are. */
export interface PostgresStoreOptions extends PostgresTable {
  /** The application's own: a Pool or Client of pg, the `sql` of postgres.js, or a PGlite. */
  client: PostgresClient
}

/** The store, and what makes its tables. */
export interface PostgresStore extends SqlMethods {
  /** Creates the tables where they are missing, and looks whether they will do. Several processes may do it at once. */
  migrate(): Promise<void>
}

/**
 * Gives a store in PostgreSQL.
 *
 * Loads and writes are one round trip each; only a save in conflict takes a second. The application opens the client
 * and closes it. What PostgreSQL refuses, or never answers, is a StoreError that names the remedy.
 *
 * @throws ConfigError when the client is none that can be used, or a name is no name
 * @example
 * ```ts
 * const store = postgresStore({ client: new pg.Pool() })
 * await store.migrate()
 * const sessions = createSessions({ store })
 * ```
 */
export function postgresStore({ client, ...where }: PostgresStoreOptions): PostgresStore {
  const { table, dialect, key } = placeOf(where)
  const server = serverOf(client)
  const sql = sqlStatements(dialect, table)
  const create = async (): Promise<unknown> =>
    server.script([`SELECT pg_advisory_xact_lock(${key('migrate')})`, ...sqlSchema(dialect, table)].join(';\n'))
  /** Planned, not run: whether the tables have the columns, the types and the keys. */
  const examine = async (): Promise<void> => {
    await server.rows(`EXPLAIN ${sql.create}`, ['', 1, 1, null, '', 1])
    await server.rows(`EXPLAIN ${sql.mark}`, ['', 1])
  }
  return {
    ...sqlMethods(server, sql),
    migrate: () => createMissing({ examine, create }, postgresFaults),
  }
}

/** Gives the SQL that {@link PostgresStore.migrate} runs, for those who migrate by other means. */
export function migrationSql(where: PostgresTable = {}): string {
  const { table, dialect } = placeOf(where)
  return sqlSchema(dialect, table)
    .map((statement) => `${statement};\n`)
    .join('')
}

const TABLE = 'sojourn_sessions'

/** PostgreSQL cuts a name off after 63 bytes without a word, and the longest that is made of `table` has 23 more. */
const MAX_NAME_BYTES = 40

function placeOf({ table = TABLE, schema }: PostgresTable) {
  if (!isName(table) || (schema !== undefined && !isName(schema))) {
    throw new ConfigError(
      `\`table\` and \`schema\` must be names of 1 to ${MAX_NAME_BYTES} bytes. Leave \`table\` out for ${TABLE}.`,
    )
  }
  const key = (purpose: string): string => lockKey(`${purpose} ${schema ?? ''} ${table}`)
  return { table, dialect: dialectOf(schema, key('prune')), key }
}

/** How PostgreSQL says it. */
function dialectOf(schema: string | undefined, pruneKey: string): Dialect {
  return {
    placeholder: (n) => `$${n}`,
    quote: (name) => `"${name.replaceAll('"', '""')}"`,
    schema,
    greatest: 'GREATEST',
    types: { id: 'text COLLATE "C"', principal: 'text COLLATE "C"', body: 'text', integer: 'bigint' },
    indexes: 'apart',
    tableOptions: '',
    inserts: onConflict,
    // As an array, which is read once: a subquery might be joined, run again, and delete more than its limit. The lock
    // is asked for once, before the first row, and goes with the statement: who does not get it removes nothing.
    removeDue: (sql, table, key, instant) => sql`DELETE FROM ${table} WHERE ${key} = ANY (ARRAY(
      SELECT ${key} FROM ${table} WHERE (SELECT pg_try_advisory_xact_lock(${pruneKey})) AND ${instant} <= ?
      ORDER BY ${instant} LIMIT ? FOR UPDATE SKIP LOCKED))`,
  }
}

function isName(name: unknown): boolean {
  if (typeof name !== 'string' || name === '' || name.includes('\0')) return false
  return Buffer.byteLength(name) <= MAX_NAME_BYTES
}

/** Advisory locks are numbers of 64 bits that all who use the database share: one that nobody else comes by. */
function lockKey(purpose: string): string {
  return createHash('sha256').update(`sojourn ${purpose}`).digest().readBigInt64BE().toString()
}
