/**
 * What is counted while sessions move.
 *
 * @module
 */
import type { MigrationCounts } from './migrating.ts'

/**
 * How the old store was found to differ at a write: `missing`, it had no such session; `behind`, it had an older one,
 * and has the newer one now; `differing`, it had as new a one with other data, and keeps it until the next write.
 */
export type Divergence = 'missing' | 'behind' | 'differing'

export class Divergences {
  readonly all: MigrationCounts = { backfilled: 0, undone: 0, missing: 0, behind: 0, differing: 0 }
  readonly #listener: ((kind: Divergence, id: string) => void) | undefined

  constructor(listener: ((kind: Divergence, id: string) => void) | undefined) {
    this.#listener = listener
  }

  add(what: keyof MigrationCounts): void {
    this.all[what]++
  }

  /** A listener that throws harms nobody but is heard of. */
  tell(kind: Divergence, id: string): void {
    this.add(kind)
    try {
      this.#listener?.(kind, id)
    } catch (error) {
      process.emitWarning(`onDivergence threw: ${String(error)}; mend it`, { code: 'SOJOURN_LISTENER' })
    }
  }
}
