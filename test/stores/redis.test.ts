/** Every case of the conformance kit, through every client, on a single Redis, on a cluster and under sentinels. */
import { Cluster } from 'ioredis6'
import { createCluster } from 'redis6'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { redisStore } from '../../src/stores/redis.ts'
import { casesFor } from '../../src/testing/index.ts'
import { openRedis, ownRedis, redis, startRedisCluster, startRedisSentinel } from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { all, CLUSTER, type Connected, forTest, newPrefix, NOW, SENTINEL, SINGLE, stored } from './_redis.ts'

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

serverSuite('redisStore through the client of a cluster', ownRedis, () => {
  it('scans every node, though it has only just been made', async () => {
    const cluster = await startRedisCluster()
    onTestFinished(() => cluster.stop())
    const ids = Array.from({ length: 20 }, (_, n) => `id-${n}`)
    const { client } = await forTest(CLUSTER['node-redis 6']!(cluster.nodes))
    for (const id of ids) await redisStore({ client }).create(id, stored(), { now: NOW })
    const fresh = new Cluster([...cluster.nodes])
    onTestFinished(() => fresh.disconnect())
    const scanned = (await all(redisStore({ client: fresh }).scan({ now: NOW }))).map(([id]) => id)
    expect(scanned.toSorted()).toEqual(ids.toSorted())

    const closed = redisStore({ client: createCluster({ rootNodes: [{ url: cluster.nodes[0]!.url }] }) })
    await expect(all(closed.scan({ now: NOW }))).rejects.toMatchObject({ code: 'ERR_SOJOURN_STORE' })
  })
})

serverSuite('redisStore under sentinels', ownRedis, () => conformance(startRedisSentinel, SENTINEL))
