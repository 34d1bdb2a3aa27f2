/**
 * What can be wrong with an SQL server, and what to do about it.
 *
 * How a fault shows, each engine says itself, and each of its drivers in its own way: by SQLSTATE, by number, by a name
 * of its own making, or only in words.
 *
 * @module
 */
import { SojournError, StoreError } from '../core/errors.ts'

/** What went wrong, by who must act. */
export type SqlFault =
  | 'taken'
  | 'conflict'
  | 'missing'
  | 'schema'
  | 'shape'
  | 'denied'
  | 'login'
  | 'readonly'
  | 'crowded'
  | 'away'
  | 'broken'
  | 'slow'
  | 'size'
  | 'full'
  | 'encoding'
  | 'closed'
  | 'unknown'

/** How a fault shows: in an error's code or its number, or in its message. */
export interface Sign {
  readonly fault: SqlFault
  readonly code: RegExp
  readonly text?: RegExp
}

/** An engine's way to say what is wrong. */
export interface Faults {
  /** Tells what a driver's error is about. */
  of(error: unknown): SqlFault
  /** Gives a driver's error as one of ours, with the remedy; one that is ours already is given back. */
  toStoreError(error: unknown, fault?: SqlFault): SojournError
}

/** Gives the faults of an engine, by its signs and with such remedies of its own as it has. */
export function faultsOf(engine: string, signs: readonly Sign[], own: Partial<Record<SqlFault, string>>): Faults {
  const remedies = { ...REMEDIES, ...own }
  const ofOne = ({ code, errno, message }: Partial<Record<'code' | 'errno' | 'message', unknown>>): SqlFault => {
    const shows = (sign: Sign): boolean | undefined =>
      sign.code.test(String(code)) || sign.code.test(String(errno)) || sign.text?.test(String(message))
    return signs.find(shows)?.fault ?? 'unknown'
  }
  const of = (error: unknown): SqlFault => {
    if (!(error instanceof Error)) return 'unknown'
    const fault = ofOne(error)
    if (fault !== 'unknown' && fault !== 'crowded') return fault
    // What lies deeper says more: a pool tells that it has no connection, and behind that why it got none.
    const deeper = of(error.cause)
    return deeper === 'unknown' ? fault : deeper
  }
  return {
    of,
    toStoreError(error, fault = of(error)) {
      if (error instanceof SojournError) return error
      return new StoreError(`${engine}: ${remedies[fault]}`, { cause: error, timeout: fault === 'slow' })
    },
  }
}

/**
 * Makes a way to send statements safe to use: an error is one of ours, and what is worth it is sent again.
 *
 * Of a statement that the engine gave up in favour of another (a deadlock, a serialisation failure) nothing was done.
 * One whose connection broke, as pooled connections do when a server restarts, may have been done, and doing it twice
 * does no harm: a create or a save that has been done finds its own mark.
 */
export function reliably<A extends unknown[], R>(send: (...args: A) => Promise<R>, faults: Faults) {
  return async (...args: A): Promise<R> => {
    for (let tries = 1; ; tries++) {
      try {
        return await send(...args)
      } catch (error) {
        if (tries >= (MAX_TRIES[faults.of(error)] ?? 1)) throw faults.toStoreError(error)
      }
      await pause(tries)
    }
  }
}

/** Creates tables that are missing; `examine` rejects unless those that are there will do. */
export async function createMissing(
  { examine, create }: Record<'examine' | 'create', () => Promise<unknown>>,
  faults: Faults,
): Promise<void> {
  try {
    // First: a user who may not create anything can start a program whose tables are there.
    await examine()
  } catch (error) {
    if (faults.of(error) !== 'missing') throw error
    await create()
    await examine()
  }
}

/** What network and sockets report of themselves, under every driver. */
export const NETWORK: readonly Sign[] = [
  { fault: 'away', code: /^E(CONNREFUSED|HOSTUNREACH|NETUNREACH|TIMEDOUT|AI_AGAIN|NOENT|NOTFOUND)$/ },
  { fault: 'broken', code: /^E(CONNRESET|CONNABORTED|PIPE)$/ },
]

/** How often a statement is sent at most: past more than one of a pool's connections that are broken already. */
const MAX_TRIES: Partial<Record<SqlFault, number>> = { conflict: 20, broken: 3 }

/** The longest pause (ms) before a statement is sent again. */
const MAX_PAUSE_MS = 50

const REMEDIES: Record<SqlFault, string> = {
  taken: 'there is such a row already. See the cause.',
  conflict: 'other transactions stood in the way again and again. Find what else locks these tables for long.',
  missing: 'the table is missing. Run store.migrate() once, or the SQL of migrationSql().',
  schema: 'the schema is missing. Create it, or choose another with the option `schema`.',
  shape:
    'the table has another shape. Give it the columns and keys of migrationSql(), or choose another name with the ' +
    'option `table`.',
  denied: 'the user may not do this. Grant it SELECT, INSERT, UPDATE and DELETE on both tables, and migrate() CREATE.',
  login: 'the server refused the login. Check user, password and database.',
  readonly: 'the server takes no writes. Connect to the primary, not to a replica.',
  crowded: 'no connection was free. Raise the limit of the pool or of the server, or end what holds connections.',
  away: 'the server cannot be reached. See that it is up and that its address is right.',
  broken: 'the connection broke. See that the server is up, and what closes connections between it and here.',
  slow: 'the server took too long and gave up. Find what keeps the rows locked, or raise its timeouts.',
  size: 'a value is larger than its column takes. Keep less in the session, or widen the column.',
  full: 'the server is out of room. Free space on its disk, and prune expired sessions.',
  encoding: 'the database cannot keep every character. Create it with the encoding UTF-8.',
  closed: 'the client is closed. Close it after the server has answered its last request.',
  unknown: 'the call failed. See the cause.',
}

async function pause(tries: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(2 ** tries, MAX_PAUSE_MS)))
}
