/**
 * How many sessions a principal may have at once, and which of them are too many.
 *
 * Whoever signs in writes its session, then lists the principal's, and ends those that are too many. That needs no lock
 * and is exact, however many sign in at once. Never more remain: of all those sign-ins the one that lists last lists
 * after each of them was written, and sees whatever is left. Never fewer: the order is total, and fixed when a session
 * is written, so who comes among the first N of all comes among the first N of any part of them that somebody sees, and
 * is ended by nobody. (Who proves anew who they are moves to the newest; if somebody counts in that very moment, one
 * session may go that could have stayed.)
 *
 * @module
 */
import type { SessionRecord } from './record.ts'

/** Who has to go: of too many sessions those that signed in first, or those that signed in last. */
export type CrowdPolicy = 'evict' | 'refuse'

/** Gives those of a principal's sessions that are beyond the first `most`: the oldest by `evict`, the newest by `refuse`. */
export function tooMany(sessions: readonly SessionRecord[], most: number, policy: CrowdPolicy): SessionRecord[] {
  const order = policy === 'refuse' ? 1 : -1
  return sessions.toSorted((one, other) => order * bySignIn(one, other)).slice(most)
}

// --- internal ---

/** By the instant of the sign-in, and in one and the same instant by id: so that nobody is level with another. */
function bySignIn(one: SessionRecord, other: SessionRecord): number {
  return signedInAt(one) - signedInAt(other) || (one.id < other.id ? -1 : 1)
}

function signedInAt({ metadata }: SessionRecord): number {
  return metadata.authenticatedAt ?? metadata.createdAt
}
