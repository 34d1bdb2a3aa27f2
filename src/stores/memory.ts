/**
 * Sessions in this process's own memory: the store for one process, for development and for tests.
 *
 * Bounded, so that a flood of visitors cannot end the process; compact, so that a million sessions fit; and it gives
 * memory back by itself. Every answer is synchronous: a request waits for nothing.
 *
 * @module
 */

import { ConfigError, UsageError } from '../core/errors.ts'
import { REVOCATION_MARK_MS } from '../core/store.ts'
import type { Saved, Store, StoreCall, StoredSession } from '../core/store.ts'
import { ANONYMOUS, NOWHERE, SIGNED_IN } from './_memory-slots.ts'
import type { Ref } from './_memory-slots.ts'
import { Sweeper } from './_memory-sweeper.ts'
import { SessionTable } from './_memory-table.ts'
import type { Shape } from './_memory-table.ts'

/** The bounds of a memory store. */
export interface MemoryStoreOptions {
  /** How many sessions are kept at most. Default 2,000,000. */
  maxEntries?: number
  /** How many bytes their records may take; the index adds 8 for each. Default 1,073,741,824 (1 GiB). */
  maxBytes?: number
}

/** A store in memory. What {@link Store} allows to be a promise is a plain value here. */
export interface MemoryStore extends Store {
  load(id: string, call: StoreCall): StoredSession | undefined
  create(id: string, session: StoredSession, call: StoreCall): boolean
  save(id: string, session: StoredSession, ifVersion: number, call: StoreCall): Saved
  touch(id: string, expiresAt: number, call: StoreCall): boolean
  remove(id: string, call: StoreCall): void
  list(principal: string, call: StoreCall): AsyncGenerator<[id: string, session: StoredSession], void>
  removeAll(principal: string, but: { except?: string }, call: StoreCall): number
  revokedAt(principal: string, call: StoreCall): number | undefined
  scan(call: StoreCall): AsyncGenerator<[id: string, session: StoredSession], void>
  /**
   * Tells of each live session that had to go because the store was full, after it has gone. Only this store evicts.
   *
   * @returns the function that ends the telling
   */
  evictions(fn: Evicted): () => void
  /** How many sessions are kept, those included that expired a moment ago, and how many bytes they take. */
  readonly size: { readonly entries: number; readonly bytes: number }
}

/** Is told of an evicted session. */
export type Evicted = (id: string, principal: string | null) => void

/** How many sessions of a tier are looked at to find one to evict. Among as many or fewer, the choice is exact. */
const SAMPLE = 8
/** So many of them lie next to each other: to fetch memory from afar is what costs time. */
const NEIGHBOURS = 4

/** More principals than anybody revokes within an hour; the oldest marks go first. */
const MARKS_MAX = 100_000

