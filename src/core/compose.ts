/**
 * Composes the record that a write leaves: what stays of the one before, what the handler asked for, and what a
 * change of principal brings with it.
 *
 * @module
 */
import { type Limits, limitsOf, nextExpiry } from './expiry.ts'
import { marksToKeep, type Metadata, type PreviousToken, type Rare, type SessionRecord } from './record.ts'
import type { SessionLimits } from './session-limits.ts'

/** What a write changes. */
export interface Change {
  readonly mark: string
  readonly text: string
  readonly principal: string | null
  /** The hash of the new token's secret, when the token is replaced. */
  readonly hash?: string | undefined
  /** The periodic rotation of the token: what is to be known of the one before. */
  readonly previous?: PreviousToken | undefined
  /** Whoever it is has just proved who they are: a sign-in, though the principal may be the same. */
  readonly authenticated?: boolean
  /** The request is no activity: it keeps nothing alive. */
  readonly passive?: boolean
  readonly limits?: SessionLimits | undefined
  /** Labels of who signs in. */
  readonly labels?: Pick<Rare, 'userAgent' | 'address'>
}

/** The first record of a session. */
export function firstRecord(
  id: string,
  change: Change & { hash: string },
  now: number,
  configured: Limits,
): SessionRecord {
  const { mark, hash, text, principal, limits } = change
  const labels = principal === null ? undefined : change.labels
  const metadata: Metadata = {
    hash,
    mark,
    createdAt: now,
    startedAt: now,
    authenticatedAt: principal === null ? null : now,
    savedAt: now,
    idleTimeout: limits?.idleTimeout,
    lifetime: limits?.lifetime,
    persistent: limits?.persistent,
    userAgent: labels?.userAgent,
    address: labels?.address,
  }
  return {
    id,
    version: 1,
    expiresAt: nextExpiry(now, metadata, limitsOf(metadata, configured)),
    principal,
    metadata,
    text,
  }
}

/** The record after `current`. A sign-in starts a new life under the same id. */
export function nextRecord(current: SessionRecord, change: Change, now: number, configured: Limits): SessionRecord {
  const { id, version, expiresAt, metadata: before } = current
  const { mark, hash, text, principal, limits } = change
  const signsIn = isSignIn(current, change)
  const labels = signsIn ? change.labels : principal === null ? undefined : before
  const metadata: Metadata = {
    hash: hash ?? before.hash,
    mark,
    createdAt: before.createdAt,
    startedAt: signsIn ? now : before.startedAt,
    authenticatedAt: signsIn ? now : principal === null ? null : before.authenticatedAt,
    savedAt: now,
    // A sign-in starts a new life: from there the token's age is counted too.
    rotatedAt: hash === undefined ? before.rotatedAt : signsIn ? undefined : now,
    previous: hash === undefined ? (change.previous ?? before.previous) : change.previous,
    idleTimeout: limits?.idleTimeout ?? before.idleTimeout,
    lifetime: limits?.lifetime ?? before.lifetime,
    persistent: limits?.persistent ?? before.persistent,
    userAgent: labels?.userAgent,
    address: labels?.address,
    origin: before.origin,
    marks: marksToKeep(before, now),
  }
  const earned = nextExpiry(now, metadata, limitsOf(metadata, configured))
  return {
    id,
    version: version + 1,
    expiresAt: change.passive && !signsIn ? Math.min(earned, expiresAt) : earned,
    principal,
    metadata,
    text,
  }
}

/** Whether a change makes somebody of nobody, somebody else of somebody, or proves anew who it is. */
export function isSignIn(
  { principal: before }: { readonly principal: string | null },
  { principal, authenticated }: Pick<Change, 'principal' | 'authenticated'>,
): boolean {
  return principal !== null && (principal !== before || authenticated === true)
}
