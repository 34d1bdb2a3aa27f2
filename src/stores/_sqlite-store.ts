/**
 * The store contract over one SQLite connection.
 *
 * Every method but `removeAll` is one statement, or a few that may be repeated, and answers at once where it can.
 *
 * @module
 */
import { BROOM_DELAY_MS, REVOCATION_MARK_MS } from '../core/store.ts'
import type { Awaitable, Saved, Store, StoreCall, StoredSession } from '../core/store.ts'
import { fromText, sqlSchema, sqlStatements, toColumns, toInteger, toSession, toText } from './_sql.ts'
import { sqliteDialect } from './_sqlite-dialect.ts'
import { inBatches, pages } from './_sql-pages.ts'
import type { Listed } from './_sql-pages.ts'
import { connect } from './_sqlite-driver.ts'
import type { SqliteDatabase } from './_sqlite-driver.ts'
import type { Lane } from './_sqlite-lane.ts'

/** What SQLite can do: the whole contract, but for telling of changes made by other processes. */
export type SqliteMethods = Required<Omit<Store, 'changes'>>

/** Creates the tables where they are missing, and finds out whether those that are there will do. */
export function createTables(database: SqliteDatabase, table: string): void {
  for (const statement of sqlSchema(sqliteDialect, table)) database.exec(statement)
  for (const statement of Object.values(sqlStatements(sqliteDialect, table))) database.prepare(statement)
}

/** Gives the methods of a store over the tables of that name. */
export function sqliteMethods(database: SqliteDatabase, table: string, lane: Lane): SqliteMethods {
  const { run, first, rows } = connect(database)
  const sql = sqlStatements(sqliteDialect, table)

  const load = (id: string, now: number): StoredSession | undefined => toSession(first(sql.load, toText(id), now))

  const save = (id: string, session: StoredSession, ifVersion: number, now: number): Saved => {
    if (run(sql.save, ...toColumns(session), toText(id), ifVersion, now) > 0) return 'saved'
    const conflict = load(id, now)
    return conflict ? { conflict } : 'gone'
  }

  const removeAll = (principal: string, except: string, now: number): number => {
    run(sql.mark, principal, now)
    const ended = run(sql.removeAll, principal, except, now)
    // What has expired goes too: by a clock that is behind this one it may still live.
    run(sql.removeAll, principal, except, Number.MIN_SAFE_INTEGER)
    return ended
  }

  const revokedAt = (principal: string, now: number): number | undefined => {
    const row = first(sql.revokedAt, principal, now - REVOCATION_MARK_MS) as { revoked_at: unknown } | undefined
    return toInteger(row?.revoked_at)
  }

  const prune = (limit: number, now: number): number => {
    run(sql.pruneMarks, now - REVOCATION_MARK_MS - BROOM_DELAY_MS, limit)
    return run(sql.prune, now - BROOM_DELAY_MS, limit)
  }

  const read = <R>(call: StoreCall, work: () => R): Awaitable<R> => lane.read(work, call)
  const write = <R>(call: StoreCall, work: () => R): Awaitable<R> => lane.write(work, call)

  return {
    load: (id, call) => read(call, () => load(id, call.now)),
    create: (id, session, call) => write(call, () => run(sql.create, toText(id), ...toColumns(session), call.now) > 0),
    save: (id, session, ifVersion, call) => write(call, () => save(id, session, ifVersion, call.now)),
    touch: (id, expiresAt, call) => write(call, () => run(sql.touch, expiresAt, toText(id), call.now) > 0),
    remove: (id, call) => write(call, () => void run(sql.remove, toText(id))),
    list: (principal, call) =>
      pages('', (after) => read(call, () => rows(sql.list, toText(principal), after, call.now).map(listed))),
    removeAll: (principal, { except }, call) =>
      lane.transact(() => removeAll(toText(principal), toText(except ?? ''), call.now), call),
    revokedAt: (principal, call) => read(call, () => revokedAt(toText(principal), call.now)),
    scan: (call) => pages('', (after) => read(call, () => rows(sql.scan, after, call.now).map(listed))),
    prune: (limit, call) => inBatches(limit, call, (share) => write(call, () => prune(share, call.now))),
  }
}

/** A row of a listing. */
function listed(row: unknown): Listed<string> {
  const { id: key } = row as { id: string }
  const [id, session] = [fromText(key), toSession(row)]
  return { key, entry: id !== undefined && session ? [id, session] : undefined }
}