/**
 * Keeps sessions in this process's memory.
 *
 * @throws ConfigError (`ERR_SOJOURN_CONFIG`) when a bound is not a whole number above 0
 *
 * `create` and `save` throw UsageError (`ERR_SOJOURN_TOO_LARGE`) for a session that is larger than `maxBytes` alone.
 * A full store is no error: it evicts what has expired, then sessions without a principal, then others.
 *
 * @example
 * ```ts
 * const sessions = createSessions({ store: memoryStore({ maxEntries: 100_000 }) })
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const maxEntries = bound('maxEntries', options.maxEntries ?? 2_000_000)
  const maxBytes = bound('maxBytes', options.maxBytes ?? 2 ** 30)
  const table = new SessionTable()
  const sweeper = new Sweeper(table)
  const marks = new Map<string, number>()
  const listeners = new Set<Evicted>()

  /** Gives where a session lies, if it has not expired. */
  function find(id: string, { now }: StoreCall): Ref {
    sweeper.hear(now)
    const ref = table.find(id)
    return ref !== NOWHERE && table.expiresAt(ref) > now ? ref : NOWHERE
  }

  /** Adds a session whose id is not there, evicting others if it must. */
  function put(id: string, session: StoredSession, shape: Shape, now: number): void {
    const evicted: [id: string, principal: string | null][] = []
    while (table.entries >= maxEntries || table.bytes + shape.slotBytes > maxBytes) {
      const ref = victim(table, now)
      if (listeners.size > 0 && table.expiresAt(ref) > now) evicted.push([table.id(ref), table.principal(ref)])
      table.remove(ref)
    }
    table.insert(id, session, shape)
    sweeper.schedule()
    // Last of all: a listener may call the store.
    for (const [id, principal] of evicted) for (const fn of listeners) fn(id, principal)
  }

  /** Describes a session's record, unless it could never fit. */
  function shapeOf(id: string, session: StoredSession): Shape {
    const shape = table.shape(id, session)
    if (shape.slotBytes <= maxBytes) return shape
    throw new UsageError(
      'ERR_SOJOURN_TOO_LARGE',
      `This session takes ${shape.slotBytes} bytes and memoryStore() may hold ${maxBytes}. Keep less in it, or raise \`maxBytes\`.`,
    )
  }

  function mark(principal: string, now: number): void {
    const at = Math.max(now, marks.get(principal) ?? now)
    // Deleted first, so that it moves to the end: the oldest stand in front.
    marks.delete(principal)
    marks.set(principal, at)
    for (const [principal, at] of marks) {
      if (isKept(at, now) && marks.size <= MARKS_MAX) break
      marks.delete(principal)
    }
  }

  const store: MemoryStore = {
    load(id, call) {
      const ref = find(id, call)
      return ref === NOWHERE ? undefined : table.read(ref)
    },

    create(id, session, call) {
      if (find(id, call) !== NOWHERE) return false
      const shape = shapeOf(id, session)
      store.remove(id, call)
      put(id, session, shape, call.now)
      return true
    },

    save(id, session, ifVersion, call) {
      const ref = find(id, call)
      if (ref === NOWHERE) return 'gone'
      if (table.version(ref) !== ifVersion) return { conflict: table.read(ref) }
      const shape = shapeOf(id, session)
      if (table.overwrite(ref, session, shape)) return 'saved'
      // Taken out before room is made, so that it cannot be evicted itself.
      table.remove(ref)
      put(id, session, shape, call.now)
      return 'saved'
    },

    touch(id, expiresAt, call) {
      const ref = find(id, call)
      if (ref === NOWHERE) return false
      if (expiresAt > table.expiresAt(ref)) table.setExpiresAt(ref, expiresAt)
      return true
    },

    remove(id) {
      const ref = table.find(id)
      if (ref !== NOWHERE) table.remove(ref)
    },

    async *list(principal, call) {
      for (const id of table.idsOf(principal)) {
        const session = store.load(id, call)
        if (session?.principal === principal) yield [id, session]
      }
    },

    removeAll(principal, { except }, call) {
      mark(principal, call.now)
      let removed = 0
      for (const id of table.idsOf(principal)) {
        if (id === except) continue
        if (find(id, call) !== NOWHERE) removed++
        store.remove(id, call)
      }
      return removed
    },

    revokedAt(principal, { now }) {
      const at = marks.get(principal)
      return at !== undefined && isKept(at, now) ? at : undefined
    },

    async *scan(call) {
      for (const ids of table.ids()) {
        for (const id of ids) {
          const session = store.load(id, call)
          if (session) yield [id, session]
        }
      }
    },

    evictions(fn) {
      listeners.add(fn)
      return () => void listeners.delete(fn)
    },

    get size() {
      return { entries: table.entries, bytes: table.bytes }
    },
  }
  return store
}

/** Chooses whom to evict: the expired before the anonymous before the signed-in, and the soonest to expire of these. */
function victim(table: SessionTable, now: number): Ref {
  let found = NOWHERE
  let least = 0
  for (const tier of [ANONYMOUS, SIGNED_IN] as const) {
    const count = table.count(tier)
    let place = -1
    for (let i = 0; i < Math.min(count, SAMPLE); i++) {
      const jump = count > SAMPLE && i % NEIGHBOURS === 0
      place = jump ? Math.floor(Math.random() * count) : (place + 1) % count
      const ref = table.nth(tier, place)
      const expiresAt = table.expiresAt(ref)
      const rank = expiresAt <= now ? 0 : expiresAt + tier * Number.MAX_SAFE_INTEGER
      if (found !== NOWHERE && rank >= least) continue
      found = ref
      least = rank
    }
  }
  return found
}

/** Whether a revocation mark is still to be known. */
function isKept(markedAt: number, now: number): boolean {
  return now < markedAt + REVOCATION_MARK_MS
}

function bound(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new ConfigError(`memoryStore: \`${name}\` is ${String(value)}. Give a whole number above 0, or leave it out.`)
}
