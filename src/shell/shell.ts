/**
 * What every part of one manager has at hand.
 *
 * @module
 */
import { endsAt } from '../core/expiry.ts'
import type { Config } from '../core/options.ts'
import type { SessionRecord } from '../core/record.ts'
import type { Random } from '../core/token.ts'
import type { SealedStore } from '../core/store.ts'
import type { Calls } from './calls.ts'
import type { Events } from './events.ts'
import type { Keeper } from './keeper.ts'
import type { Queue } from './queue.ts'

export interface Shell {
  readonly config: Config
  readonly clock: () => number
  readonly random: Random
  /** Draws the mark of a write. */
  readonly drawMark: () => string
  readonly events: Events
  readonly calls: Calls
  readonly keeper: Keeper
  readonly queue: Queue
  /** Where the data lie, when that is the cookie itself: each write then needs a cookie. */
  readonly sealed: SealedStore | undefined
  /** Hashes a token's secret as the records hold it. */
  readonly hash: (secret: string) => string
  /** Says once, per manager and reason, that the configuration is weaker than it looks. */
  readonly warnOnce: (reason: string, message: string) => void
}

/** Whether a session that was found in the store has not come to its end by itself. */
export function isAlive({ clock, config }: Shell, record: SessionRecord): boolean {
  return clock() < endsAt(record, config.limits)
}
