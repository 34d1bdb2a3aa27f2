/** What the tests of memcachedStore share. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { StoredSession } from '../../src/core/store.ts'
import { memcachedStore } from '../../src/stores/memcached.ts'
import type { MemcachedStore, MemcachedStoreOptions } from '../../src/stores/memcached.ts'
import { type MemcachedServer, startMemcached } from '../servers/memcached.ts'

/** Later than any clock of a server under test, and before the seconds of memcached end. */
export const NOW = 2_000_000_000_000

export const call = { now: NOW }

export function addressOf({ host, port }: MemcachedServer): string {
  return `${host}:${port}`
}

/** Starts a memcached for one test. */
export async function started(settings: readonly string[] = []): Promise<MemcachedServer> {
  const server = await startMemcached(settings)
  onTestFinished(() => server.stop())
  return server
}

/** Gives a store that is closed after the test. */
export function opened(options: MemcachedStoreOptions): MemcachedStore {
  const store = memcachedStore(options)
  onTestFinished(() => store.close())
  return store
}

export function stored(fields: Partial<StoredSession> = {}): StoredSession {
  return { version: 1, expiresAt: NOW + 3_600_000, principal: null, body: '{"format":1}\n{}', ...fields }
}

/** What a server is given for a greeting before anything else, and what memcached answers. */
export const GREETING = 'stats settings\r\n'
export const WELCOME = 'STAT item_size_max 1048576\r\nEND\r\n'

/** Starts something that is no memcached, and gives its address. */
export async function impostor(meet: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    meet(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}
