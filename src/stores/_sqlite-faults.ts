/**
 * What can be wrong with an SQLite file, and what to do about it.
 *
 * Each driver reports in its own way: `errcode` (node:sqlite, though Deno's `exec` and @photostructure's `all` leave
 * it out), a `code` such as `SQLITE_BUSY_SNAPSHOT` (better-sqlite3), or the bare text of sqlite3_errmsg.
 *
 * @see https://sqlite.org/rescode.html
 * @module
 */
import { SojournError, StoreError } from '../core/errors.ts'

/** What went wrong, by who must act. */
export type Fault = 'busy' | 'readonly' | 'io' | 'corrupt' | 'full' | 'unopenable' | 'shape' | 'closed' | 'unknown'

/** Tells what a driver's error is about. */
export function faultOf(error: unknown): Fault {
  if (!(error instanceof Error)) return 'unknown'
  const { code, errcode, message } = error as Error & { code?: unknown; errcode?: unknown }
  const known = SIGNS.find(
    ({ numbers, names, text }) =>
      (typeof errcode === 'number' && numbers.includes(errcode & 0xff)) ||
      (typeof code === 'string' && names.test(code)) ||
      text.test(message),
  )
  return known?.fault ?? 'unknown'
}

/** Whether another connection stands in the way, so that trying again will help. */
export function isBusy(error: unknown): boolean {
  return faultOf(error) === 'busy'
}

/** Gives a driver's error as one of ours, with the remedy; one that is ours already is given back. */
export function toStoreError(error: unknown): SojournError {
  if (error instanceof SojournError) return error
  const fault = faultOf(error)
  return new StoreError(`SQLite: ${REMEDIES[fault]}`, { cause: error, timeout: fault === 'busy' })
}

/** Does the work, and throws a driver's error as one of ours. */
export function attempted<R>(work: () => R): R {
  try {
    return work()
  } catch (error) {
    throw toStoreError(error)
  }
}

/** How each fault shows: the primary result code, its name, and the text of sqlite3_errmsg. */
const SIGNS: { fault: Fault; numbers: number[]; names: RegExp; text: RegExp }[] = [
  { fault: 'closed', numbers: [], names: /^ERR_INVALID_STATE$/, text: /is not open$|is closed$|been finalized$/ },
  { fault: 'busy', numbers: [5, 6, 15], names: /^SQLITE_(BUSY|LOCKED|PROTOCOL)/, text: / is locked|locking protocol/ },
  { fault: 'readonly', numbers: [8], names: /^SQLITE_READONLY/, text: /readonly database/ },
  { fault: 'io', numbers: [10], names: /^SQLITE_IOERR/, text: /disk I\/O error/ },
  { fault: 'corrupt', numbers: [11, 26], names: /^SQLITE_(CORRUPT|NOTADB)/, text: /malformed|file is not a database/ },
  { fault: 'full', numbers: [13], names: /^SQLITE_FULL/, text: /database or disk is full/ },
  { fault: 'unopenable', numbers: [14], names: /^SQLITE_CANTOPEN/, text: /unable to open database/ },
  {
    fault: 'shape',
    numbers: [19, 20],
    names: /^SQLITE_(CONSTRAINT|MISMATCH)/,
    text: /no such (table|column)|no column named|may not be indexed|ON CONFLICT clause does not match/,
  },
]

const REMEDIES: Record<Fault, string> = {
  busy: 'another connection keeps the file locked. End what holds a transaction open on it: a shell, a backup, a forgotten BEGIN.',
  readonly:
    'the file cannot be written to. Make the file and its folder writable for the user that the server runs as.',
  io: 'reading or writing the file failed. Check the disk, and that the file is on a local file system.',
  corrupt:
    'the file is damaged, or is no database. Restore it from a backup, or move it away: an empty one is then created.',
  full: 'there is no room left to write. Free space on the disk, or raise max_page_count, and prune expired sessions.',
  unopenable:
    'the file cannot be opened. Check that the path names a file, and that the server may read and write its folder.',
  shape: 'the table is missing or has another shape. Call migrate(), or choose another name with the option `table`.',
  closed: 'the database is closed. Close it after the server has answered its last request.',
  unknown: 'the call failed. See the cause.',
}
