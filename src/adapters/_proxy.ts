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
import { canonicalAddress } from './_address.ts'

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

/** Whom to trust on this request: as the middleware was told itself, or as Express was ("trust proxy"), or nobody. */
export function trustOf(request: IncomingMessage, told: TrustFunction | undefined): TrustFunction {
  if (told) return told
  const { app } = request as { app?: { get?: (name: string) => unknown } }
  return (app?.get?.('trust proxy fn') as TrustFunction | undefined) ?? trustFunction(false)
}

/** Whether the browser's own connection was https, as far as trusted hops tell. Most requests need not ask for them. */
export function isSecure(request: IncomingMessage, trust: () => TrustFunction): boolean {
  if ((request.socket as { encrypted?: boolean } | undefined)?.encrypted) return true
  return forwarded(request, 'x-forwarded-proto', trust)?.toLowerCase() === 'https'
}

/** The host, with its port, that the browser asked for, as far as trusted hops tell; '' when nothing tells. */
export function requestedHost(request: IncomingMessage, trust: () => TrustFunction): string {
  const { host, ':authority': authority } = request.headers
  return forwarded(request, 'x-forwarded-host', trust) || String(host ?? authority ?? '')
}

/** The address of the first hop that is not one of our own proxies: the client's, as far as can be known. */
export function clientAddress(request: IncomingMessage, trusts: TrustFunction): string {
  const addresses = chain(request)
  return addresses[Math.min(trustedHops(request, trusts), addresses.length - 1)]!
}

// --- internal ---

/** What the outermost of our own proxies says; undefined when nothing is said, or nobody is trusted. */
function forwarded(request: IncomingMessage, name: string, trust: () => TrustFunction): string | undefined {
  const said = request.headers[name]
  if (said === undefined) return undefined
  const hops = trustedHops(request, trust())
  if (hops === 0) return undefined
  const values = String(said).split(',')
  // A hop that overwrites leaves one value, one that appends leaves a list: ours begin `hops` from the right.
  return values[Math.max(0, values.length - hops)]!.trim()
}

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
  return [request.socket?.remoteAddress ?? '', ...claimed.toReversed()].map(canonicalAddress)
}
