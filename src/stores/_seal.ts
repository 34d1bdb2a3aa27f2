/**
 * Sealing: values that only holders of a key can read, and nobody can change unseen.
 *
 * AES-256-GCM under a key of its own for each message: HKDF-SHA-256 draws key and nonce from a secret of the ring and
 * 32 random bytes, so that no nonce ever meets a key twice, however many messages are sealed (NIST SP 800-38D section
 * 8.3 allows 2^32 random nonces for one key). The message names its key: there is no trial decryption, no other
 * algorithm, and nothing that is taken unsealed.
 *
 *     v1.<key id>.<base64url of salt, ciphertext, tag>
 *
 * @module
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { ConfigError } from '../core/errors.ts'

/** One key of a ring. */
export interface SealingKey {
  /** Names the key in what it sealed: 1 to 8 letters, digits, `-` or `_`. Never give a new secret an old name. */
  id: string
  /** At least 32 random bytes, or their base64 or hex. */
  secret: string | Uint8Array
}

/** Seals and opens with a ring of keys, for one purpose. */
export interface Sealer {
  seal(value: unknown): string
  /** `undefined` for all that was not sealed with this ring for this purpose. `stale`: not with the first key. */
  open(sealed: string): { value: unknown; stale: boolean } | undefined
}

const SALT_BYTES = 32
const TAG_BYTES = 16
/** 32 random bytes have 30 distinct ones; that they have fewer than these has a chance below 10^-15. */
const LEAST_DISTINCT = 16
/** Lengths tell little when only every 32nd occurs. */
const PADDING = 32

/**
 * Gives a sealer. The first key seals, all of them open: a new key is put last everywhere (accept), then first
 * (promote), and the old one is left out once what it sealed has expired (retire).
 *
 * @param purpose what a sealed value is bound to, part by part: sealed for one, it opens for no other
 * @throws ConfigError when the ring is empty, a key is weak, or two have one name
 */
export function sealer(keys: readonly SealingKey[] | undefined, ...purpose: readonly string[]): Sealer {
  const ring = ringOf(keys)
  const [first = ''] = ring.keys()
  return {
    seal(value) {
      const salt = randomBytes(SALT_BYTES)
      const { key, nonce, context } = drawn(ring.get(first)!, salt, first, purpose)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(context)
      const parts = [salt, cipher.update(padded(JSON.stringify(value)), 'utf8'), cipher.final(), cipher.getAuthTag()]
      return `v1.${first}.${Buffer.concat(parts).toString('base64url')}`
    },
    open(sealed) {
      const [, id = '', data = ''] = /^v1\.([\w-]{1,8})\.([\w-]+)$/.exec(sealed) ?? []
      const secret = ring.get(id)
      const bytes = Buffer.from(data, 'base64url')
      // One value has one spelling: base64url would let its last character vary.
      if (!secret || bytes.length < SALT_BYTES + TAG_BYTES || bytes.toString('base64url') !== data) return undefined
      const { key, nonce, context } = drawn(secret, bytes.subarray(0, SALT_BYTES), id, purpose)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(context)
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      try {
        const text = decipher.update(bytes.subarray(SALT_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
        return { value: JSON.parse(text) as unknown, stale: id !== first }
      } catch {
        return undefined // Sealed otherwise, or changed since: hostile input is no exception.
      }
    },
  }
}

// --- internal ---

/** A message's own key and nonce, and what both sides know of it. */
function drawn(secret: Uint8Array, salt: Uint8Array, id: string, purpose: readonly string[]) {
  // Length-prefixed, so that no two lists of parts read alike.
  const context = Buffer.from(
    ['sojourn', 'v1', id, ...purpose].map((part) => `${Buffer.byteLength(part)}:${part}`).join(''),
  )
  const bytes = new Uint8Array(hkdfSync('sha256', secret, salt, context, 44))
  return { key: bytes.subarray(0, 32), nonce: bytes.subarray(32), context }
}

/** Spaces at the end, which JSON does not mind. */
function padded(json: string): string {
  return json + ' '.repeat((PADDING - (Buffer.byteLength(json) % PADDING)) % PADDING)
}

function ringOf(keys: readonly SealingKey[] | undefined): ReadonlyMap<string, Uint8Array> {
  const remedy = 'draw a secret with: openssl rand -base64 32'
  if (!Array.isArray(keys) || keys.length === 0)
    throw new ConfigError(`keys must be a list of { id, secret }, the first of which seals; ${remedy}`)
  const ring = new Map<string, Uint8Array>()
  for (const key of keys as (Partial<SealingKey> | null | undefined)[]) {
    const { id, secret } = key ?? {}
    if (typeof id !== 'string' || !/^[\w-]{1,8}$/.test(id))
      throw new ConfigError(
        'A key needs an id of 1 to 8 letters, digits, - or _; give for example the month it was drawn in, "2026-11"',
      )
    if (ring.has(id))
      throw new ConfigError(
        `Two keys are named "${id}"; give each its own name, or what one sealed would be tried with the other`,
      )
    ring.set(id, secretBytes(id, secret, remedy))
  }
  return ring
}

function secretBytes(id: string, secret: unknown, remedy: string): Uint8Array {
  const bytes = typeof secret === 'string' ? decoded(secret) : secret instanceof Uint8Array ? secret : undefined
  if (!bytes || bytes.length < 32)
    throw new ConfigError(
      `The secret of key "${id}" is not at least 32 random bytes, or their base64 or hex; ${remedy}`,
    )
  if (new Set(bytes).size < LEAST_DISTINCT)
    throw new ConfigError(`The secret of key "${id}" is hardly random; ${remedy}`)
  return bytes
}

/**
 * A passphrase is no key: what is neither hex nor base64 is refused, and so is what could be base64 and has the letters
 * of one case alone, as words have. Of 32 random bytes one in some ten thousand million is spelled like that.
 */
function decoded(secret: string): Uint8Array | undefined {
  if (/^(?:[\da-f]{2})+$/i.test(secret)) return Buffer.from(secret, 'hex')
  const spelled = /^[\w+/-]+={0,2}$/.test(secret) && /[a-z]/.test(secret) && /[A-Z]/.test(secret)
  return spelled ? Buffer.from(secret, 'base64') : undefined
}
