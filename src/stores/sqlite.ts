/**
 * Sessions in an SQLite file: they survive a restart, and several processes of one machine may share them.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import { sqlSchema } from './_sql.ts'
import { findDriver, inspected } from './_sqlite-driver.ts'
import type { SqliteDatabase, SqliteStatement } from './_sqlite-driver.ts'
import { attempted } from './_sqlite-faults.ts'
import { closeFile, openFile } from './_sqlite-file.ts'
import type { Durability } from './_sqlite-file.ts'
import { openLane } from './_sqlite-lane.ts'
import { sqliteDialect } from './_sqlite-dialect.ts'
import { createTables, sqliteMethods } from './_sqlite-store.ts'
import type { SqliteMethods } from './_sqlite-store.ts'

export type { Durability, SqliteDatabase, SqliteMethods, SqliteStatement }

/** What every SQLite store may be told. */
export interface SqliteTable {
  /** The name of the table. Its revocation marks stand in another, with `_revocations` behind the name. */
  table?: string
}

/** A file that the store opens and closes itself. */
export interface SqliteFile extends SqliteTable {
  /** The file. It is created where there is none; its folder must exist. */
  path: string
  /** What an acknowledged write outlives: a crash of the process (`normal`, the default), or a loss of power (`full`). */
  durability?: Durability
  database?: never
}

/** A connection of the application's own, for the store alone; its pragmas are the application's too. */
export interface SqliteConnection extends SqliteTable {
  /** A `DatabaseSync` of `node:sqlite` or @photostructure/sqlite, or a better-sqlite3 `Database`. */
  database: SqliteDatabase
  path?: never
  durability?: never
}

/** A file, or a connection. */
export type SqliteOptions = SqliteFile | SqliteConnection

/** The store, and what surrounds it. */
export interface SqliteStore extends SqliteMethods {
  /** Creates the tables where they are missing. With `path` it has been done; several processes may do it at once. */
  migrate(): Promise<void>
  /** Lets the writes under way finish, then closes the file, if the store opened it. */
  close(): Promise<void>
}

/**
 * Gives a store in an SQLite file.
 *
 * `load`, `create`, `save`, `touch` and `remove` answer at once, without a promise: except when the file is locked by
 * another process, and to writes with `durability: 'full'`, which share one flush for each turn of the event loop.
 *
 * @throws ConfigError when there is no driver, no such folder, or the options contradict each other; StoreError when
 *   the file cannot be opened, is no database, or holds another table of that name
 * @example
 * ```ts
 * const store = sqliteStore({ path: 'data/sessions.db' })
 * const sessions = createSessions({ store })
 * ```
 */
export function sqliteStore(options: SqliteOptions): SqliteStore {
  check(options)
  const { table = TABLE } = options
  return options.path === undefined
    ? storeOver(inspected(options.database), table, { grouped: false })
    : storeInFile(options, table)
}

/** Gives the SQL that {@link SqliteStore.migrate} runs, for those who migrate by other means. */
export function migrationSql({ table = TABLE }: SqliteTable = {}): string {
  return sqlSchema(sqliteDialect, table)
    .map((statement) => `${statement};\n`)
    .join('')
}

const TABLE = 'sojourn_sessions'

/** How long (ms) a call waits for a locked file, if its caller does. */
const LOCK_LIMIT_MS = 5_000

function storeInFile({ path, durability = 'normal' }: SqliteFile, table: string): SqliteStore {
  const prepare = (database: SqliteDatabase): void => createTables(inspected(database), table)
  const file = openFile({ path, durability, driver: findDriver() }, prepare)
  const store = storeOver(file, table, { grouped: durability === 'full' })
  let closed: Promise<void> | undefined
  return { ...store, close: () => (closed ??= store.close().then(() => attempted(() => closeFile(file)))) }
}

function storeOver(database: SqliteDatabase, table: string, { grouped }: { grouped: boolean }): SqliteStore {
  const lane = openLane({ exec: (sql) => database.exec(sql), grouped, limitMs: LOCK_LIMIT_MS })
  return {
    ...sqliteMethods(database, table, lane),
    migrate: () => lane.transact(() => createTables(database, table), {}),
    close: () => lane.empty(),
  }
}

function check({ path, database, durability, table }: SqliteOptions): void {
  if ((path === undefined) === (database === undefined)) {
    throw new ConfigError('An SQLite store is in one place. Give `path`, or `database`, and not both.')
  }
  if (path !== undefined && (path === '' || path.startsWith('file:'))) {
    throw new ConfigError('`path` must name a file. Give a plain path, such as data/sessions.db, and no URI.')
  }
  if (durability !== undefined && !['normal', 'full'].includes(durability)) {
    throw new ConfigError(`\`durability\` cannot be ${durability}. Give 'normal' or 'full'.`)
  }
  if (durability !== undefined && database !== undefined) {
    throw new ConfigError('`durability` is for `path`. On a connection of your own, set PRAGMA synchronous yourself.')
  }
  if (table === '' || table?.includes('\0')) {
    throw new ConfigError('`table` must be a name. Leave it out for sojourn_sessions.')
  }
}
