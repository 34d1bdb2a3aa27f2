/**
 * Opening an SQLite file at the start of a program, when several processes may do so at once.
 *
 * @module
 */
import { closeSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ConfigError } from '../core/errors.ts'
import type { OwnDatabase, SqliteDatabase, SqliteDriver } from './_sqlite-driver.ts'
import { attempted, isBusy, toStoreError } from './_sqlite-faults.ts'

/** How far an acknowledged write has come: `normal` outlives a crash of the process, `full` a loss of power too. */
export type Durability = 'normal' | 'full'

/**
 * Opens a file in WAL mode, creating it, for its owner only, where there is none.
 *
 * @param prepare what else must succeed before the file counts as opened; may be done again from its start
 * @throws ConfigError when the folder does not exist, or the file system cannot do WAL; StoreError when the file
 *   cannot be opened, is no database, or stays locked
 */
export function openFile(
  { path, durability, driver: Driver }: { path: string; durability: Durability; driver: SqliteDriver },
  prepare: (database: SqliteDatabase) => void,
): OwnDatabase {
  createPrivately(path)
  const database = attempted(() => new Driver(path))
  try {
    patiently(() => configure(database, path, durability))
    patiently(() => prepare(database))
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Closes a file, with all that was written in the file itself and none of it beside it.
 *
 * SQLite sees to that when the last connection closes, but @photostructure/sqlite keeps a connection open underneath
 * for as long as its statements have not been collected.
 */
export function closeFile(database: OwnDatabase): void {
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  database.close()
}

/** How long (ms) the start of a program waits for a locked file. */
const START_LIMIT_MS = 5_000

/**
 * How long (ms) a statement sleeps, and the event loop with it, before the lane takes over.
 *
 * Measured with four processes that write without pause: 2 keeps the loop under 20 ms, 5000 stops it for 730.
 */
const BUSY_TIMEOUT_MS = 2

const MEMORY = ':memory:'

function createPrivately(path: string): void {
  if (path === MEMORY) return
  try {
    // Only where there is none: closing a file that SQLite has open in this process would drop SQLite's locks on it.
    closeSync(openSync(path, 'wx', 0o600))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    // All other trouble SQLite will meet in its turn, and tell.
    if (code !== 'ENOENT' && code !== 'ENOTDIR') return
    throw new ConfigError(`The folder of the SQLite file does not exist. Create it: ${dirname(resolve(path))}`, {
      cause,
    })
  }
}

function configure(database: SqliteDatabase, path: string, durability: Durability): void {
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
  database.exec(`PRAGMA synchronous = ${durability}`)
  const row = database.prepare('PRAGMA journal_mode = WAL').get() as { journal_mode?: unknown }
  if (row.journal_mode === 'wal' || path === MEMORY) return
  throw new ConfigError('The file system of the SQLite file cannot do WAL. Put the file on a local disk.')
}

/** Does work that may find the file locked, and sleeps in between: a program that starts has nothing else to do. */
function patiently(work: () => void): void {
  const deadline = performance.now() + START_LIMIT_MS
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw toStoreError(error)
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5 + 20 * Math.random())
  }
}
