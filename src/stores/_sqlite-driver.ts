/**
 * Finding a driver for SQLite, and talking to the connection that it opened or that was handed over.
 *
 * No third party is imported: a driver is looked for at run time, in a way that bundlers do not follow, and typed by
 * the few methods that are called.
 *
 * @module
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ConfigError } from '../core/errors.ts'
import type { SqlValue } from './_sql.ts'
import { attempted } from './_sqlite-faults.ts'

/** A prepared statement of `node:sqlite`, @photostructure/sqlite or better-sqlite3. */
export interface SqliteStatement {
  run(...values: SqlValue[]): { changes: number | bigint }
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
}

/** A connection: a `DatabaseSync` of `node:sqlite` or @photostructure/sqlite, or a better-sqlite3 `Database`. */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
}

/** A connection of our own opening, which is ours to close. */
export interface OwnDatabase extends SqliteDatabase {
  close(): void
}

/** What opens a file. */
export type SqliteDriver = new (path: string) => OwnDatabase

/** Statements by their text, each prepared once. */
export interface Connection {
  /** Runs a statement that gives no rows, and tells how many it changed. */
  run(sql: string, ...values: SqlValue[]): number
  /** Gives the first row. Only for SELECT: after RETURNING, drivers swallow the error of a commit that fails. */
  first(sql: string, ...values: SqlValue[]): unknown
  /** Gives every row, so that no read transaction stays open for those still to come. */
  rows(sql: string, ...values: SqlValue[]): unknown[]
}

/** Gives the statements of a database by their text. */
export function connect(database: SqliteDatabase): Connection {
  const statements = new Map<string, SqliteStatement>()
  const prepared = (sql: string): SqliteStatement => {
    const known = statements.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  return {
    run: (sql, ...values) => Number(prepared(sql).run(...values).changes),
    first: (sql, ...values) => prepared(sql).get(...values),
    rows: (sql, ...values) => prepared(sql).all(...values),
  }
}

/**
 * Gives the driver there is: `node:sqlite` (Node 22.13 and later, Bun, Deno), else an installed @photostructure/sqlite.
 *
 * @param lookups where to look, in order; each gives a module, or `undefined`
 * @throws ConfigError when there is none, or it does not load
 */
export function findDriver(lookups: readonly (() => unknown)[] = LOOKUPS): SqliteDriver {
  for (const lookup of lookups) {
    const driver = driverIn(lookup)
    if (driver) return driver
  }
  throw new ConfigError(
    'SQLite needs a driver, and this runtime has none built in. Use Node 22.13 or later, Bun or Deno; ' +
      `on Node 20 install one: npm install ${PACKAGE}@1`,
  )
}

/**
 * Looks at a connection before it is used, and gives it back.
 *
 * Warns once (`SOJOURN_SQLITE_VERSION`) of an SQLite older than 3.51.3.
 *
 * @see https://sqlite.org/wal.html#walresetbug
 * @throws ConfigError when it gives rows as arrays; StoreError when it is closed
 */
export function inspected<D extends SqliteDatabase>(database: D): D {
  const row = attempted(() => database.prepare('SELECT sqlite_version() AS version').get())
  const version = typeof row === 'object' && row !== null && 'version' in row ? row.version : undefined
  if (typeof version !== 'string') {
    throw new ConfigError('The SQLite connection must give rows as objects. Open it without `returnArrays`.')
  }
  if (!warned && isOlder(version, SAFE_VERSION)) warn(version)
  return database
}

const PACKAGE = '@photostructure/sqlite'

/** Since when two writers and a checkpoint cannot damage the file. */
const SAFE_VERSION = [3, 51, 3]

let warned = false

const LOOKUPS = [
  () => process.getBuiltinModule?.('node:sqlite'),
  () => installed(import.meta.url),
  () => installed(join(process.cwd(), 'here.js')),
]

function warn(version: string): void {
  warned = true
  const message =
    `SQLite ${version} can damage a file that several processes write to (the WAL-reset bug, mended in ` +
    `${SAFE_VERSION.join('.')}). Update the runtime, or the driver.`
  process.emitWarning(message, { code: 'SOJOURN_SQLITE_VERSION' })
}

function installed(from: string | undefined): unknown {
  if (!from) return undefined // A bundle in CommonJS has no import.meta.url.
  const load = createRequire(from)
  return isInstalled(load, PACKAGE) ? load(PACKAGE) : undefined
}

function isInstalled(load: NodeJS.Require, name: string): boolean {
  try {
    return load.resolve(name) !== ''
  } catch {
    return false
  }
}

function driverIn(lookup: () => unknown): SqliteDriver | undefined {
  try {
    const module = lookup() as { DatabaseSync?: SqliteDriver } | undefined
    return module?.DatabaseSync
  } catch (cause) {
    throw new ConfigError(`${PACKAGE} is installed but does not load. Install it anew on this machine.`, { cause })
  }
}

function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  const at = than.findIndex((part, at) => part !== (parts[at] ?? 0))
  return at !== -1 && (parts[at] ?? 0) < (than[at] ?? 0)
}
