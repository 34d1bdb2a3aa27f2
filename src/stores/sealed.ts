/**
 * Any store with sealed bodies: who steals the database cannot read what is in the sessions.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import type { Store, StoredSession } from '../core/store.ts'
import { sealer, type SealingKey } from './_seal.ts'

export type { SealingKey } from './_seal.ts'

/** What `sealed` takes beside the store. */
export interface SealedOptions {
  /** The ring: the first key seals, all of them open. */
  keys: readonly SealingKey[]
}

/** A store with sealed bodies: what the store itself can, in its own time. */
export type SealedBodies<S extends Store> = Store & Omit<S, 'load' | 'create' | 'save'>

/**
 * Gives a store that keeps its bodies sealed with AES-256-GCM, each bound to its session's id.
 *
 * Ids, versions, expiry and principals stay readable: the engine needs them. What was sealed with an old key is
 * sealed with the first at its next save. A body that no key of the ring opens is absent: an anonymous request.
 *
 * @throws ConfigError when the ring is empty or a key is weak
 * @example
 * ```ts
 * const store = sealed(sqliteStore({ path }), { keys: [{ id: '2026-11', secret: process.env.SESSION_KEY }] })
 * ```
 */
export function sealed<S extends Store>(store: S, options: SealedOptions): SealedBodies<S> {
  if (typeof (store as Partial<Store> | undefined)?.load !== 'function') {
    throw new ConfigError(
      'sealed() needs the store that is to keep the bodies; give for example sealed(sqliteStore({ path }), { keys })',
    )
  }
  const { seal, open } = sealer((options as SealedOptions | undefined)?.keys, 'body')
  const inward = (id: string, session: StoredSession): StoredSession => ({ ...session, body: seal([id, session.body]) })
  const outward = (id: string, session: StoredSession | undefined): StoredSession | undefined => {
    const [owner, body] = (session && (open(session.body)?.value as [string, string] | undefined)) ?? []
    // Moved under another id, a body opens nothing.
    return session && owner === id && body !== undefined ? { ...session, body } : undefined
  }
  const entries = async function* (
    found: AsyncIterable<[string, StoredSession]>,
  ): AsyncGenerator<[string, StoredSession]> {
    for await (const [id, kept] of found) {
      const session = outward(id, kept)
      if (session) yield [id, session]
    }
  }

  const { list, scan } = store
  const methods: Partial<Store> = {
    load: async (id, call) => outward(id, await store.load(id, call)),
    create: (id, session, call) => store.create(id, inward(id, session), call),
    async save(id, session, ifVersion, call) {
      const saved = await store.save(id, inward(id, session), ifVersion, call)
      if (typeof saved === 'string') return saved
      const conflict = outward(id, saved.conflict)
      return conflict ? { conflict } : 'gone'
    },
    ...(list && { list: (principal, call) => entries(list.call(store, principal, call)) }),
    ...(scan && { scan: (call) => entries(scan.call(store, call)) }),
  }
  // Everything else is the store's own, called on the store itself.
  return new Proxy<object>(store, {
    get(target, name) {
      const method: unknown = methods[name as keyof Store] ?? Reflect.get(target, name, target)
      return typeof method === 'function' ? (method as () => unknown).bind(target) : method
    },
  }) as SealedBodies<S>
}
