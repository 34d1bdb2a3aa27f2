/** What the tests of the SQLite store share: folders that go away, connections of every kind, sessions. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync as Photostructure } from '@photostructure/sqlite'
import { onTestFinished } from 'vitest'
import type { Awaitable, StoredSession } from '../../src/core/store.ts'
import { findDriver } from '../../src/stores/_sqlite-driver.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import type { SqliteDatabase, SqliteOptions, SqliteStatement, SqliteStore } from '../../src/stores/sqlite.ts'

/**
 * The driver that a store with a `path` uses too: @photostructure/sqlite on Node 20. With any other, there would be two
 * copies of SQLite in this process, which do not see each other's locks.
 */
export const DatabaseSync = findDriver() as typeof Photostructure

export type TestDatabase = InstanceType<typeof Photostructure>

/** An instant past 2^31 seconds and past 2^40 ms, so that no integer on the way may be a small one. */
export const NOW = 2_200_000_000_000

/** A session with what a case does not care about filled in. */
export function stored(about: Partial<StoredSession> = {}): StoredSession {
  return { version: 1, expiresAt: NOW + 1000, principal: null, body: '{}', ...about }
}

/** A path in a folder that goes away with the test. */
export function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-sqlite-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'sessions.db')
}

/** A store that is closed with the test. */
export function opened(options: SqliteOptions): SqliteStore {
  const store = sqliteStore(options)
  onTestFinished(() => store.close())
  return store
}

/** A store over a connection, its tables created. */
export async function migrated(options: SqliteOptions): Promise<SqliteStore> {
  const store = sqliteStore(options)
  await store.migrate()
  return store
}

/** Every answer, whether it came at once or comes later. */
export function answers<V>(all: Awaitable<V>[]): Promise<V[]> {
  return Promise.all(all.map(async (answer) => answer))
}

/** Everything that a listing gives. */
export const entries = async (iterable: AsyncIterable<[string, StoredSession]>): Promise<[string, StoredSession][]> => {
  const all: [string, StoredSession][] = []
  for await (const entry of iterable) all.push(entry)
  return all
}

/** The ids alone. */
export const ids = async (iterable: AsyncIterable<[string, StoredSession]>): Promise<string[]> =>
  (await entries(iterable)).map(([id]) => id)

/** A connection that the test itself holds, closed with the test. */
export function connection(path = ':memory:', options: { readOnly?: boolean } = {}): TestDatabase {
  const database = new DatabaseSync(path, options)
  onTestFinished(() => {
    if (database.isOpen) database.close()
  })
  return database
}

/**
 * A connection with the manners of better-sqlite3: `run` only where no rows come and `get` and `all` only where some
 * do, `exec` gives the connection, and an error names its code in words and bears no number.
 */
export class BetterDatabase implements SqliteDatabase {
  readonly #database: TestDatabase

  constructor(database: TestDatabase) {
    this.#database = database
  }

  exec(sql: string): this {
    inItsWords(() => this.#database.exec(sql))
    return this
  }

  prepare(sql: string): SqliteStatement {
    const statement = inItsWords(() => this.#database.prepare(sql))
    const givesRows = statement.columns().length > 0
    const mustGiveRows = (yes: boolean): void => {
      if (givesRows !== yes) throw new TypeError(`This statement ${yes ? 'does not return' : 'returns'} data`)
    }
    return {
      run: (...values) => (mustGiveRows(false), inItsWords(() => statement.run(...values))),
      get: (...values) => (mustGiveRows(true), inItsWords((): unknown => statement.get(...values))),
      all: (...values) => (mustGiveRows(true), inItsWords((): unknown[] => statement.all(...values))),
    }
  }
}

function inItsWords<R>(work: () => R): R {
  try {
    return work()
  } catch (error) {
    const { message, errcode } = error as Error & { errcode?: number }
    if (message.endsWith('is not open')) throw new TypeError('The database connection is not open', { cause: error })
    throw Object.assign(new Error(message, { cause: error }), { code: NAMES[errcode ?? 1] ?? 'SQLITE_ERROR' })
  }
}

const NAMES: Record<number, string> = { 5: 'SQLITE_BUSY', 8: 'SQLITE_READONLY', 13: 'SQLITE_FULL' }
