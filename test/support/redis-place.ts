/** Places in a Redis, and in a cluster, for the promises: one for the test file, a prefix for each place. */
import { randomUUID } from 'node:crypto'
import { createClient, createCluster } from 'redis6'
import { redisStore } from '../../src/stores/redis.ts'
import { openRedis, startRedisCluster } from '../servers/redis.ts'
import type { OpenStore } from './stores.ts'

export interface RedisPlace extends OpenStore {
  readonly url: string
  readonly prefix: string
}

/** @param telling whether the store tells of changes, over a connection of its own */
export async function openRedisPlace({ telling = false } = {}): Promise<RedisPlace> {
  server ??= openRedis()
  const { url } = await server
  const client = createClient({ url })
  await client.connect()
  const prefix = `promises-${randomUUID()}:`
  const subscriber = telling ? await client.duplicate().connect() : undefined
  return {
    url,
    prefix,
    store: redisStore({ client, prefix, ...(subscriber && { subscriber }) }),
    through: (around) => redisStore({ client: around(client), prefix }),
    async dump() {
      const kept: unknown[] = []
      for await (const keys of client.scanIterator({ MATCH: `${prefix}*` })) {
        for (const key of keys) {
          const type = await client.type(key)
          const read = { hash: ['HGETALL', key], zset: ['ZRANGE', key, '0', '-1', 'WITHSCORES'], string: ['GET', key] }
          kept.push(key, await client.sendCommand(read[type as keyof typeof read]))
        }
      }
      return Buffer.from(JSON.stringify(kept))
    },
    async close() {
      await subscriber?.close()
      await client.close()
    },
  }
}

export async function openRedisClusterPlace(): Promise<OpenStore> {
  cluster ??= startRedisCluster()
  const rootNodes = (await cluster).nodes.map(({ url }) => ({ url }))
  const client = createCluster({ rootNodes })
  await client.connect()
  return {
    store: redisStore({ client, prefix: `promises-${randomUUID()}:` }),
    close: () => client.close(),
  }
}

/** They end with the process. */
let cluster: ReturnType<typeof startRedisCluster> | undefined
let server: ReturnType<typeof openRedis> | undefined
