/**
 * The limit of sessions per principal, as a sign-in that has just been written keeps it.
 *
 * @module
 */
import { tooMany } from '../core/crowd.ts'
import { ConflictError } from '../core/errors.ts'
import type { SessionRecord } from '../core/record.ts'
import { isAlive, type Shell } from './shell.ts'

/**
 * Ends what is too many of a principal's sessions. Tells whether `newcomer`, which the caller ends, still has its place.
 *
 * @throws ConflictError `ERR_SOJOURN_CONFLICT` when it has none and newcomers are to be refused
 */
export async function keepWithinLimit(shell: Shell, newcomer: SessionRecord, principal: string): Promise<boolean> {
  const { keeper, events, config } = shell
  const { maxSessions, onMaxSessions } = config
  if (maxSessions === Infinity) return true
  const there: SessionRecord[] = []
  for await (const record of keeper.list(principal)) if (isAlive(shell, record)) there.push(record)
  const leaving = tooMany(there, maxSessions, onMaxSessions)
  for (const record of leaving) {
    if (record.id === newcomer.id) continue
    await keeper.end(record)
    events.emit('evicted', { id: record.id, principal, reason: 'maxSessions' })
  }
  // Not among those that are there: another sign-in was faster, and has ended it.
  const stays = there.some(({ id }) => id === newcomer.id) && !leaving.some(({ id }) => id === newcomer.id)
  if (!stays && onMaxSessions === 'refuse') {
    events.emit('conflict', { id: newcomer.id, principal, reason: 'maxSessions' })
    throw new ConflictError(
      'ERR_SOJOURN_CONFLICT',
      `This principal has ${maxSessions} sessions already, as many as maxSessions allows; end one of them first, raise maxSessions, or set onMaxSessions to "evict"`,
    )
  }
  return stays
}
