/**
 * The keeper: records in and out of the store, and the one loop that compares and swaps.
 *
 * @module
 */
import { ConflictError, UsageError } from '../core/errors.ts'
import type { Predecessor } from '../core/predecessor.ts'
import { bears, fromStored, type SessionRecord, toStored } from '../core/record.ts'
import type { Awaitable, Saved, Store, StoredSession } from '../core/store.ts'
import { type CallContext, type Calls, isPromise } from './calls.ts'
import type { Events } from './events.ts'

/** How a swap ended: with a record in the store, or with nothing to write onto. */
export type Swapped = { readonly record: SessionRecord } | 'gone' | 'superseded'

/** Gives the record to write over `current`; `superseded` when this writer no longer may. */
export type Propose = (current: SessionRecord) => SessionRecord | 'superseded'

/** How often a swap is tried, and the most that it waits between two tries. */
const MAX_TRIES = 100
const MAX_WAIT_MS = 50

/** How often a create draws another id: once would do. */
const CREATE_TRIES = 3

export class Keeper {
  readonly #store: Store
  readonly #calls: Calls
  readonly #events: Events
  readonly #from: Predecessor | undefined

  constructor(store: Store, calls: Calls, events: Events, from?: Predecessor) {
    this.#store = store
    this.#calls = calls
    this.#events = events
    this.#from = from
  }

