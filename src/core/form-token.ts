/**
 * A form's token: proves that a form was part of a page shown to this very session.
 *
 * `base64url(salt ‖ HMAC-SHA256(binding, salt))`. The binding changes with the session's token, so a form from before
 * a sign-in, or of anybody else, does not fit. The salt makes each one different, so that a compressed page does not
 * give it away letter by letter (BREACH).
 *
 * @see OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "HMAC-based"
 * @module
 */
import crypto from 'node:crypto'
import { field, type Random } from './token.ts'

const SALT_BYTES = 16

// 16 and 32 bytes are 64 characters without spare bits: one token has one spelling.
const FORM_TOKEN = /^[\w-]{64}$/

export function drawFormToken(binding: string, random: Random): string {
  const salt = random(SALT_BYTES)
  return Buffer.concat([salt, mac(binding, salt)]).toString('base64url')
}

/** Whether what came with a form is a token for one of these bindings; compared in constant time. */
export function fitsFormToken(given: unknown, bindings: readonly string[]): boolean {
  if (typeof given !== 'string' || !FORM_TOKEN.test(given)) return false
  const bytes = Buffer.from(given, 'base64url')
  const salt = bytes.subarray(0, SALT_BYTES)
  return bindings.some((binding) => crypto.timingSafeEqual(bytes.subarray(SALT_BYTES), mac(binding, salt)))
}

// --- internal ---

function mac(binding: string, salt: Uint8Array): Buffer {
  const fields = field('sojourn/form/1') + field(Buffer.from(salt).toString('base64url'))
  return crypto.createHmac('sha256', binding).update(fields).digest()
}
