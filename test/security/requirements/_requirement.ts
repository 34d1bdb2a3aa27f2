/** A requirement of the catalogue, and how it is answered for. */

export type Severity = 'critical' | 'high' | 'medium' | 'low'

/**
 * A test, by its file under `test/` without `.test.ts`, and words that its full name has and its source as well. The
 * file `stores` stands for the cases of `sojourn/testing`, which run on every store.
 */
export type Proof = readonly [file: string, words: string]

export interface Requirement {
  readonly id: string
  readonly severity: Severity
  /** What must hold, in a few words of our own. */
  readonly title: string
  /** `otherwise`: the intent holds, by other means. `not-ours`: none of a session library's business. */
  readonly status: 'met' | 'otherwise' | 'not-ours' | 'later'
  /** Why it is not simply met. */
  readonly reason?: string
  readonly proofs: readonly Proof[]
}

type Maker = (id: string, severity: Severity, title: string, ...proofs: Proof[]) => Requirement
type Explained = (id: string, severity: Severity, title: string, reason: string, ...proofs: Proof[]) => Requirement

export const met: Maker = (id, severity, title, ...proofs) => ({ id, severity, title, status: 'met', proofs })
export const otherwise: Explained = explained('otherwise')
export const notOurs: Explained = explained('not-ours')
export const later: Explained = explained('later')

// --- internal ---

function explained(status: Requirement['status']): Explained {
  return (id, severity, title, reason, ...proofs) => ({ id, severity, title, status, reason, proofs })
}
