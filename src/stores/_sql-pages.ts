/**
 * Long work on an SQL store in short statements: listings page by page, and pruning batch by batch.
 *
 * No transaction outlives a page, rows may come and go in between, and the event loop turns.
 *
 * @module
 */
import type { Awaitable, StoreCall, StoredSession } from '../core/store.ts'
import { PAGE } from './_sql.ts'

/** A row of a listing. */
export interface Listed<Key> {
  /** The id as the database has it: the next page goes on after it. */
  readonly key: Key
  /** What the row holds, unless that cannot be read. */
  readonly entry: [id: string, session: StoredSession] | undefined
}

/** Gives the entries of a listing; `read` gives the page after a key, and a page that is not full is the last. */
export async function* pages<Key>(
  start: Key,
  read: (after: Key) => Awaitable<readonly Listed<Key>[]>,
): AsyncGenerator<[id: string, session: StoredSession]> {
  for (let after = start; ; await nextTurn()) {
    const rows = await read(after)
    for (const { entry } of rows) if (entry) yield entry
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    after = last.key
  }
}

/** Does work up to `limit` times, some at a time, until there is no more of it or the caller gives up; counts. */
export async function inBatches(
  limit: number,
  call: StoreCall,
  work: (share: number) => Awaitable<number>,
): Promise<number> {
  let total = 0
  while (total < limit && !call.signal?.aborted) {
    const share = Math.min(BATCH, limit - total)
    const done = await work(share)
    total += done
    if (done < share) break
    await nextTurn()
  }
  return total
}

/** How many rows are pruned at a time. */
const BATCH = 100

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