  /** What the store can do beyond the five methods. @throws UsageError `ERR_SOJOURN_UNSUPPORTED` when it cannot */
  ability<K extends 'list' | 'removeAll' | 'scan'>(name: K): NonNullable<Store[K]> {
    const method = this.#store[name]
    if (!method)
      throw new UsageError(
        'ERR_SOJOURN_UNSUPPORTED',
        `This store cannot ${name}; use one that can, such as sqliteStore or redisStore`,
      )
    return method.bind(this.#store) as NonNullable<Store[K]>
  }

  load(id: string, signal?: AbortSignal): Awaitable<SessionRecord | undefined> {
    const stored = this.#calls.make('load', { id, signal }, (call) => this.#store.load(id, call))
    return isPromise(stored) ? stored.then((found) => this.read(id, found)) : this.read(id, stored)
  }

  /** Reads what a store gave; what is not ours is an event, and absent. */
  read(id: string, stored: StoredSession | undefined): SessionRecord | undefined {
    const record = stored && fromStored(id, stored)
    if (stored && !record) this.#events.emit('unreadable', { id, reason: 'record' })
    return record
  }

  /** What is kept of a principal's sessions. @throws UsageError `ERR_SOJOURN_UNSUPPORTED` when the store cannot list */
  async *list(principal: string): AsyncGenerator<SessionRecord> {
    const list = this.ability('list')
    for await (const [id, stored] of this.#calls.iterate('list', (call) => list(principal, call))) {
      const record = this.read(id, stored)
      if (record) yield record
    }
  }

  /** Keeps a new record, under another id should the first be taken. */
  async create(record: SessionRecord, otherId: () => string): Promise<SessionRecord> {
    for (let tries = 0, next = record; tries < CREATE_TRIES; tries++, next = { ...record, id: otherId() }) {
      const there = await this.insert(next)
      // Taken, perhaps by this very record: drivers send a command again when its answer was lost.
      if (there && bears(there.metadata, record.metadata.mark)) return there
    }
    throw new ConflictError(
      'ERR_SOJOURN_CONFLICT',
      'No free id was found for a new session; see that the random source is random',
    )
  }

  /** Keeps a new record, unless its id is taken; gives what is there then. */
  async insert(record: SessionRecord): Promise<SessionRecord | undefined> {
    const { id } = record
    const context = { id, principalBefore: null }
    const created = await this.#calls.make('create', context, (call) => this.#store.create(id, toStored(record), call))
    return created ? record : this.load(id)
  }

  /**
   * Writes over `start`, or over what others made of it, until one write holds.
   *
   * @param mark of this write: a conflict that shows it is this write's own success, sent twice by a driver
   * @throws ConflictError `ERR_SOJOURN_CONFLICT` after 100 tries, or at the first conflict when they are to be rejected
   */
  async swap(start: SessionRecord, mark: string, propose: Propose, onConflict: 'retry' | 'reject'): Promise<Swapped> {
    let current = start
    for (let tries = 1; ; tries++) {
      const next = propose(current)
      if (next === 'superseded') return next
      const saved = await this.#save(next, current)
      if (saved === 'saved') return { record: next }
      const theirs = saved === 'gone' ? undefined : this.read(current.id, saved.conflict)
      if (!theirs) return 'gone'
      if (bears(theirs.metadata, mark)) return { record: theirs }
      this.#events.emit('conflict', { id: current.id })
      if (onConflict === 'reject' || tries === MAX_TRIES) throw tooManyConflicts(onConflict)
      await pause(tries)
      // The first retry is made at once; after a pause, what was handed over is likely to be stale.
      current = tries === 1 ? theirs : ((await this.load(current.id)) ?? theirs)
    }
  }

  /**
   * Undoes a write whose token nobody has: what it was written over is there again, if that was nobody's session. A
   * principal's is not put back: all of theirs may have been revoked meanwhile.
   */
  async undo(written: SessionRecord, over: SessionRecord | undefined): Promise<void> {
    const { version, metadata } = written
    if (over?.principal === null) {
      // With the mark of the write, which is how a slow resend of it is still told from a write that was beaten.
      const before = { ...over, version: version + 1, metadata: { ...over.metadata, mark: metadata.mark } }
      if (typeof (await this.#save(before, written)) === 'string') return
    }
    await this.end(written)
  }

  touch(record: SessionRecord, expiresAt: number): Awaitable<boolean> {
    return this.#calls.make('touch', { id: record.id }, (call) => this.#store.touch(record.id, expiresAt, call))
  }

  /** Ends a session; before it, the old session that it came from, whose cookie would bring it back. */
  async end({ id, principal, metadata }: SessionRecord): Promise<void> {
    if (metadata.origin) await this.retire(metadata.origin.id)
    await this.remove(id, principal)
  }

  /** Ends a session of the predecessor, if there is one. */
  async retire(oldId: string): Promise<void> {
    await this.#calls.make('retire', {}, () => this.#from?.remove(oldId))
  }

  async remove(id: string, principalBefore: string | null): Promise<void> {
    await this.#calls.make('remove', { id, principalBefore }, (call) => this.#store.remove(id, call))
  }

  /** The principal's revocation mark; none in a store that cannot revoke by principal. */
  async revokedAt(principal: string): Promise<number | undefined> {
    const { revokedAt } = this.#store
    return revokedAt && this.#calls.make('revokedAt', {}, (call) => revokedAt.call(this.#store, principal, call))
  }

  #save(next: SessionRecord, current: SessionRecord): Awaitable<Saved> {
    const { id, version, principal } = current
    const context: CallContext = { id, principalBefore: principal }
    return this.#calls.make('save', context, (call) => this.#store.save(id, toStored(next), version, call))
  }
}

// --- internal ---

function tooManyConflicts(onConflict: 'retry' | 'reject'): ConflictError {
  return new ConflictError(
    'ERR_SOJOURN_CONFLICT',
    onConflict === 'reject'
      ? 'Another request changed this session meanwhile, and onConflict is "reject"; read it again and repeat the change'
      : `This session was changed by others ${MAX_TRIES} times in a row; keep such a counter elsewhere, or change it less often`,
  )
}

/** Full jitter: the first retry at once, later ones spread out ever wider. */
async function pause(tries: number): Promise<void> {
  if (tries === 1) return
  const most = Math.min(2 ** tries / 2, MAX_WAIT_MS)
  await new Promise((resolve) => setTimeout(resolve, Math.random() * most))
}
