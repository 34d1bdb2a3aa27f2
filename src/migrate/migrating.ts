/**
 * Two stores as one, while sessions move from one to the other.
 *
 * The new store is right: it is read first, and its compare-and-swap decides. What it lacks is brought over from the
 * old one when it is read. What is written goes into both, so that the way back stays open.
 *
 * **Bringing over.** Between a read of the old store and a write into the new one the session may end. So a copy is
 * kept as *pending* at first, under a version that nobody has seen; then the old store is read again; and only with the
 * session still there is the copy made a session, by a compare-and-swap on that very version. A pending copy is no
 * session to anybody, and who finds one does the same with it. Removals are made in the old store first: whoever reads
 * that again after a removal, finds nothing there.
 *
 * @module
 */
import { randomInt } from 'node:crypto'
import { ConfigError } from '../core/errors.ts'
import type { Saved, Store, StoreCall, StoredSession } from '../core/store.ts'
import { type Divergence, Divergences } from './_divergences.ts'
import { further } from './_both.ts'

export interface MigratingStoreOptions {
  /** Where the sessions are. */
  from: Store
  /** Where they are to be. */
  to: Store
  /** Hears of each write for which the old store did not have what the new one has. */
  onDivergence?: (kind: Divergence, id: string) => void
}

/** Two stores as one. It can do further what both can. */
export interface MigratingStore extends Store {
  load(id: string, call: StoreCall): Promise<StoredSession | undefined>
  create(id: string, session: StoredSession, call: StoreCall): Promise<boolean>
  save(id: string, session: StoredSession, ifVersion: number, call: StoreCall): Promise<Saved>
  touch(id: string, expiresAt: number, call: StoreCall): Promise<boolean>
  remove(id: string, call: StoreCall): Promise<void>
  /** What has been counted since the start of this process. */
  readonly counts: Readonly<MigrationCounts>
  /** Brings over every session that the old store still has alone; tells how many. Stores that scan have it. */
  backfill?(call?: Partial<StoreCall>): Promise<number>
}

export interface MigrationCounts extends Record<Divergence, number> {
  /** Sessions brought over. */
  backfilled: number
  /** Sessions that ended while they were being brought over. */
  undone: number
}

/**
 * Gives a store that reads the new one and falls back to the old one, and writes to both.
 *
 * @throws ConfigError when these are not two stores. Its methods fail when either store fails
 * @example
 * ```ts
 * const store = migratingStore({ from: sqliteStore({ path }), to: redisStore({ client }) })
 * const sessions = createSessions({ store })
 * ```
 */
