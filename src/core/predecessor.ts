/**
 * The predecessor: what Sojourn asks of the sessions of another library, whose browsers it takes over.
 *
 * An old cookie is read as a token. Its id and its secret are derived from what the cookie proves, so that every
 * request that brings it, in whichever process, comes to one and the same session; and so that neither store opens
 * anything: the new one holds a hash, as of any token, and the old one holds no proof.
 *
 * @module
 */
import type { Awaitable } from './store.ts'
import { deriveToken, type Random, type Token } from './token.ts'

/** An old session that a cookie proves to be the browser's own. */
export interface Claim {
  /** The key in the old store. */
  readonly id: string
  /** What the old store does not know: a signature, say. */
  readonly proof: string
}

/** What the cookies of a request claim. */
export interface Claims {
  readonly claims: readonly Claim[]
  /** How many looked like a claim and prove nothing. */
  readonly forged: number
}

/** Sessions of another library. `sojourn/migrate` has one for express-session; others can be written. */
export interface Predecessor {
  /** The name of its cookie. */
  readonly cookieName: string
  /** Reads a `Cookie` header. Asks no store. Hostile input is no error. */
  read(header: string): Claims
  /**
   * Gives an old session's data, without the library's own entries; undefined when there is none, or it has expired;
   * `unreadable` when it cannot be made sense of.
   */
  load(id: string): Awaitable<object | 'unreadable' | undefined>
  /** Ends an old session. Ending one that is not there is no error. */
  remove(id: string): Awaitable<void>
  /** Gives the `Set-Cookie` line that takes its cookie away. */
  takeAway(secure: boolean): string
}

/** Where a session came from that was taken over. */
export interface Origin {
  /** The old session's id, not secret: its row is ended before this session is. */
  readonly id: string
  /** Random: tells this arrival from another of the same old session. */
  readonly mark: string
}

/** The token that a claim is to one manager. */
export function tokenOf({ id, proof }: Claim, namespace: string, cookieName: string): Token {
  return deriveToken([namespace, cookieName, id], proof)
}

/**
 * The version of a record that has just arrived: drawn rather than 1, since its id is used again when the old cookie
 * comes again. A save that was meant for the arrival before meets a conflict, as it should.
 */
export function drawVersion(random: Random): number {
  const bytes = random(4)
  return 1 + (new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) >>> 2)
}
