/**
 * `sojourn/testing`: what proves a store, and what makes tests of an application steady. Needs no test runner.
 *
 * @module
 */

export { fakeClock, type FakeClock } from './clock.ts'
export { casesFor, storeCases } from './store-cases.ts'
export { StoreCaseError, type StoreCase } from './_case.ts'
export type { StoreContext, StoreFeature, StoreLimits, StoreNeed } from './_workbench.ts'
