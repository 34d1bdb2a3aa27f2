/**
 * Sessions in MySQL or MariaDB: one row each, changed by single statements.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import { serverOf } from './_mysql-client.ts'
import type { MysqlCallbackClient, MysqlClient, MysqlPromiseClient, MysqlStatement } from './_mysql-client.ts'
import { mysqlDialect, mysqlMethods } from './_mysql-store.ts'
import { sqlSchema } from './_sql.ts'
import type { SqlMethods } from './_sql-store.ts'

export type { MysqlCallbackClient, MysqlClient, MysqlPromiseClient, MysqlStatement }

/** Where in the database the sessions are. */
export interface MysqlTable {
  /** The name of the table, at most 50 characters. Its revocation marks stand in another, with `_revocations` behind it. */
  table?: string
}

/** A client, and where in its database the sessions are. */
export interface MysqlStoreOptions extends MysqlTable {
  /** The application's own: a pool or connection of mysql2, with or without `/promise`, or of mariadb. */
  client: MysqlClient
}

/** The store, and what makes its tables. */
export interface MysqlStore extends SqlMethods {
  /** Creates the tables where they are missing, and looks whether they will do. Several processes may do it at once. */
  migrate(): Promise<void>
}

/**
 * Gives a store in MySQL 8 or later, or MariaDB 10.6 or later.
 *
 * Loads and writes are one round trip each; only a save in conflict, and a touch that moves nothing, take a second. The
 * application opens the client and closes it. What the server refuses, or never answers, is a StoreError that names the
 * remedy.
 *
 * @throws ConfigError when the client is none that can be used, or the name is no name
 * @example
 * ```ts
 * const store = mysqlStore({ client: mysql.createPool(process.env.MYSQL_URL) })
 * await store.migrate()
 * const sessions = createSessions({ store })
 * ```
 */
export function mysqlStore({ client, table = TABLE }: MysqlStoreOptions): MysqlStore {
  checkName(table)
  return mysqlMethods(serverOf(client), table)
}

/** Gives the SQL that {@link MysqlStore.migrate} runs, for those who migrate by other means. */
export function migrationSql({ table = TABLE }: MysqlTable = {}): string {
  checkName(table)
  return sqlSchema(mysqlDialect, table)
    .map((statement) => `${statement};\n`)
    .join('')
}

const TABLE = 'sojourn_sessions'

/** MySQL's names have 64 characters at most, and `_revocations` comes behind it. */
const MAX_NAME = 50

function checkName(table: unknown): void {
  if (typeof table === 'string' && table !== '' && table.length <= MAX_NAME && !table.includes('\0')) return
  throw new ConfigError(`\`table\` must be a name of 1 to ${MAX_NAME} characters. Leave it out for ${TABLE}.`)
}
