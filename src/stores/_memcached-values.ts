/**
 * A session as memcached keeps it, and what of it this process has seen.
 *
 * @module
 */
import { UsageError } from '../core/errors.ts'
import { BROOM_DELAY_MS } from '../core/store.ts'
import type { StoredSession } from '../core/store.ts'

/** Gives the value: a line with version, expiry and principal, then the body. @throws UsageError */
export function toValue({ version, expiresAt, principal, body }: StoredSession): string {
  return `${JSON.stringify([version, expiresAt, principal])}\n${whole(body)}`
}

/** Gives the session; `undefined` when this is none. */
export function toSession(value: Buffer): StoredSession | undefined {
  const end = value.indexOf('\n')
  const [version, expiresAt, principal] = toHead(value.toString('utf8', 0, Math.max(end, 0)))
  if (!Number.isSafeInteger(version) || !Number.isSafeInteger(expiresAt)) return undefined
  if (principal !== null && typeof principal !== 'string') return undefined
  return {
    version: version as number,
    expiresAt: expiresAt as number,
    principal,
    body: value.toString('utf8', end + 1),
  }
}

/**
 * Gives the second at which memcached may forget the session, since 1970: a shorter span than 30 days could be taken for
 * one from now. What lies beyond its 32 bits (2038) never expires there; 0 says so.
 */
export function broomSecond(expiresAt: number): number {
  const second = Math.ceil((expiresAt + BROOM_DELAY_MS) / 1000)
  return second <= 2 ** 31 - 1 ? Math.max(second, THIRTY_DAYS_S + 1) : 0
}

/** What lay somewhere when this process last looked, and the CAS value that stands for exactly that. */
export interface Sight {
  readonly cas: string
  /** `undefined`: what lay there cannot be read. */
  readonly session: StoredSession | undefined
  /** The connection that showed it: a server that has come back counts CAS values anew. */
  readonly connection: number
}

/** The latest sights, so that a save or a touch need not look again. Forgetting one costs a round trip, no more. */
export class Sights {
  readonly #sights = new Map<string, Sight>()
  #characters = 0

  recall(key: string): Sight | undefined {
    return this.#sights.get(key)
  }

  keep(key: string, sight: Sight): void {
    this.forget(key)
    this.#sights.set(key, sight)
    this.#characters += lengthOf(sight)
    for (const oldest of this.#sights.keys()) {
      if (this.#sights.size <= SIGHTS_MAX && this.#characters <= CHARACTERS_MAX) break
      this.forget(oldest)
    }
  }

  forget(key: string): void {
    const sight = this.#sights.get(key)
    if (!sight) return
    this.#sights.delete(key)
    this.#characters -= lengthOf(sight)
  }
}

// --- internal ---

const THIRTY_DAYS_S = 2_592_000

/** As many sessions as may have requests under way. */
const SIGHTS_MAX = 10_000
const CHARACTERS_MAX = 8_000_000

function lengthOf({ session }: Sight): number {
  return session?.body.length ?? 0
}

function toHead(text: string): unknown[] {
  try {
    const head = JSON.parse(text) as unknown
    return Array.isArray(head) ? head : []
  } catch {
    return [] // Somebody else's value.
  }
}

/** Half of a surrogate pair would come back as another character. */
function whole(text: string): string {
  // ES2024, and in every runtime that Sojourn supports.
  if ((text as string & { isWellFormed(): boolean }).isWellFormed()) return text
  throw new UsageError(
    'ERR_SOJOURN_UNSUPPORTED',
    'memcachedStore cannot keep a text with half of a surrogate pair in it. Cut texts at whole characters.',
  )
}
