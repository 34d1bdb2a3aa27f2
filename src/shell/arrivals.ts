/**
 * Arrivals: sessions of the predecessor, taken over when their browsers come.
 *
 * An old cookie is read as a token, and its session is kept under that token's id. For as long as the token is the
 * record's current one the session **arrives**: whoever finds it so makes sure that the old session is still there,
 * since somebody with a stale copy of it may have put it here after its end. The commit then replaces the token as a
 * periodic rotation does, and that write makes the session our own: parallel requests are handed the same new token,
 * and the old session is ended before the response leaves.
 *
 * @module
 */
import type { Data } from '../core/changes.ts'
import { firstRecord } from '../core/compose.ts'
import { type Claim, drawVersion, tokenOf } from '../core/predecessor.ts'
import { normalisePrincipal } from '../core/principal.ts'
import { bears, type SessionRecord } from '../core/record.ts'
import { assignData } from '../core/session.ts'
import type { Token } from '../core/token.ts'
import type { Labels } from './labels.ts'
import type { Shell } from './shell.ts'

/** A record that an old cookie leads to, and the token that the cookie is. */
export interface Arrival {
  readonly claim: Claim
  readonly token: Token
  readonly record: SessionRecord | undefined
}

/** Finds the session that a claim leads to, ours already or arriving. Whether the token opens it, is judged as ever. */
export async function findArrival(shell: Shell, claim: Claim, labels: Labels): Promise<Arrival> {
  const { config, keeper, hash } = shell
  const token = tokenOf(claim, config.namespace, config.cookieName)
  const own = hash(token.secret)
  const there = (await keeper.load(token.id)) ?? (await takeOver(shell, claim, token, labels))
  const arrives = there?.metadata.hash === own
  return { claim, token, record: arrives ? await confirmed(shell, there, own) : there }
}

// --- internal ---

/** Brings an old session's data over; gives what is kept under the id then. */
async function takeOver(shell: Shell, claim: Claim, token: Token, labels: Labels): Promise<SessionRecord | undefined> {
  const { config, keeper, events, random, clock, hash, drawMark } = shell
  const old = await loadOld(shell, claim.id)
  // Gone, or taken over by another request since we looked.
  if (old === undefined) return keeper.load(token.id)
  const content = old === 'unreadable' ? undefined : contentOf(shell, old)
  if (!content) {
    events.emit('unreadable', { id: token.id, reason: 'predecessor' })
    return undefined
  }
  const mark = drawMark()
  const first = firstRecord(token.id, { ...content, mark, hash: hash(token.secret), labels }, clock(), config.limits)
  // Nobody has signed in just now: what asks for a recent sign-in is not to take this for one.
  const metadata = { ...first.metadata, authenticatedAt: null, origin: { id: claim.id, mark } }
  const there = await keeper.insert({ ...first, version: drawVersion(random), metadata })
  if (there && bears(there.metadata, mark)) {
    const { id, principal } = there
    events.emit('created', { id, ...(principal !== null && { principal }), reason: 'predecessor' })
  }
  return there
}

/** What of an old session is kept, as the next request will read it. What cannot be kept makes nobody's request fail. */
function contentOf({ config }: Shell, old: object): { text: string; principal: string | null } | undefined {
  const { format, principal } = config
  const data: Data = {}
  assignData(data, old as Data)
  try {
    const text = format.encode(data)
    return { text, principal: normalisePrincipal(principal(format.readBack(text))) }
  } catch {
    return undefined // Too large, not of the schema, or nobody's whom we could name: the caller tells.
  }
}

/**
 * An arriving session stands while its old one does, and its principal has not been revoked within the hour: nobody
 * can say when the old one was made.
 */
async function confirmed(shell: Shell, record: SessionRecord, own: string): Promise<SessionRecord | undefined> {
  const { keeper, events } = shell
  const { id, principal } = record
  const oldId = record.metadata.origin!.id
  const revoked = principal !== null && (await keeper.revokedAt(principal)) !== undefined
  if (revoked) await keeper.retire(oldId)
  else if ((await loadOld(shell, oldId)) !== undefined) return record
  const now = await keeper.load(id)
  // Ended by now; or ours, by another request, which then ended the old one.
  if (now?.metadata.hash !== own) return now
  await keeper.end(now)
  events.emit(revoked ? 'revoked' : 'dropped-write', { id, reason: 'predecessor' })
  return undefined
}

async function loadOld({ calls, config }: Shell, oldId: string): Promise<object | 'unreadable' | undefined> {
  return calls.make('take over', {}, () => config.from?.load(oldId))
}
