/** Every case of the conformance kit, through every client, on a single Redis, on a cluster and under sentinels. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { redisStore } from '../../src/stores/redis.ts'
import { casesFor } from '../../src/testing/index.ts'
import { openRedis, ownRedis, redis, startRedisCluster, startRedisSentinel } from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { CLUSTER, type Connected, newPrefix, SENTINEL, SINGLE } from './_redis.ts'

/** Holds the store, through each of the clients, to the whole contract but `prune`, which Redis does by itself. */
function conformance<Place extends { stop(): Promise<void> }>(
  start: () => Promise<Place>,
  clients: Readonly<Record<string, (place: Place) => Promise<Connected>>>,
): void {
  let place: Place
  beforeAll(async () => {
    place = await start()
  })
  afterAll(() => place.stop())

  describe.each(Object.entries(clients))('through %s', (_, connect) => {
    const prefix = newPrefix()
    let connected: Connected
    beforeAll(async () => {
      connected = await connect(place)
    })
    afterAll(() => connected.close())

    for (const c of CASES) {
      it(c.name, async () => c.run({ open: () => redisStore({ ...connected, prefix }) }))
    }
  })
}

const nobody = { sendCommand: async () => null, subscribe: async () => null, unsubscribe: async () => null }
const CASES = casesFor(redisStore({ client: nobody, subscriber: nobody }))

serverSuite('redisStore', redis, () => {
  const byUrl = Object.entries(SINGLE).map(
    ([name, connect]) => [name, ({ url }: { url: string }) => connect(url)] as const,
  )
  conformance(openRedis, Object.fromEntries(byUrl))
})

serverSuite('redisStore on a cluster', ownRedis, () => {
  const byNodes = Object.entries(CLUSTER).map(
    ([name, connect]) => [name, ({ nodes }: Awaited<ReturnType<typeof startRedisCluster>>) => connect(nodes)] as const,
  )
  conformance(startRedisCluster, Object.fromEntries(byNodes))
})

serverSuite('redisStore under sentinels', ownRedis, () => conformance(startRedisSentinel, SENTINEL))
