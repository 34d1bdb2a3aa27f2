/**
 * The store contract as MySQL and MariaDB keep it.
 *
 * The number of rows that a statement changed means one thing or another, as the client has set its flags; no statement
 * here depends on which.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import type { MysqlServer } from './_mysql-client.ts'
import { mysqlFaults } from './_mysql-faults.ts'
import { createMissing } from './_sql-faults.ts'
import { COLUMNS, marksOf, sqlSchema, sqlStatements, toColumns, toText } from './_sql.ts'
import type { Dialect, SqlStatements } from './_sql.ts'
import { sqlMethods } from './_sql-store.ts'
import type { SqlMethods } from './_sql-store.ts'

/**
 * How MySQL and MariaDB say it. Keys are bytes, since each of the binary collations for text is missing in one of the
 * two or takes `alice` and `alice ` for one; a principal is at most 256 characters, which escaped are 1,539 bytes.
 */
export const mysqlDialect: Dialect = {
  placeholder: () => '?',
  quote: (name) => `\`${name.replaceAll('`', '``')}\``,
  greatest: 'GREATEST',
  types: { id: 'VARBINARY(512)', principal: 'VARBINARY(2048)', body: 'LONGBLOB', integer: 'BIGINT' },
  indexes: 'within',
  tableOptions: ' ENGINE=InnoDB ROW_FORMAT=DYNAMIC',
  inserts: {
    // Without a clause for a key that is taken: those of MySQL can have no condition.
    create: (sql, table) => sql`INSERT INTO ${table} (id, ${COLUMNS}) VALUES (?, ?, ?, ?, ?)`,
    mark: (sql, table) => sql`INSERT INTO ${table} (principal, revoked_at) VALUES (?, ?)
      ON DUPLICATE KEY UPDATE revoked_at = GREATEST(revoked_at, VALUES(revoked_at))`,
  },
  // In that order: the other way about it would look at, and lock, every row there is.
  removeDue: (sql, table, key, instant) => sql`DELETE old FROM
      (SELECT ${key} FROM ${table} WHERE ${instant} <= ? ORDER BY ${instant} LIMIT ? FOR UPDATE SKIP LOCKED) AS due
      STRAIGHT_JOIN ${table} AS old ON old.${key} = due.${key}`,
}

/** Gives the store on the tables of that name. */
export function mysqlMethods(server: MysqlServer, table: string): SqlMethods & { migrate(): Promise<void> } {
  const sql = sqlStatements(mysqlDialect, table)
  const name = mysqlDialect.quote(table)
  const takeOver = `UPDATE ${name} SET version = ?, expires_at = ?, principal = ?, body = ?
      WHERE id = ? AND expires_at <= ?`
  const methods = sqlMethods(server, sql)
  const create = async (): Promise<void> => {
    // The server itself lets one process at a time create a table of that name.
    for (const statement of sqlSchema(mysqlDialect, table)) await server.run(statement, [])
  }
  return {
    ...methods,

    async create(id, session, { now }) {
      try {
        await server.run(sql.create, [toText(id), ...toColumns(session)])
        return true
      } catch (error) {
        if (mysqlFaults.of(error) !== 'taken') throw error
      }
      // By a session that may have expired: its place is taken.
      return (await server.run(takeOver, [...toColumns(session), toText(id), now])) > 0
    },

    async touch(id, expiresAt, call) {
      // None changed: there is none, or it lives longer already.
      return (await methods.touch(id, expiresAt, call)) || (await methods.load(id, call)) !== undefined
    },

    async prune(limit, call) {
      const pruned = await server.alone(`sojourn.prune.${table}`.slice(0, MAX_LOCK), (one) =>
        sqlMethods(one, sql).prune(limit, call),
      )
      return pruned ?? 0
    },

    migrate: () => createMissing({ examine: () => examine(server, sql, table), create }, mysqlFaults),
  }
}

/** Looks whether the tables that are there will do, and the connection too. */
async function examine(server: MysqlServer, sql: SqlStatements, table: string): Promise<void> {
  await server.rows(sql.load, ['', 0])
  await server.rows(sql.revokedAt, ['', 0])
  const [unfit] = await server.rows(UNFIT, [table, marksOf(table), marksOf(table)])
  if (unfit)
    throw mysqlFaults.toStoreError(new Error(`The column ${String(unfit[0])} is no key, or no VARBINARY`), 'shape')
  const [row] = await server.rows('SELECT @@autocommit', [])
  if (Number(row?.[0]) === 1) return
  throw new ConfigError(
    'mysqlStore: nothing would ever be committed. Turn autocommit on for the connections of `client`.',
  )
}

/** The columns that would take two keys for one, or one key twice. */
const UNFIT = `SELECT COLUMN_NAME FROM information_schema.COLUMNS
  WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (?, ?) AND COLUMN_NAME IN ('id', 'principal')
  AND (DATA_TYPE <> 'varbinary' OR (COLUMN_KEY <> 'PRI' AND (COLUMN_NAME = 'id' OR TABLE_NAME = ?)))`

/** The name of a lock has 64 characters at most. */
const MAX_LOCK = 64
