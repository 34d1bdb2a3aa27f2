/**
 * The conformance cases of the store contract, in the order of the contract.
 *
 * Each is a plain function over a handle on the store: no test runner, no sleeping. The cases use
 * fresh ids and principals, so they may share one database and run side by side.
 *
 * @module
 */

import type { Store } from '../core/store.ts'
import type { StoreCase } from './_case.ts'
import { has, type StoreContext } from './_workbench.ts'
import { abortCases } from './cases/abort.ts'
import { changesCases } from './cases/changes.ts'
import { contractCases } from './cases/contract.ts'
import { endingCases } from './cases/endings.ts'
import { expiryCases } from './cases/expiry.ts'
import { managerCases } from './cases/manager.ts'
import { principalCases } from './cases/principals.ts'
import { raceCases } from './cases/races.ts'
import { revocationCases } from './cases/revocation.ts'
import { textCases } from './cases/text.ts'
import { upkeepCases } from './cases/upkeep.ts'

/** Every case. One whose `needs` a store does not meet fails on it and says so. */
export const storeCases: readonly StoreCase[] = [
  ...contractCases,
  ...textCases,
  ...expiryCases,
  ...raceCases,
  ...principalCases,
  ...revocationCases,
  ...upkeepCases,
  ...abortCases,
  ...changesCases,
  ...managerCases,
  ...endingCases,
]

/**
 * Gives the cases whose `needs` a store meets, and the context where that is given.
 *
 * @example
 * ```ts
 * const store = myStore({ client })
 * for (const c of casesFor(store)) it(c.name, () => c.run({ open: () => myStore({ client }) }))
 * ```
 */
export function casesFor(store: Store, context?: Pick<StoreContext, 'dying'>): readonly StoreCase[] {
  return storeCases.filter((c) =>
    c.needs.every((need) => (need === 'dying' ? context?.dying !== undefined : has(store, need))),
  )
}
