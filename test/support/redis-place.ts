/** Places in a Redis for the promises: one server for the test file, a prefix for each place. */
import { randomUUID } from 'node:crypto'
import { createClient } from 'redis6'
import { redisStore } from '../../src/stores/redis.ts'
import { openRedis } from '../servers/redis.ts'
import type { OpenStore } from './stores.ts'

export async function openRedisPlace(): Promise<OpenStore> {
  server ??= openRedis()
  const client = createClient({ url: (await server).url })
  await client.connect()
  const prefix = `promises-${randomUUID()}:`
  return {
    store: redisStore({ client, prefix }),
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
    close: () => client.close(),
  }
}

/** Ends with the process. */
let server: ReturnType<typeof openRedis> | undefined
