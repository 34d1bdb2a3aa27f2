/**
 * Cookies as the store: the data lie in the browser, sealed. Nothing to run, and nothing to look up.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import type { Revocations, SealedStore, Store, StoreCall, StoredSession } from '../core/store.ts'
import { sealer, type SealingKey } from './_seal.ts'

export type { SealingKey } from './_seal.ts'

/** What `cookieStore` takes. */
export interface CookieStoreOptions {
  /** The ring: the first key seals, all of them open. */
  keys: readonly SealingKey[]
  /** Where the ids of ended sessions are remembered until their cookies expire: any store. */
  revocations?: Store
  /** Gives the time for the revocations, ms since the epoch. For tests. */
  clock?: () => number
}

/** A cookie store that can end a session. */
export interface RevocableCookieStore extends SealedStore {
  readonly revoked: Revocations
}

/** A cookie store without memory: **logout cannot be final**, since a copied cookie goes on opening the session. */
export interface ReplayableCookieStore extends SealedStore {
  readonly revoked?: never
}

/**
 * Keeps sessions in their cookies, sealed with AES-256-GCM, bound to the manager's namespace and cookie name.
 *
 * What it cannot do follows from having no server side: parallel requests overwrite each other (the last cookie
 * stays), nothing can be listed, and without `revocations` a logout takes the cookie away but cannot end its copies.
 * Some 11 KB of sealed session fit; more is an error, never a cookie cut short.
 *
 * @throws ConfigError when the ring is empty or a key is weak
 * @example
 * ```ts
 * const sessions = createSessions({
 *   store: cookieStore({ keys: [{ id: '2026-11', secret: process.env.SESSION_KEY }], revocations: sqliteStore({ path }) }),
 * })
 * ```
 */
export function cookieStore(options: CookieStoreOptions & { revocations: Store }): RevocableCookieStore
export function cookieStore(options: CookieStoreOptions & { revocations?: undefined }): ReplayableCookieStore
export function cookieStore(options: CookieStoreOptions): SealedStore {
  const { keys, revocations, clock = Date.now }: Partial<CookieStoreOptions> = options ?? {}
  if (revocations !== undefined && typeof (revocations as Partial<Store> | null)?.create !== 'function') {
    throw new ConfigError(
      'revocations is no store; give one such as sqliteStore({ path }), or leave it out where a logout need not be final',
    )
  }
  const bind = (to: { namespace: string; cookie: string }): SealedStore => {
    const { seal, open } = sealer(keys, 'cookie', to.namespace, to.cookie)
    return {
      bind,
      seal: (id, { version, expiresAt, principal, body }) => seal([id, version, expiresAt, principal, body]),
      unseal(value) {
        const opened = open(value)
        return opened && [...sessionOf(opened.value), opened.stale]
      },
      ...(revocations && { revoked: revocationsIn(revocations, clock) }),
    }
  }
  return bind({ namespace: '', cookie: '' })
}

// --- internal ---

/** What was sealed under our purpose is of our own making. */
function sessionOf(value: unknown): [string, StoredSession] {
  const [id, version, expiresAt, principal, body] = value as [string, number, number, string | null, string]
  return [id, { version, expiresAt, principal, body }]
}

/** Ended sessions as sessions of a store: their ids, kept until their cookies would have expired. */
function revocationsIn(store: Store, clock: () => number): Revocations {
  const call = (): StoreCall => ({ now: clock() })
  const entry = (id: string): string => `revoked:${id}`
  return {
    has: async (id) => (await store.load(entry(id), call())) !== undefined,
    add: (id, until) =>
      store.create(entry(id), { version: 1, expiresAt: until, principal: null, body: 'revoked\n' }, call()),
  }
}
