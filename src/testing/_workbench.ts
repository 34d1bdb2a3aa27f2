/**
 * What a case works with: handles on the store under test, instants, and fresh ids.
 *
 * @module
 */

import type { Awaitable, Store, StoreCall, StoredSession } from '../core/store.ts'
import { ok, same } from './_check.ts'

/** What a store can do further; a store that lacks one leaves out the cases that need it. */
export type StoreFeature = 'list' | 'removeAll' | 'revokedAt' | 'scan' | 'prune' | 'changes' | 'close'

/** What a case may need: a feature of the store, or that the context can let a process die. */
export type StoreNeed = StoreFeature | 'dying'

/** How the cases reach the store under test. */
export interface StoreContext {
  /**
   * Gives a handle on the store. A second call gives a second handle on the **same data**, as another process would
   * have; where the engine allows only one (in memory), the same handle again.
   */
  open(): Awaitable<Store>
  /**
   * Gives a handle on the same data, of a process that dies: its client sends so many commands and no more, and the
   * last of them is never answered. For engines on which one operation takes several commands.
   */
  dying?(commands: number): Awaitable<Store>
  /**
   * The instant (ms since the epoch) around which the case takes place. Default: now, so that `prune` touches nobody
   * else's live sessions and an engine's own expiry is held to its delay.
   */
  now?: number
  /** The engine's limits, where they are not the usual ones. */
  limits?: StoreLimits
}

/** The limits of an engine. Instants have none: expiry is exact to the millisecond. */
export interface StoreLimits {
  /** The longest body in bytes of UTF-8. Default 69,632: the 64 KiB of data that a session may have, and metadata. */
  maxBodyBytes?: number
  /** How long (ms) the cases wait for `changes` to tell before they give up. Default 10,000. */
  patienceMs?: number
}

/** What a handle may have beside the contract: some are to be closed by who opened them. */
interface Closable {
  close?(): Awaitable<void>
}

/** A store that surely has the features `F`. */
export type StoreWith<F extends StoreNeed> = Store & Required<Pick<Store & Closable, Exclude<F, 'dying'>>>

/** What a case works with. */
export interface Workbench<F extends StoreNeed = never> {
  readonly store: StoreWith<F>
  /** The instant around which the case takes place; `at(0)` is a call at that instant. */
  readonly start: number
  readonly limits: Required<StoreLimits>
  /** Gives a second handle on the same data. */
  another(): Promise<StoreWith<F>>
  /** Gives a handle on the same data that ends after so many commands. */
  dying(commands: number): Promise<StoreWith<F>>
  /** Gives what comes with a call `afterMs` after the start. */
  at(afterMs: number, more?: Omit<StoreCall, 'now'>): StoreCall
  /** Lets as much time pass as one read of this store takes. */
  tick(): Promise<void>
  /** Gives an id that nobody has used. */
  newId(): string
  /** Gives a principal that nobody has used. */
  newPrincipal(): string
  /** Gives a session as it is at create: anonymous, and live for an hour from the start. */
  session(fields?: Partial<StoredSession>): StoredSession
  /** Creates such a session at the start, under a new id. */
  keep(fields?: Partial<StoredSession>): Promise<[id: string, session: StoredSession]>
}

export const MINUTE = 60_000
export const HOUR: number = 60 * MINUTE
export const DAY: number = 24 * HOUR

/** Gives the session as the next save keeps it. */
export function next(session: StoredSession, fields: Partial<StoredSession> = {}): StoredSession {
  return { ...session, version: session.version + 1, ...fields }
}

/** Gives the ids that a listing gives, sorted, each as often as it gives it. */
export async function idsOf(listing: AsyncIterable<[id: string, session: StoredSession]>): Promise<string[]> {
  const ids: string[] = []
  for await (const [id] of listing) ids.push(id)
  return ids.sort()
}

/** Opens the store under test and lays out what a case needs. */
export async function layOut<F extends StoreNeed>(context: StoreContext, needs: readonly F[]): Promise<Workbench<F>> {
  const open = async (): Promise<StoreWith<F>> => withFeatures(await context.open(), needs)
  const dying = async (commands: number): Promise<StoreWith<F>> => {
    ok(context.dying !== undefined, 'The context has no dying(). Leave this case out: run `casesFor(store, context)`.')
    return withFeatures(await context.dying(commands), needs)
  }
  const store = await open()
  const start = context.now ?? Date.now()
  const at = (afterMs: number, more?: Omit<StoreCall, 'now'>): StoreCall => ({ ...more, now: start + afterMs })
  const session = (fields?: Partial<StoredSession>): StoredSession => ({
    version: 1,
    expiresAt: start + HOUR,
    principal: null,
    body: '{"format":1}\n{"views":1}',
    ...fields,
  })
  const keep = async (fields?: Partial<StoredSession>): Promise<[string, StoredSession]> => {
    const id = newId()
    same(await store.create(id, session(fields), at(0)), true, 'create under a new id')
    return [id, session(fields)]
  }
  const another = async (): Promise<StoreWith<F>> => {
    const other = await open()
    const [id, kept] = await keep()
    same(await other.load(id, at(0)), kept, OTHER_DATA)
    return other
  }
  const nobody = newId()
  const tick = async (): Promise<void> => void (await store.load(nobody, at(0)))
  const limits = { maxBodyBytes: 69_632, patienceMs: 10_000, ...context.limits }
  return { store, start, limits, another, dying, at, tick, newId, newPrincipal, session, keep }
}

const OTHER_DATA =
  'What the second handle loads of a session that the first created (`open` must give handles on the same data; ' +
  'where the engine allows only one, let it give the same handle again)'

function withFeatures<F extends StoreNeed>(store: Store, needs: readonly F[]): StoreWith<F> {
  for (const need of needs) {
    ok(
      need === 'dying' || has(store, need),
      `The store has no ${need}(). Leave this case out: run \`casesFor(store)\`.`,
    )
  }
  return store as StoreWith<F>
}

/** Whether a store offers a feature. */
export function has(store: Store & Closable, feature: StoreFeature): boolean {
  return store[feature] !== undefined
}

/** 16 random bytes in base64url, as the ids of sessions are. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

function newPrincipal(): string {
  return `user-${newId()}`
}
