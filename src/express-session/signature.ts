/**
 * Signed values, as express-session and cookie-signature write them: `value.mac`.
 *
 * @module
 */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** What `createHmac` takes for a key. */
export type Secret = string | NodeJS.ArrayBufferView | ArrayBuffer | KeyObject

export function sign(value: string, secret: Secret): string {
  return `${value}.${createHmac('sha256', secret as KeyObject)
    .update(value)
    .digest('base64')
    .replace(/=+$/, '')}`
}

/** Gives the value that one of the secrets has signed; `undefined` for all that none of them has. */
export function unsign(signed: string, secrets: readonly Secret[]): string | undefined {
  const value = signed.slice(0, Math.max(0, signed.lastIndexOf('.')))
  const given = Buffer.from(signed)
  const isSigned = secrets.some((secret) => {
    const right = Buffer.from(sign(value, secret))
    return right.length === given.length && timingSafeEqual(right, given)
  })
  return isSigned ? value : undefined
}
