/**
 * The token in the cookie: `<id>.<secret>`, a selector and a verifier.
 *
 * The id is the store's key and no secret. The secret is known to the browser alone: the store holds its hash, so a
 * stolen store opens no door.
 *
 * @see OWASP Session Management Cheat Sheet, "Session ID Properties"
 * @module
 */
import crypto from 'node:crypto'

/** Gives `size` random bytes. */
export type Random = (size: number) => Uint8Array

/** What a cookie's value says: which session (`id`), and the proof that it is one's own (`secret`). */
export interface Token {
  readonly id: string
  readonly secret: string
}

const ID_BYTES = 16
const SECRET_BYTES = 32
const WRITER_BYTES = 3
const MARK_BYTES = 6

// Base64url of 16 and of 32 bytes leaves spare bits in the last character. Only their canonical spelling, zero, is
// taken: one token has one spelling.
const TOKEN = /^([\w-]{21}[AQgw])\.([\w-]{42}[AEIMQUYcgkosw048])$/
const ID = /^[\w-]{21}[AQgw]$/

/** Reads a cookie's value; `undefined` for all that is not the canonical spelling of a token. */
export function parseToken(value: string): Token | undefined {
  const [, id, secret] = TOKEN.exec(value) ?? []
  return id && secret ? { id, secret } : undefined
}

/** Whether a text can be a session's id at all. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && ID.test(text)
}

export function formatToken(token: Token): string {
  return `${token.id}.${token.secret}`
}

export function drawId(random: Random): string {
  return base64url(random(ID_BYTES))
}

export function drawSecret(random: Random): string {
  return base64url(random(SECRET_BYTES))
}

/**
 * Gives what draws write marks: they tell one's own write from another's when a driver has sent a command twice. Those
 * of one writer begin alike.
 */
export function markMaker(random: Random): () => string {
  // Not before the first write: some platforms have no randomness until a request comes.
  let writer: string | undefined
  return () => (writer ??= base64url(random(WRITER_BYTES))) + base64url(random(MARK_BYTES))
}

/** Gives how the marks of a mark's writer begin. */
export function writerOf(mark: string): string {
  return mark.slice(0, (WRITER_BYTES * 4) / 3)
}

/**
 * Gives the function that hashes secrets for the record.
 *
 * SHA-256 over length-prefixed fields, so that a token of one namespace or cookie opens nothing in another that
 * shares the store, and no two lists of fields read alike. 256 random bits need no slow hash.
 */
export function secretHasher(namespace: string, cookieName: string): (secret: string) => string {
  const prefix = field('sojourn/1') + field(namespace) + field(cookieName)
  return (secret) => sha256(prefix + field(secret))
}

/**
 * Derives a token: the id from names, the secret from these and a proof. The same of both give the same token; who has
 * only the names, or only the token's id, has nothing.
 */
export function deriveToken(names: readonly string[], proof: string): Token {
  const named = ['sojourn/derived/1', ...names].map(field).join('')
  const digest = Buffer.from(sha256(field('id') + named), 'base64url')
  return { id: base64url(digest.subarray(0, ID_BYTES)), secret: sha256(field('secret') + named + field(proof)) }
}

/** Compares two hashes in constant time. */
export function sameHash(a: string, b: string): boolean {
  return a.length === b.length && crypto.timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'))
}

/** The public value that changes whenever the token does, for those who bind something to it. */
export function bindingOf(hash: string): string {
  return sha256(field('sojourn/binding/1') + field(hash))
}

/**
 * Seals the next secret so that only who holds the previous one can read it: AES-256-GCM under a key that HKDF draws
 * from the previous secret, bound to the session's id.
 */
export function sealSecret(next: string, previous: Token, random: Random): string {
  const iv = random(12)
  const cipher = crypto.createCipheriv('aes-256-gcm', sealingKey(previous), iv)
  return base64url(Buffer.concat([iv, cipher.update(next, 'latin1'), cipher.final(), cipher.getAuthTag()]))
}

/** Opens what {@link sealSecret} made; `undefined` when it was not sealed for this token. */
export function unsealSecret(sealed: string, previous: Token): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  try {
    const options = { authTagLength: 16 }
    const decipher = crypto.createDecipheriv('aes-256-gcm', sealingKey(previous), bytes.subarray(0, 12), options)
    decipher.setAuthTag(bytes.subarray(-16))
    return decipher.update(bytes.subarray(12, -16), undefined, 'latin1') + decipher.final('latin1')
  } catch {
    return undefined // Somebody changed the record: the answer is that there is nothing to open.
  }
}

/** A length-prefixed field: what follows it can never be read as a part of it. */
export function field(text: string): string {
  return `${Buffer.byteLength(text)}:${text}`
}

// --- internal ---

function sealingKey({ id, secret }: Token): Uint8Array {
  return new Uint8Array(crypto.hkdfSync('sha256', secret, id, 'sojourn/rotation/1', 32))
}

// The one-shot hash takes half the time; it is missing on some runtimes.
const sha256: (text: string) => string =
  typeof crypto.hash === 'function'
    ? (text) => crypto.hash('sha256', text, 'base64url')
    : (text) => crypto.createHash('sha256').update(text).digest('base64url')

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}
