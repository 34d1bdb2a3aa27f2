/**
 * The store contract: what Sojourn asks of a place that keeps sessions.
 *
 * Text in, text out: a store never looks into the data. Every instant is an integer of milliseconds since the Unix
 * epoch, absolute, and its name ends in `At`. Expiry is judged by {@link StoreCall.now}, the caller's clock; an
 * engine's own expiry is only a broom, set ten minutes later, so that a skewed clock ends nobody's session.
 *
 * There is no upsert: a write that finds its session gone must be able to say so, or a slow request would bring a
 * logged-out session back. `sojourn/testing` publishes the cases that hold a store to each rule written here.
 *
 * @module
 */

/** A value, or a promise of it: an in-process store may answer at once. */
export type Awaitable<V> = V | Promise<V>

/** What a store keeps under a session's id. */
export interface StoredSession {
  /** 1 at create, one more at each save. A touch leaves it alone. */
  version: number
  /** From this instant on (ms since the epoch) the session is absent to every method. */
  expiresAt: number
  /** Whose session it is, or `null`. Stores that can list keep an index of it, compared character by character. */
  principal: string | null
  /** Opaque text: one line of metadata, then the encoded data. */
  body: string
}

/** What comes with every call to a store. */
export interface StoreCall {
  /** Aborted when the caller no longer waits for the answer. */
  readonly signal?: AbortSignal
  /** The instant (ms since the epoch) at which the store judges expiry. */
  readonly now: number
  /** The principal that the caller last saw on this session: tells stores that index which entry to move. */
  readonly principalBefore?: string | null
}

/** What a save came to: kept; nothing there to save onto; or another version there, which is handed over. */
export type Saved = 'saved' | 'gone' | { conflict: StoredSession }

/**
 * A place that keeps sessions.
 *
 * A method throws (or rejects) only when the backend itself failed. Absent, expired and unreadable are answers.
 */
export interface Store {
  /** Gives the session kept under `id`; `undefined` when there is none, it has expired, or it cannot be read. */
  load(id: string, call: StoreCall): Awaitable<StoredSession | undefined>

  /** Keeps a new session. `false`, keeping nothing, when a session that has not expired holds the id. */
  create(id: string, session: StoredSession, call: StoreCall): Awaitable<boolean>

  /**
   * Replaces the session kept under `id`, if it is there with the version `ifVersion`: one atomic compare-and-swap.
   * `session.version` is `ifVersion + 1`.
   */
  save(id: string, session: StoredSession, ifVersion: number, call: StoreCall): Awaitable<Saved>

  /** Moves the expiry forward, never back, and changes nothing else. `false` when there is no such session. */
  touch(id: string, expiresAt: number, call: StoreCall): Awaitable<boolean>

  /** Ends the session. Ending one that is not there is no error. */
  remove(id: string, call: StoreCall): Awaitable<void>

  /** Gives every live session of a principal, in no particular order. */
  list?(principal: string, call: StoreCall): AsyncIterable<[id: string, session: StoredSession]>

  /**
   * Ends every session of a principal, but `except`, and tells how many it ended.
   *
   * First writes the principal's revocation mark (`call.now`, kept for {@link REVOCATION_MARK_MS}), then removes
   * what it lists. A sign-in indexes first and reads the mark last, so one of the two always sees the other.
   */
  removeAll?(principal: string, but: { except?: string }, call: StoreCall): Awaitable<number>

  /** Gives the principal's revocation mark: the `call.now` of the latest {@link removeAll}, while it is kept. */
  revokedAt?(principal: string, call: StoreCall): Awaitable<number | undefined>

  /** Gives every live session, for administration. Never on the way of a request. */
  scan?(call: StoreCall): AsyncIterable<[id: string, session: StoredSession]>

  /** Removes at most `limit` expired sessions and tells how many: for engines without an expiry of their own. */
  prune?(limit: number, call: StoreCall): Awaitable<number>

  /** Tells of saves and removals made elsewhere, by id. Gives the function that ends the telling. */
  changes?(fn: (id: string) => void): () => void
}

/**
 * Cookies as the store: the data lie in the cookie itself, sealed. Accepted wherever a {@link Store} is.
 *
 * Without `revoked`, logout cannot be final: a cookie that was copied before it goes on opening the session.
 */
export interface SealedStore {
  /** Gives the cookie's value. */
  seal(id: string, session: StoredSession): Awaitable<string>
  /**
   * Opens a cookie's value; `undefined` for all that this store did not seal. Hostile input is no error. `stale` when
   * it was sealed with a key that is to be retired: it is then sealed anew.
   */
  unseal(value: string): Awaitable<[id: string, session: StoredSession, stale?: boolean] | undefined>
  /** Remembers the ids of ended sessions until their cookies would have expired. */
  readonly revoked?: Revocations
  /** Gives this store bound to a manager's namespace and cookie: what it sealed for one, it opens for no other. */
  bind?(to: { readonly namespace: string; readonly cookie: string }): SealedStore
}

/** The ids of sessions that have ended before their cookies did. */
export interface Revocations {
  has(id: string): Awaitable<boolean>
  /**
   * Remembers an id until an instant, ms since the epoch. `false` when it was remembered already, told in the same
   * step: of two who replace one session's token at once, the other finds it gone. Without that answer both go on.
   */
  add(id: string, until: number): Awaitable<boolean | void>
}

/** How long a store keeps a revocation mark: longer than any sign-in can be under way. */
export const REVOCATION_MARK_MS: number = 3_600_000

/** How long after `expiresAt` an engine's own expiry may remove a session, and not before. */
export const BROOM_DELAY_MS: number = 600_000
