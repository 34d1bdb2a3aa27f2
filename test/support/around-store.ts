/** A store with something around each of its calls; it can do what the store inside can do, and no more. */
import type { Store, StoredSession } from '../../src/core/store.ts'

/** The calls that give a value or a promise. */
export type Call = 'load' | 'create' | 'save' | 'touch' | 'remove' | 'removeAll' | 'revokedAt' | 'prune'

/** The calls that give one thing after another. */
export type Listing = 'list' | 'scan'

type Rows = AsyncIterable<[id: string, session: StoredSession]>

export interface Around {
  /** Makes one call: `work` makes it on the store inside. */
  call(made: { readonly method: Call; readonly args: readonly unknown[] }, work: () => unknown): unknown
  listing(made: { readonly method: Listing; readonly args: readonly unknown[] }, work: () => Rows): Rows
}

const CALLS: readonly Call[] = ['load', 'create', 'save', 'touch', 'remove', 'removeAll', 'revokedAt', 'prune']
const LISTINGS: readonly Listing[] = ['list', 'scan']

export function aroundStore(store: Store, around: Around): Store {
  const outer: Partial<Record<keyof Store, unknown>> = {}
  for (const method of CALLS) {
    const inner = store[method] as ((...args: unknown[]) => unknown) | undefined
    if (inner) {
      outer[method] = (...args: unknown[]) => around.call({ method, args }, () => inner.apply(store, args))
    }
  }
  for (const method of LISTINGS) {
    const inner = store[method] as ((...args: unknown[]) => Rows) | undefined
    if (inner) {
      outer[method] = (...args: unknown[]) => around.listing({ method, args }, () => inner.apply(store, args))
    }
  }
  if (store.changes) outer.changes = store.changes.bind(store)
  return outer as unknown as Store
}
