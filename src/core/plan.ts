/**
 * The plan: what a finished request asks of the store. One pure decision, made before the first byte leaves.
 *
 * @module
 */

/** What a commit did, or is about to do. `dropped`: there was a change, and its session is no longer there. */
export type Plan = 'nothing' | 'touch' | 'create' | 'save' | 'remove' | 'dropped'

/** All that the decision depends on. */
export interface Situation {
  /** The session is in the store, as far as this request knows. */
  readonly stored: boolean
  /** The data differ from what is stored. */
  readonly changed: boolean
  /** The handler asked for a new token, or for other limits. */
  readonly asked: boolean
  /** Periodic rotation has a step to take. */
  readonly rotating: boolean
  /** The stored expiry lags behind far enough, or the handler asked. */
  readonly touchDue: boolean
}

/**
 * Decides what a request does to the store.
 *
 * Nothing is stored for a visitor of whom nothing is to be remembered; what is only read is only touched; and one
 * write does for everything else.
 */
export function decide(situation: Situation): Plan {
  const { stored, changed, asked, rotating, touchDue } = situation
  if (!stored && changed) return 'create'
  if (stored && (changed || asked || rotating)) return 'save'
  return stored && touchDue ? 'touch' : 'nothing'
}
