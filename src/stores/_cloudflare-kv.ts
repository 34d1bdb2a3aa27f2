/**
 * Sessions in Workers KV, which cannot compare and swap and answers with what it knew up to a minute ago.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import { BROOM_DELAY_MS } from '../core/store.ts'
import type { Saved, Store, StoreCall, StoredSession } from '../core/store.ts'
import { explained } from './_cloudflare-faults.ts'

/** The part of a KV namespace's binding that the store calls. */
export interface KvNamespace {
  get(key: string, type: 'json'): Promise<unknown>
  put(key: string, value: string, options: { expiration: number }): Promise<void>
  delete(key: string): Promise<void>
}

export interface WorkersKvStoreOptions {
  /** The namespace's binding, `env.SESSIONS`. */
  namespace: KvNamespace
  /** Put before every key. Default `sojourn:`. */
  prefix?: string
}

/**
 * A store that promises less: **P1, P2 and P4 do not hold on it.** For up to a minute another location may go on
 * answering with a session that has ended, or with the anonymous one of before a sign-in, and of two writes at once one
 * is lost. It can neither list nor revoke by principal.
 */
export interface WorkersKvStore extends Store {
  readonly consistency: 'eventual'
  readonly list?: never
  readonly removeAll?: never
  readonly revokedAt?: never
}

/**
 * Keeps sessions in Workers KV. For what may be a minute old, a shopping basket say; for sign-ins use
 * `durableObjectStore` or `d1Store`.
 *
 * @throws ConfigError when this is no KV namespace
 */
export function workersKvStore({ namespace, prefix = 'sojourn:' }: WorkersKvStoreOptions): WorkersKvStore {
  if (typeof namespace?.get !== 'function' || typeof namespace.put !== 'function') {
    throw new ConfigError(
      'workersKvStore needs the binding of a KV namespace; give env.SESSIONS, as wrangler.toml names it',
    )
  }
  const keyOf = (id: string): string => prefix + id
  const load = async (id: string, { now }: StoreCall): Promise<StoredSession | undefined> => {
    const session = toSession(await namespace.get(keyOf(id), 'json'))
    return session && session.expiresAt > now ? session : undefined
  }
  const put = (id: string, session: StoredSession, { now }: StoreCall): Promise<void> => {
    const { version, expiresAt, principal, body } = session
    // KV takes an expiry of a minute at least, in whole seconds.
    const expiration = Math.ceil(Math.max(expiresAt + BROOM_DELAY_MS, now + BROOM_DELAY_MS) / 1000)
    return explained(namespace.put(keyOf(id), JSON.stringify([version, expiresAt, principal, body]), { expiration }))
  }

  return {
    consistency: 'eventual',
    load,
    async create(id, session, call) {
      if (await load(id, call)) return false
      await put(id, session, call)
      return true
    },
    // Looks, then writes: another may write in between, and only who looks in time learns of it.
    async save(id, session, ifVersion, call): Promise<Saved> {
      const there = await load(id, call)
      if (!there) return 'gone'
      if (there.version !== ifVersion) return { conflict: there }
      await put(id, session, call)
      return 'saved'
    },
    async touch(id, expiresAt, call) {
      const there = await load(id, call)
      if (there && expiresAt > there.expiresAt) await put(id, { ...there, expiresAt }, call)
      return there !== undefined
    },
    async remove(id) {
      await namespace.delete(keyOf(id))
    },
  }
}

// --- internal ---

function toSession(value: unknown): StoredSession | undefined {
  if (!Array.isArray(value)) return undefined
  const [version, expiresAt, principal, body] = value as unknown[]
  const readable = Number.isSafeInteger(version) && Number.isSafeInteger(expiresAt) && typeof body === 'string'
  if (!readable || (principal !== null && typeof principal !== 'string')) return undefined
  return { version: version as number, expiresAt: expiresAt as number, principal, body }
}
