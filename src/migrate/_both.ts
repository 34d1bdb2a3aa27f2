/**
 * What two stores can do further as one.
 *
 * @module
 */
import type { Store, StoreCall, StoredSession } from '../core/store.ts'
import type { MigratingStore } from './migrating.ts'

export interface Both {
  readonly from: Store
  readonly to: Store
  /** Reads as the two are read together: what only the old one has is brought over. */
  readonly load: (id: string, call: StoreCall) => Promise<StoredSession | undefined>
  readonly isPending: (session: StoredSession) => boolean
}

type Further = Pick<MigratingStore, 'list' | 'removeAll' | 'revokedAt' | 'scan' | 'prune' | 'changes' | 'backfill'>
type Rows = AsyncIterable<[id: string, session: StoredSession]>

/** Gives the further methods: what must reach every session where both stores can, the rest where one can. */
export function further(both: Both): Further {
  const { from, to } = both
  return {
    ...(from.list && to.list && { list: (principal, call) => list(both, principal, call) }),
    ...(from.removeAll && to.removeAll && from.list && to.list && revoking(both)),
    ...(from.scan && to.scan && { scan: (call) => scan(both, call) }),
    ...(from.scan && { backfill: (call) => backfill(both, { now: Date.now(), ...call }) }),
    ...((from.prune ?? to.prune) && { prune: (limit, call) => prune([to, from], limit, call) }),
    ...(to.changes && { changes: (fn) => changes([to, from], fn) }),
  }
}

// --- internal ---

async function* list(both: Both, principal: string, call: StoreCall): AsyncGenerator<[string, StoredSession]> {
  const { from, to, load, isPending } = both
  const given = new Set<string>()
  for await (const [id, listed] of to.list!(principal, call)) {
    const session = isPending(listed) ? await load(id, call) : listed
    if (session?.principal !== principal) continue
    given.add(id)
    yield [id, session]
  }
  for await (const [id] of from.list!(principal, call)) {
    // Whose it is, the new store says: the old one may be behind.
    const session = given.has(id) ? undefined : await load(id, call)
    if (session?.principal === principal) yield [id, session]
  }
}

/**
 * In the old store first and last, as a removal is. There, too, each session goes that only the new one knows to be
 * the principal's.
 */
function revoking(both: Both): Pick<MigratingStore, 'removeAll' | 'revokedAt'> {
  const { from, to } = both
  const removeAll: MigratingStore['removeAll'] = async (principal, but, call) => {
    const ids: string[] = []
    for await (const [id] of list(both, principal, call)) if (id !== but.except) ids.push(id)
    await from.removeAll!(principal, but, call)
    for (const id of ids) await from.remove(id, call)
    const ended = await to.removeAll!(principal, but, call)
    await from.removeAll!(principal, but, call)
    return ended
  }
  if (!from.revokedAt || !to.revokedAt) return { removeAll }
  return {
    removeAll,
    async revokedAt(principal, call) {
      const marks = await Promise.all([from.revokedAt!(principal, call), to.revokedAt!(principal, call)])
      const known = marks.filter((mark) => mark !== undefined)
      return known.length === 0 ? undefined : Math.max(...known)
    },
  }
}

async function* scan(both: Both, call: StoreCall): AsyncGenerator<[string, StoredSession]> {
  const { from, to, load, isPending } = both
  for await (const [id, scanned] of to.scan!(call)) if (!isPending(scanned)) yield [id, scanned]
  for await (const [id] of missing(both, from.scan!(call), call)) {
    const session = await load(id, call)
    if (session) yield [id, session]
  }
}

async function backfill(both: Both, call: StoreCall): Promise<number> {
  let brought = 0
  for await (const [id] of missing(both, both.from.scan!(call), call)) if (await both.load(id, call)) brought++
  return brought
}

/** Those of the old store's sessions that are none in the new one yet. */
async function* missing({ to, isPending }: Both, rows: Rows, call: StoreCall): Rows {
  for await (const row of rows) {
    const there = await to.load(row[0], call)
    if (!there || isPending(there)) yield row
  }
}

async function prune(stores: readonly Store[], limit: number, call: StoreCall): Promise<number> {
  let pruned = 0
  for (const store of stores) if (store.prune && pruned < limit) pruned += await store.prune(limit - pruned, call)
  return pruned
}

function changes(stores: readonly Store[], fn: (id: string) => void): () => void {
  const ends = stores.map((store) => store.changes?.(fn))
  return () => {
    for (const end of ends) end?.()
  }
}
