/**
 * The store contract over an SQL server that is reached through a pool.
 *
 * Each statement is a transaction of its own, so it does not matter over which connection it goes, nor whether a proxy
 * hands the server's connections from client to client.
 *
 * @module
 */
import { BROOM_DELAY_MS, REVOCATION_MARK_MS } from '../core/store.ts'
import type { Store, StoreCall, StoredSession } from '../core/store.ts'
import { fromText, toColumns, toInteger, toSession, toText } from './_sql.ts'
import type { SqlStatements, SqlValue } from './_sql.ts'
import { inBatches, pages } from './_sql-pages.ts'
import type { Listed } from './_sql-pages.ts'

/** A value on its way to a server: also a key just as the server gave it. */
export type Value = SqlValue | Uint8Array

/** Columns in the order in which the statement names them; texts as strings, unless they are none. */
export type Row = readonly unknown[]

/** A way to a server, one statement at a time. What fails rejects with a StoreError. */
export interface SqlServer {
  /** Runs a statement that changes rows, and tells how many. */
  run(sql: string, values: readonly Value[]): Promise<number>
  /** Runs a statement that gives rows. */
  rows(sql: string, values: readonly Value[]): Promise<readonly Row[]>
}

/** What an SQL server can do: the whole contract, but for telling of changes. Every answer is a promise. */
export interface SqlMethods extends Required<Omit<Store, 'changes'>> {
  load(id: string, call: StoreCall): Promise<StoredSession | undefined>
  create(id: string, session: StoredSession, call: StoreCall): Promise<boolean>
  touch(id: string, expiresAt: number, call: StoreCall): Promise<boolean>
  prune(limit: number, call: StoreCall): Promise<number>
}

/** Gives the methods of a store on a server. */
export function sqlMethods({ run, rows }: SqlServer, sql: SqlStatements): SqlMethods {
  const load = async (id: string, { now }: StoreCall): Promise<StoredSession | undefined> => {
    const [row] = await rows(sql.load, [toText(id), now])
    return row && sessionOf(row)
  }

  return {
    load,

    async create(id, session, { now }) {
      return (await run(sql.create, [toText(id), ...toColumns(session), now])) > 0
    },

    async save(id, session, ifVersion, call) {
      if ((await run(sql.save, [...toColumns(session), toText(id), ifVersion, call.now])) > 0) return 'saved'
      // A second statement, since the first one's snapshot is older than the change that it was beaten by.
      const conflict = await load(id, call)
      return conflict ? { conflict } : 'gone'
    },

    async touch(id, expiresAt, { now }) {
      return (await run(sql.touch, [expiresAt, toText(id), now])) > 0
    },

    async remove(id) {
      await run(sql.remove, [toText(id)])
    },

    list: (principal, { now }) =>
      pages<Value>('', async (after) => (await rows(sql.list, [toText(principal), after, now])).map(listed)),

    async removeAll(principal, { except = '' }, { now }) {
      const [owner, spared] = [toText(principal), toText(except)]
      // In statements of their own: a sign-in that the second one does not see yet must see the first.
      await run(sql.mark, [owner, now])
      const ended = await run(sql.removeAll, [owner, spared, now])
      // What has expired goes too: by a clock that is behind this one it may still live.
      await run(sql.removeAll, [owner, spared, Number.MIN_SAFE_INTEGER])
      return ended
    },

    async revokedAt(principal, { now }) {
      const [row] = await rows(sql.revokedAt, [toText(principal), now - REVOCATION_MARK_MS])
      return toInteger(row?.[0])
    },

    scan: ({ now }) => pages<Value>('', async (after) => (await rows(sql.scan, [after, now])).map(listed)),

    async prune(limit, call) {
      const marksUntil = call.now - REVOCATION_MARK_MS - BROOM_DELAY_MS
      await inBatches(limit, call, (share) => run(sql.pruneMarks, [marksUntil, share]))
      return inBatches(limit, call, (share) => run(sql.prune, [call.now - BROOM_DELAY_MS, share]))
    },
  }
}

function sessionOf([version, expires_at, principal, body]: Row): StoredSession | undefined {
  return toSession({ version, expires_at, principal, body })
}

function listed([key, ...columns]: Row): Listed<Value> {
  const [id, session] = [fromText(key), sessionOf(columns)]
  return { key: key as Value, entry: id !== undefined && session ? [id, session] : undefined }
}
