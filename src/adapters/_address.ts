/**
 * One spelling for each network address: a client must not have two names.
 *
 * @module
 */
import { isIPv4, isIPv6 } from 'node:net'

/**
 * Gives an address in its one spelling: IPv4 as such, out of whatever IPv6 it came wrapped in; IPv6 in lower case and
 * compressed (RFC 5952); without the port that some proxies add. What is no address stays as it is.
 */
export function canonicalAddress(text: string): string {
  if (isIPv4(text)) return text
  const [, wrapped] = /^\[(.*)\](?::\d+)?$/.exec(text) ?? /^([^:]*):\d+$/.exec(text) ?? []
  const address = wrapped ?? text
  // A zone (fe80::1%eth0) has meaning on this machine alone, and no spelling but its own.
  if (!isIPv6(address) || address.includes('%')) return isIPv4(address) ? address : text
  const spelled = new URL(`http://[${address}]`).hostname.slice(1, -1)
  return mappedIPv4(spelled) ?? spelled
}

// --- internal ---

/** What a socket of both kinds makes of IPv4, in the spelling of URLs: `::ffff:cb00:7109`. */
function mappedIPv4(spelled: string): string | undefined {
  const [, high, low] = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(spelled) ?? []
  if (high === undefined || low === undefined) return undefined
  return [high, low].flatMap((part) => [parseInt(part, 16) >> 8, parseInt(part, 16) & 255]).join('.')
}
