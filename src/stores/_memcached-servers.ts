/**
 * Where the servers are, and which of them keeps a session: always the same one, whatever becomes of it.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { ConfigError } from '../core/errors.ts'

/** A server's address. */
export interface Address {
  /** As it was configured: it decides, with the key, what the server keeps. */
  readonly name: string
  /** As `net.connect` takes it. */
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string }
}

/** Where a session lies: on which of the servers, and under which key. */
export interface Spot {
  readonly server: number
  readonly key: string
}

/** Reads `host`, `host:port`, `[::1]:port` or the path of a socket. @throws ConfigError */
export function toAddresses(servers: string | readonly string[]): Address[] {
  const names = [servers].flat()
  if (names.length === 0) throw new ConfigError('memcachedStore: `servers` is empty. Give at least one, as host:port.')
  if (new Set(names).size < names.length) {
    throw new ConfigError('memcachedStore: a server is there twice among `servers`. Name each of them once.')
  }
  return names.map(toAddress)
}

/**
 * Gives the function that tells where an id's session lies.
 *
 * Rendezvous hashing: a server more takes an equal share from each of the others, and moves nothing else. An id becomes
 * a SHA-256, so that any text is one.
 */
export function spotter(addresses: readonly Address[], prefix: string): (id: string) => Spot {
  const seeds = addresses.map(({ name }) => digest(name).readUInt32BE())
  return (id) => {
    const hash = digest(id)
    const word = hash.readUInt32BE()
    let server = 0
    for (let best = -1, i = 0; i < seeds.length; i++) {
      const score = mixed(word ^ seeds[i]!)
      if (score > best) [best, server] = [score, i]
    }
    return { server, key: prefix + hash.toString('base64url') }
  }
}

/** Opens a connection: with TLS it can be used from `secureConnect` on, without from `connect`. */
export function dial({ at }: Address, tls: TlsOptions | undefined): Socket {
  return tls ? connectTls({ ...at, ...serverName(at), ...tls }) : connect(at)
}

// --- internal ---

const PORT = 11_211

function toAddress(name: unknown): Address {
  if (typeof name === 'string' && name.startsWith('/')) return { name, at: { path: name } }
  const parts = typeof name === 'string' ? /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(name) : null
  const [, ipv6, host = ipv6, port = String(PORT)] = parts ?? []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new ConfigError(
      `memcachedStore: \`servers\` has ${JSON.stringify(name)}. Give host:port, or the path of a socket.`,
    )
  }
  return { name: name as string, at: { host, port: Number(port) } }
}

/** The name that the certificate must have; an address is checked by itself. */
function serverName(at: Address['at']): { servername?: string } {
  return 'host' in at && /[a-z]/i.test(at.host) && !at.host.includes(':') ? { servername: at.host } : {}
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Stirs 32 bits until each depends on all: the end of MurmurHash3. */
function mixed(bits: number): number {
  let h = bits
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return (h ^ (h >>> 16)) >>> 0
}
