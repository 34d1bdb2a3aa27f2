/**
 * What the proxies in front of the server may be believed.
 *
 * Each trusted hop vouches for what it added itself, on the right. Express reads the left end of
 * `X-Forwarded-Proto`, which whoever sent the request could have written.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { ConfigError } from '../core/errors.ts'

/** Whether the hop at this address, `hop` steps away, is one of our own proxies. */
export type TrustFunction = (address: string, hop: number) => boolean

/** How many proxies in front are our own, or a function that knows them. `false`: none. `true`: all. */
export type TrustProxy = boolean | number | TrustFunction

/** @throws ConfigError for what says neither how many proxies nor which: nobody would be protected by it */
export function trustFunction(trust: TrustProxy): TrustFunction {
  if (typeof trust === 'function') return trust
  if (typeof trust !== 'boolean' && !(Number.isInteger(trust) && trust >= 0)) {
    throw new ConfigError(
      `trustProxy is ${JSON.stringify(trust)}; give how many proxies are your own, a function that knows them, true or false`,
    )
  }
  const hops = typeof trust === 'number' ? trust : trust ? Infinity : 0
  return (_, hop) => hop < hops
}

/** Whether the browser's own connection was https, as far as trusted hops tell. Most requests need not ask for them. */
export function isSecure(request: IncomingMessage, trust: () => TrustFunction): boolean {
  if ((request.socket as { encrypted?: boolean } | undefined)?.encrypted) return true
  const forwarded = request.headers['x-forwarded-proto']
  if (forwarded === undefined) return false
  const hops = trustedHops(request, trust())
  if (hops === 0) return false
  const protos = String(forwarded).split(',')
  // A hop that overwrites leaves one value, one that appends leaves a list: ours begin `hops` from the right.
  return protos[Math.max(0, protos.length - hops)]!.trim().toLowerCase() === 'https'
}

/** The address of the first hop that is not one of our own proxies: the client's, as far as can be known. */
export function clientAddress(request: IncomingMessage, trusts: TrustFunction): string {
  const addresses = chain(request)
  const address = addresses[Math.min(trustedHops(request, trusts), addresses.length - 1)]!
  // What a socket of both kinds makes of IPv4; the same client must not have two names.
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}

// --- internal ---

function trustedHops(request: IncomingMessage, trusts: TrustFunction): number {
  const addresses = chain(request)
  const stranger = addresses.findIndex((address, hop) => !trusts(address, hop))
  return stranger === -1 ? addresses.length : stranger
}

/** From the nearest hop to the furthest. */
function chain(request: IncomingMessage): string[] {
  const forwarded = String(request.headers['x-forwarded-for'] ?? '').split(',')
  const claimed = forwarded.map((address) => address.trim()).filter((address) => address !== '')
  // A Unix socket has no address.
  return [request.socket?.remoteAddress ?? '', ...claimed.toReversed()]
}
