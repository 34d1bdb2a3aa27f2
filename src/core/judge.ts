/**
 * Whether a token opens a record.
 *
 * @module
 */
import { endsAt, type Limits } from './expiry.ts'
import type { Metadata, SessionRecord } from './record.ts'
import { sameHash, type Token, unsealSecret } from './token.ts'

/** How long after the new token was first seen the one before it may still be in flight. */
export const ROTATION_GRACE_MS = 60_000

/** What a token is to a record. */
export type Verdict =
  /** The current token, or the one before it, within its grace. `next` is the current secret, to be handed out. */
  | { readonly opens: 'current' | 'previous'; readonly next?: string }
  | { readonly opens: false; readonly because: 'expired' | 'bad-token' | 'token-reuse' }

/** Judges a token, whose secret's hash is given, against the record that its id names. */
export function judge(record: SessionRecord, token: Token, hash: string, now: number, configured: Limits): Verdict {
  const { metadata } = record
  if (now >= endsAt(record, configured)) return { opens: false, because: 'expired' }
  if (sameHash(metadata.hash, hash)) return { opens: 'current' }
  const { previous } = metadata
  if (!previous || !sameHash(previous.hash, hash)) return { opens: false, because: 'bad-token' }
  if (!standing(metadata, hash, now)) return { opens: false, because: 'token-reuse' }
  const next = previous.sealed === undefined ? undefined : unsealSecret(previous.sealed, token)
  return next === undefined ? { opens: 'previous' } : { opens: 'previous', next }
}

/**
 * Whether what was opened with the secret of this hash may still shape the session: with the current token, or the
 * one before it until the current one has been seen, and a grace longer.
 */
export function standing(metadata: Metadata, openedHash: string, now: number): 'current' | 'previous' | undefined {
  if (metadata.hash === openedHash) return 'current'
  const { previous } = metadata
  if (previous?.hash !== openedHash) return undefined
  return previous.confirmedAt === undefined || now - previous.confirmedAt <= ROTATION_GRACE_MS ? 'previous' : undefined
}

/** The step that periodic rotation has to take for a request that came with the current token. */
export function rotationStep(
  metadata: Metadata,
  now: number,
  rotateEveryMs: number,
): 'replace' | 'confirm' | undefined {
  if (metadata.previous && metadata.previous.confirmedAt === undefined) return 'confirm'
  return now - (metadata.rotatedAt ?? metadata.startedAt) >= rotateEveryMs ? 'replace' : undefined
}