export function migratingStore(options: MigratingStoreOptions): MigratingStore {
  check(options)
  const { from, to } = options
  const counts = new Divergences(options.onDivergence)

  /** What the old store has. A pending copy there is of a process that goes the other way, and no session either. */
  const original = async (id: string, call: StoreCall): Promise<StoredSession | undefined> => {
    const old = await from.load(id, call)
    return old && !isPending(old) ? old : undefined
  }

  /** Makes a session of a pending copy, if the old store still has what it is a copy of. */
  const settle = async (id: string, pending: StoredSession, call: StoreCall): Promise<StoredSession | undefined> => {
    const old = await original(id, call)
    if (!old) return undo(id, call)
    const saved = await to.save(id, old, pending.version, call)
    if (typeof saved === 'object') return isPending(saved.conflict) ? settle(id, saved.conflict, call) : saved.conflict
    if (saved === 'gone') return undefined
    counts.add('backfilled')
    return old
  }

  /** Its session has ended; or another has made one of it, which then is one. */
  const undo = async (id: string, call: StoreCall): Promise<StoredSession | undefined> => {
    const now = await to.load(id, call)
    if (!now || !isPending(now)) return now
    await to.remove(id, call)
    counts.add('undone')
    return undefined
  }

  const load = async (id: string, call: StoreCall): Promise<StoredSession | undefined> => {
    let there = await to.load(id, call)
    if (!there) {
      const old = await original(id, call)
      if (!old) return undefined
      const copy = pendingCopy(old)
      there = (await to.create(id, copy, call)) ? copy : await to.load(id, call)
    }
    return there && isPending(there) ? settle(id, there, call) : there
  }

  /** Brings the old store to what the new one has; never to something older, and never into being. */
  const mirror = async (id: string, session: StoredSession, ifVersion: number, call: StoreCall): Promise<void> => {
    let kept = await from.save(id, session, ifVersion, call)
    if (kept === 'gone') return counts.tell('missing', id)
    if (kept === 'saved') return
    const { version, body } = kept.conflict
    if (version < session.version) counts.tell('behind', id)
    if (version === session.version && body !== session.body) counts.tell('differing', id)
    while (typeof kept === 'object' && kept.conflict.version < session.version) {
      kept = await from.save(id, session, kept.conflict.version, call)
    }
  }

  const five = {
    load,

    /** In the old store first: there, too, the id must be free. */
    async create(id: string, session: StoredSession, call: StoreCall): Promise<boolean> {
      if (!(await from.create(id, session, call))) return false
      if (await to.create(id, session, call)) return true
      // Taken: by somebody who brought over what has just been created, or by a session that only the new one has.
      const there = await load(id, call)
      if (there?.version === session.version && there.body === session.body) return true
      await from.remove(id, call)
      return false
    },

    async save(id: string, session: StoredSession, ifVersion: number, call: StoreCall): Promise<Saved> {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const saved = await to.save(id, session, ifVersion, call)
        if (saved === 'saved') await mirror(id, session, ifVersion, call)
        if (saved === 'saved' || (saved !== 'gone' && !isPending(saved.conflict))) return saved
        if (!(await load(id, call))) break
      }
      return 'gone'
    },

    async touch(id: string, expiresAt: number, call: StoreCall): Promise<boolean> {
      const touched =
        (await to.touch(id, expiresAt, call)) ||
        ((await load(id, call)) !== undefined && (await to.touch(id, expiresAt, call)))
      if (touched) await from.touch(id, expiresAt, call)
      return touched
    },

    /**
     * In the old store first, so that nothing is brought over from there; and last, for what a process that is still
     * going the other way has brought there meanwhile.
     */
    async remove(id: string, call: StoreCall): Promise<void> {
      await from.remove(id, call)
      await to.remove(id, call)
      await from.remove(id, call)
    },
  }

  return { ...five, ...further({ from, to, load, isPending }), counts: counts.all }
}

// --- internal ---

/** How often a save looks again for a session that is said to be gone and is there. */
const MAX_TRIES = 5

/** How the body of a pending copy begins: as no record does. */
const PENDING = 'pending\n'

/** Versions that no session has come to, and that every engine can count. */
const [PENDING_FROM, PENDING_TO] = [2 ** 31, 2 ** 32 - 1]

function pendingCopy(session: StoredSession): StoredSession {
  return { ...session, version: randomInt(PENDING_FROM, PENDING_TO), body: `${PENDING}${session.body}` }
}

function isPending({ version, body }: StoredSession): boolean {
  return version >= PENDING_FROM && body.startsWith(PENDING)
}

function check({ from, to, onDivergence }: MigratingStoreOptions): void {
  for (const [name, store] of Object.entries({ from, to })) {
    const missing = (['load', 'create', 'save', 'touch', 'remove'] as const).find(
      (method) => typeof (store as Partial<Store> | undefined)?.[method] !== 'function',
    )
    if (missing !== undefined) {
      throw new ConfigError(`migratingStore: ${name} has no ${missing}(); give a store such as redisStore({ client })`)
    }
  }
  if (from === to) throw new ConfigError('migratingStore: from and to are the same store; give the old and the new one')
  if (onDivergence !== undefined && typeof onDivergence !== 'function') {
    throw new ConfigError('migratingStore: onDivergence must be a function; give one, or leave it out')
  }
}
