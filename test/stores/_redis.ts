/** What the tests of the Redis store share: every client that it takes, connected, and keys of their own. */
import { randomUUID } from 'node:crypto'
import { Cluster as IoCluster5, Redis as IoRedis5 } from 'ioredis5'
import { Cluster as IoCluster6, Redis as IoRedis6 } from 'ioredis6'
import { createClient as createClient4, createCluster as createCluster4 } from 'redis4'
import { createClient as createClient5, createCluster as createCluster5 } from 'redis5'
import {
  createClient as createClient6,
  createCluster as createCluster6,
  createSentinel as createSentinel6,
} from 'redis6'
import { onTestFinished } from 'vitest'
import type { StoredSession } from '../../src/core/store.ts'
import type { RedisClient, RedisSubscriber } from '../../src/stores/redis.ts'
import type { Address, RedisSentinel } from '../servers/redis.ts'

/** A client for commands, one for listening, and the end of both. */
export interface Connected {
  readonly client: RedisClient
  readonly subscriber: RedisSubscriber
  close(): void
}

/** What the clients of both makers have in common, as far as the tests end them. */
type Client = RedisClient & RedisSubscriber & { on(event: 'error', listener: () => void): unknown }

/** Every client for a single server. */
export const SINGLE: Readonly<Record<string, (url: string) => Promise<Connected>>> = {
  'node-redis 4': (url) =>
    connected(
      () => opened(createClient4({ url })),
      (client) => client.disconnect(),
    ),
  'node-redis 5': (url) =>
    connected(
      () => opened(createClient5({ url })),
      (client) => client.destroy(),
    ),
  'node-redis 6': (url) =>
    connected(
      () => opened(createClient6({ url })),
      (client) => client.destroy(),
    ),
  'ioredis 5': (url) =>
    connected(
      async () => new IoRedis5(url),
      (client) => client.disconnect(),
    ),
  'ioredis 6': (url) =>
    connected(
      async () => new IoRedis6(url),
      (client) => client.disconnect(),
    ),
}

/** Every client for a cluster. */
export const CLUSTER: Readonly<Record<string, (nodes: readonly Address[]) => Promise<Connected>>> = {
  'node-redis 4': (nodes) =>
    connected(
      () => opened(createCluster4({ rootNodes: roots(nodes) })),
      (client) => client.disconnect(),
    ),
  'node-redis 5': (nodes) =>
    connected(
      () => opened(createCluster5({ rootNodes: roots(nodes) })),
      (client) => client.destroy(),
    ),
  'node-redis 6': (nodes) =>
    connected(
      () => opened(createCluster6({ rootNodes: roots(nodes) })),
      (client) => client.destroy(),
    ),
  'ioredis 5': (nodes) =>
    connected(
      async () => new IoCluster5([...nodes]),
      (client) => client.disconnect(),
    ),
  'ioredis 6': (nodes) =>
    connected(
      async () => new IoCluster6([...nodes]),
      (client) => client.disconnect(),
    ),
}

/** Every client for a master that sentinels look after. */
export const SENTINEL: Readonly<Record<string, (place: RedisSentinel) => Promise<Connected>>> = {
  'ioredis 5': ({ sentinels, name }) =>
    connected(
      async () => new IoRedis5({ sentinels: addresses(sentinels), name }),
      (client) => client.disconnect(),
    ),
  'ioredis 6': ({ sentinels, name }) =>
    connected(
      async () => new IoRedis6({ sentinels: addresses(sentinels), name }),
      (client) => client.disconnect(),
    ),
  'node-redis 6': ({ sentinels, name }) =>
    connected(
      () => opened(createSentinel6({ sentinelRootNodes: addresses(sentinels), name })),
      (client) => client.destroy(),
    ),
}

/** A prefix that nobody else has: tests may share a server. */
export function newPrefix(): string {
  return `test-${randomUUID()}:`
}

/** A client that ends with the test. */
export async function forTest(connecting: Promise<Connected>): Promise<Connected> {
  const connected = await connecting
  onTestFinished(() => connected.close())
  return connected
}

/** An instant past 2^31 seconds and past 2^40 ms, so that no integer on the way may be a small one. */
export const NOW = 2_200_000_000_000

export const HOUR = 3_600_000

/** A session with what a case does not care about filled in. */
export function stored(about: Partial<StoredSession> = {}): StoredSession {
  return { version: 1, expiresAt: NOW + HOUR, principal: null, body: '{}', ...about }
}

/** All that a listing gives. */
export async function all<V>(listing: AsyncIterable<V>): Promise<V[]> {
  const given: V[] = []
  for await (const each of listing) given.push(each)
  return given
}

// --- internal ---

async function connected<C extends Client>(open: () => Promise<C>, close: (client: C) => unknown): Promise<Connected> {
  const [client, subscriber] = [await open(), await open()]
  // A lost connection is the server's fault in these tests, and an error without a listener would end the process.
  for (const each of [client, subscriber]) each.on('error', () => undefined)
  const end = async (each: C): Promise<void> => void (await close(each))
  return {
    client,
    subscriber,
    close: () => [client, subscriber].forEach((each) => void end(each).catch(() => undefined)),
  }
}

async function opened<C extends { connect(): Promise<unknown> }>(client: C): Promise<C> {
  await client.connect()
  return client
}

function roots(nodes: readonly Address[]): { url: string }[] {
  return nodes.map(({ host, port }) => ({ url: `redis://${host}:${port}` }))
}

function addresses(servers: readonly Address[]): Address[] {
  return servers.map(({ host, port }) => ({ host, port }))
}
