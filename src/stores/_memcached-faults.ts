/**
 * What can be wrong with a memcached, and what to do about it.
 *
 * @module
 */
import { SojournError, StoreError, UsageError } from '../core/errors.ts'

/** An answer that says no; its message is the line that memcached wrote. */
export class Refusal extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'Refusal', configurable: true, writable: true })
  }
}

/** A server that owes answers gives none. */
export class Silence extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'Silence', configurable: true, writable: true })
  }
}

/** Gives what went wrong with a server as one of our errors, with the remedy. */
export function toFault(server: string, cause: unknown): SojournError {
  if (cause instanceof SojournError) return cause
  if (cause instanceof Refusal && /too large/.test(cause.message)) return tooLarge(cause)
  const timeout = cause instanceof Silence
  return new StoreError(`memcached at ${server}: ${remedy(cause)}`, { cause, timeout })
}

/** A session that no item of the server can hold. */
export function tooLarge(cause?: Refusal): UsageError {
  return new UsageError(
    'ERR_SOJOURN_TOO_LARGE',
    'This session is larger than an item of memcached may be. Keep less in it, lower `maxBytes`, or start memcached with a larger -I.',
    { cause },
  )
}

/** A server that counts no changes. */
export function withoutCas(server: string): StoreError {
  return new StoreError(`memcached at ${server}: it was started without compare-and-swap. Start it without -C.`)
}

// --- internal ---

function remedy(cause: unknown): string {
  if (cause instanceof Silence) return 'it does not answer. See that it is up, and not overloaded; or raise `timeout`.'
  if (cause instanceof Refusal) return refusals.find(([line]) => line.test(cause.message))?.[1] ?? ODD
  const { code = '' } = cause as { code?: string }
  if (TLS_FAULT.test(code))
    return 'TLS fails (see cause). Give `tls` the right `ca`, or leave it out if the server has none.'
  return UNREACHABLE
}

const refusals: readonly (readonly [line: RegExp, remedy: string])[] = [
  [/authentication failure/, 'it refuses the password. Give the `username` and `password` of its --auth-file.'],
  [/unauthenticated/, 'it wants a password. Give `username` and `password`.'],
  [/out of memory/, 'its memory is full, and it evicts nothing. Raise -m, or start it without -M.'],
  [/^ERROR/, 'it does not know the meta commands. Run memcached 1.6 or later, with no proxy before it.'],
]

const TLS_FAULT = /CERT|^ERR_(?:SSL|TLS)|^EPROTO|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/

const ODD = 'it refuses the command (see cause). Run memcached 1.6 or later, with no proxy before it.'

const UNREACHABLE =
  'it cannot be reached, or went away before it answered (see cause), so that nobody knows whether a write took place. See that it is up, that the address is right, and whether it wants `tls`.'
