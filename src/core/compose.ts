/**
 * Composes the record that a write leaves: what stays of the one before, what the handler asked for, and what a
 * change of principal brings with it.
 *
 * @module
 */
import { type Limits, limitsOf, nextExpiry } from './expiry.ts'
import { marksToKeep, type Metadata, type PreviousToken, type SessionRecord } from './record.ts'
import type { SessionLimits } from './session.ts'

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
  readonly labels?: { readonly userAgent?: string; readonly address?: string }
}

/** The first record of a session. */
export function firstRecord(
  id: string,
  change: Change & { hash: string },
  now: number,
  configured: Limits,
): SessionRecord {
  const { mark, hash, text, principal } = change
  const metadata: Metadata = {
    ...change.limits,
    ...(principal === null ? {} : change.labels),
    hash,
    mark,
    createdAt: now,
    startedAt: now,
    authenticatedAt: principal === null ? null : now,
    savedAt: now,
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
  const { principal } = change
  const signsIn = isSignIn(current, change)
  const { rotatedAt, previous, userAgent, address, marks: _, ...kept } = current.metadata
  const marks = marksToKeep(current.metadata, now)
  const metadata: Metadata = {
    ...kept,
    ...change.limits,
    ...(signsIn ? change.labels : principal === null ? {} : optional({ userAgent, address })),
    ...(change.hash
      ? optional({ previous: change.previous })
      : optional({ previous: change.previous ?? previous, rotatedAt })),
    ...(change.hash ? { hash: change.hash } : {}),
    // A sign-in starts a new life: from there the token's age is counted too.
    ...(change.hash && !signsIn ? { rotatedAt: now } : {}),
    ...(marks.length > 0 ? { marks } : {}),
    mark: change.mark,
    startedAt: signsIn ? now : current.metadata.startedAt,
    authenticatedAt: signsIn ? now : principal === null ? null : current.metadata.authenticatedAt,
    savedAt: now,
  }
  const earned = nextExpiry(now, metadata, limitsOf(metadata, configured))
  const expiresAt = change.passive && !signsIn ? Math.min(earned, current.expiresAt) : earned
  return { id: current.id, version: current.version + 1, expiresAt, principal, metadata, text: change.text }
}

/** Whether a change makes somebody of nobody, somebody else of somebody, or proves anew who it is. */
export function isSignIn(
  { principal: before }: { readonly principal: string | null },
  { principal, authenticated }: Pick<Change, 'principal' | 'authenticated'>,
): boolean {
  return principal !== null && (principal !== before || authenticated === true)
}

// --- internal ---

/** Leaves out what is undefined: `exactOptionalPropertyTypes`, and short lines. */
function optional<O extends object>(values: O): { [K in keyof O]?: Exclude<O[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof O]?: Exclude<O[K], undefined>
  }
}
