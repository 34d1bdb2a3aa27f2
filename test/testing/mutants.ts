/** Every mutant: a store with one bug, named after it, and the cases that must find it. */
import type { Mutant } from './mutants/_mutant.ts'
import { aloneMutants } from './mutants/alone.ts'
import { expiryMutants } from './mutants/expiry.ts'
import { managerMutants } from './mutants/manager.ts'
import { principalMutants } from './mutants/principals.ts'
import { raceMutants } from './mutants/races.ts'
import { restMutants } from './mutants/rest.ts'
import { revocationMutants } from './mutants/revocation.ts'
import { textMutants } from './mutants/text.ts'
import { verbMutants } from './mutants/verbs.ts'

export const mutants: readonly Mutant[] = [
  ...verbMutants,
  ...textMutants,
  ...expiryMutants,
  ...raceMutants,
  ...principalMutants,
  ...revocationMutants,
  ...restMutants,
  ...managerMutants,
  ...aloneMutants,
]
