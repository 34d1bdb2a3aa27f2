/**
 * One store, several applications: principals under a namespace, so that one's `alice` is not another's.
 *
 * @module
 */
import { scopePrincipal, unscopePrincipal } from '../core/principal.ts'
import type { Store, StoreCall, StoredSession } from '../core/store.ts'

/** Gives the store as one namespace sees it; the very store when there is no namespace. */
export function scopeStore(store: Store, namespace: string): Store {
  if (namespace === '') return store
  const inward = (session: StoredSession): StoredSession => ({ ...session, principal: scope(session.principal) })
  const outward = (session: StoredSession): StoredSession => ({
    ...session,
    principal: unscopePrincipal(namespace, session.principal),
  })
  const scope = (principal: string | null): string | null =>
    principal === null ? null : scopePrincipal(namespace, principal)
  const scopeCall = (call: StoreCall): StoreCall =>
    typeof call.principalBefore === 'string' ? withPrincipal(call, scope(call.principalBefore)) : call
  const own = (principal: string | null): boolean =>
    principal === null || principal.startsWith(scopePrincipal(namespace, ''))

  const scoped: Store = {
    async load(id, call) {
      const session = await store.load(id, call)
      // Another namespace's session is none of ours; its token would not open it anyway.
      return session && own(session.principal) ? outward(session) : undefined
    },
    create: (id, session, call) => store.create(id, inward(session), scopeCall(call)),
    async save(id, session, ifVersion, call) {
      const saved = await store.save(id, inward(session), ifVersion, scopeCall(call))
      return typeof saved === 'string' ? saved : { conflict: outward(saved.conflict) }
    },
    touch: (id, expiresAt, call) => store.touch(id, expiresAt, call),
    remove: (id, call) => store.remove(id, scopeCall(call)),
  }
  const { list, removeAll, revokedAt, scan, prune, changes } = store
  if (list) {
    scoped.list = async function* (principal, call) {
      for await (const [id, session] of list.call(store, scopePrincipal(namespace, principal), call))
        yield [id, outward(session)]
    }
  }
  if (removeAll)
    scoped.removeAll = (principal, but, call) => removeAll.call(store, scopePrincipal(namespace, principal), but, call)
  if (revokedAt)
    scoped.revokedAt = (principal, call) => revokedAt.call(store, scopePrincipal(namespace, principal), call)
  if (scan) {
    scoped.scan = async function* (call) {
      for await (const [id, session] of scan.call(store, call)) if (own(session.principal)) yield [id, outward(session)]
    }
  }
  if (prune) scoped.prune = (limit, call) => prune.call(store, limit, call)
  if (changes) scoped.changes = (fn) => changes.call(store, fn)
  return scoped
}

// --- internal ---

/** A call's signal is made lazily, by a getter: a spread would have it made. */
function withPrincipal(call: StoreCall, principalBefore: string | null): StoreCall {
  return {
    now: call.now,
    principalBefore,
    get signal() {
      return call.signal!
    },
  }
}
