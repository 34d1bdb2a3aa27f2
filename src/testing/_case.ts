/**
 * What a conformance case is.
 *
 * @module
 */

import { layOut, type StoreContext, type StoreNeed, type Workbench } from './_workbench.ts'

/** One case of the store contract, for any test runner. */
export interface StoreCase {
  /** A sentence that is true of every sound store. */
  readonly name: string
  /** The rule of the contract that it proves; every failure repeats it. */
  readonly rule: string
  /** What the store, or the context, must be able to do further for the case to make sense. */
  readonly needs: readonly StoreNeed[]
  /** Resolves when the store keeps the rule; rejects with a {@link StoreCaseError} when it does not. */
  run(context: StoreContext): Promise<void>
}

/** A store broke a rule of the contract; the message says what it did instead, and repeats the rule. */
export class StoreCaseError extends Error {
  /** The rule that was broken. */
  readonly rule: string

  constructor(rule: string, cause: unknown) {
    super(`${cause instanceof Error ? cause.message : String(cause)}\nThe rule: ${rule}`, { cause })
    this.rule = rule
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'StoreCaseError', configurable: true, writable: true })
  }
}

/** A case as it is written down. */
interface Definition<F extends StoreNeed> {
  name: string
  rule: string
  needs?: readonly F[]
  run(bench: Workbench<F>): Promise<void>
}

/** Makes a case of its definition: lays the workbench out, and puts the rule into the message of a failure. */
export function storeCase<F extends StoreNeed = never>({ name, rule, needs = [], run }: Definition<F>): StoreCase {
  return {
    name,
    rule,
    needs,
    async run(context) {
      try {
        await run(await layOut(context, needs))
      } catch (error) {
        throw new StoreCaseError(rule, error)
      }
    },
  }
}
