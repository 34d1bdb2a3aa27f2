/**
 * What can happen to a Redis in service. In each case no request hangs, no error is swallowed, what was acknowledged is
 * kept as far as Redis promises it, nothing is counted twice, and service comes back by itself.
 */
import { createClient } from 'redis6'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createSessions } from '../../src/sessions.ts'
import { redisStore, type RedisStore } from '../../src/stores/redis.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import { until } from '../servers/_process.ts'
import { startProxy } from '../servers/_proxy.ts'
import {
  DURABLE,
  ownRedis,
  type RedisServer,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { all, CLUSTER, type Connected, forTest, SENTINEL, SINGLE } from './_redis.ts'
import { increment, Traffic } from './_traffic.ts'

const SESSIONS = 10
const CLIENTS = ['node-redis 6', 'ioredis 6'] as const

async function forThisTest<S extends { stop(): Promise<void> }>(starting: Promise<S>): Promise<S> {
  const server = await starting
  onTestFinished(() => server.stop())
  return server
}

async function storeOver(connecting: Promise<Connected>): Promise<RedisStore> {
  return redisStore({ client: (await forTest(connecting)).client })
}

/** Holds what was counted against what was acknowledged and what was attempted. */
async function expectKept(traffic: Traffic, store: RedisStore): Promise<void> {
  const counted = await traffic.counted(store)
  const wrong = traffic.lanes.filter(
    ({ acknowledged, attempted }, n) => counted[n]! < acknowledged || counted[n]! > attempted,
  )
  expect({ wrong, counted: wrong.length && counted }).toEqual({ wrong: [], counted: 0 })
  expect(traffic.complaints()).toEqual([])
}

serverSuite('a Redis in trouble', ownRedis, () => {
  describe.each(CLIENTS)('seen through %s', (name) => {
    it('that is killed and comes back keeps what it acknowledged', async () => {
      const server = await forThisTest(startRedis(DURABLE))
      const traffic = await new Traffic(await storeOver(SINGLE[name]!(server.url))).begin(SESSIONS)
      traffic.go()
      for (let n = 0; n < 2; n++) {
        await traffic.isServed()
        await server.process.restart()
      }
      await traffic.isServed()
      await traffic.stop()
      await expectKept(traffic, await storeOver(SINGLE['ioredis 6']!(server.url)))
    })

    it('whose answers get lost counts nothing twice', async () => {
      const server = await forThisTest(startRedis())
      const proxy = await startProxy(server)
      onTestFinished(() => proxy.close())
      const traffic = await new Traffic(await storeOver(SINGLE[name]!(urlOf(proxy)))).begin(SESSIONS)
      proxy.loseAnswersTo(/evalsha/i, 10)
      traffic.go()
      await until('twenty connections are cut', () => proxy.cuts >= 20)
      proxy.through()
      await traffic.isServed()
      await traffic.stop()
      await expectKept(traffic, await storeOver(SINGLE['ioredis 6']!(server.url)))
    })

    it('whose answers to sign-ins get lost makes no session twice', async () => {
      const server = await forThisTest(startRedis())
      const proxy = await startProxy(server)
      onTestFinished(() => proxy.close())
      const store = await storeOver(SINGLE[name]!(urlOf(proxy)))
      const sessions = createSessions<{ user: string }>({ store, storeTimeout: 1, principal: ({ user }) => user })
      proxy.loseAnswersTo(/evalsha[^]*sojourn:\{/i, 5)
      let acknowledged = 0
      const attempted = 100
      for (let n = 0; n < attempted; n++) {
        const session = await sessions.open({ cookie: null, secure: true })
        session.user = 'ada'
        const commit = sessions.commit(session).then(() => true)
        if (await commit.catch(() => false)) acknowledged++
      }
      proxy.through()
      const own = await storeOver(SINGLE['ioredis 6']!(server.url))
      const kept = (await all(own.list('ada', { now: Date.now() }))).length
      expect(proxy.cuts).toBeGreaterThan(5)
      expect(kept).toBeGreaterThanOrEqual(acknowledged)
      expect(kept).toBeLessThanOrEqual(attempted)
    })

    it('that accepts and never answers is an error in time, and serves as soon as it answers', async () => {
      const server = await forThisTest(startRedis())
      const proxy = await startProxy(server)
      onTestFinished(() => proxy.close())
      const traffic = await new Traffic(await storeOver(SINGLE[name]!(urlOf(proxy)))).begin(SESSIONS)
      traffic.go()
      for (const trouble of [() => proxy.swallow(), () => proxy.hold(), () => server.process.freeze()]) {
        await traffic.isServed()
        trouble()
        await traffic.hasFailed()
        proxy.through()
        server.process.thaw()
      }
      await traffic.isServed()
      await traffic.stop()
      await expectKept(traffic, await storeOver(SINGLE['ioredis 6']!(server.url)))
      expect(traffic.errors).toContainEqual(expect.objectContaining({ code: 'ERR_SOJOURN_STORE_TIMEOUT' }))
    })

    it('that is full refuses writes with the remedy, still reads and logs out, and writes when it has room', async () => {
      const server = await forThisTest(startRedis(['--maxmemory-policy', 'noeviction']))
      const store = await storeOver(SINGLE[name]!(server.url))
      const traffic = await new Traffic(store).begin(2)
      const { sessions, lanes } = traffic
      await server.ask('config set maxmemory 1')
      const full = { code: 'ERR_SOJOURN_STORE', message: expect.stringContaining('Raise maxmemory') }
      await expect(sessions.update(lanes[0]!.id, increment)).rejects.toMatchObject(full)
      await expect(new Traffic(store).begin(1)).rejects.toMatchObject(full)
      expect(await sessions.read(lanes[0]!.id)).toMatchObject({ data: { count: 0 } })
      expect(await sessions.revoke(lanes[1]!.id)).toBe(true)
      expect(await sessions.read(lanes[1]!.id)).toBeUndefined()
      await server.ask('config set maxmemory 0')
      await sessions.update(lanes[0]!.id, increment)
      expect(await traffic.counted(store)).toEqual([1, -1])
    })

    it('that forgets its scripts fails no request', async () => {
      const server = await forThisTest(startRedis())
      const store = await storeOver(SINGLE[name]!(server.url))
      const traffic = await new Traffic(store).begin(SESSIONS)
      traffic.go()
      for (let n = 0; n < 20; n++) {
        await server.ask('script flush')
        await traffic.isServed()
      }
      await traffic.stop()
      expect(traffic.errors).toEqual([])
      await expectKept(traffic, store)
    })
  })

  it('of which a replica takes over serves again by itself; what asynchronous replication loses is counted', async () => {
    const place = await forThisTest(startRedisSentinel())
    const traffic = await new Traffic(await storeOver(SENTINEL['ioredis 6']!(place))).begin(SESSIONS)
    await place.master.ask('wait 1 5000')
    traffic.go()
    for (let n = 0; n < 10; n++) await traffic.isServed()
    await place.master.process.kill()
    await place.failedOver()
    await traffic.isServed()
    await traffic.stop()
    const counted = await traffic.counted(await storeOver(SINGLE['ioredis 6']!(place.replica.url)))
    const lost = traffic.lanes.map(({ acknowledged }, n) => Math.max(0, acknowledged - counted[n]!))
    const total = traffic.lanes.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
    console.info(`failover: ${lost.reduce((sum, one) => sum + one, 0)} of ${total} acknowledged updates lost`)
    for (const [n, { attempted }] of traffic.lanes.entries()) expect(counted[n]).toBeLessThanOrEqual(attempted)
    expect(traffic.complaints()).toEqual([])
  })

  it('that is a cluster and loses a node serves again when the node is back, and has lost nothing', async () => {
    const cluster = await forThisTest(startRedisCluster(DURABLE))
    const all = await Promise.all(
      CLIENTS.map(async (name) => new Traffic(await storeOver(CLUSTER[name]!(cluster.nodes))).begin(SESSIONS)),
    )
    for (const traffic of all) traffic.go()
    await Promise.all(all.map((traffic) => traffic.isServed()))
    await cluster.nodes[1]!.process.kill()
    await Promise.all(all.map((traffic) => traffic.hasFailed()))
    await cluster.nodes[1]!.process.start()
    await Promise.all(all.map((traffic) => traffic.isServed()))
    await Promise.all(all.map((traffic) => traffic.stop()))
    const store = await storeOver(CLUSTER['ioredis 6']!(cluster.nodes))
    for (const traffic of all) await expectKept(traffic, store)
  })

  it('shared by two processes whose clocks are five minutes apart ends nobody’s session, and keeps every update', async () => {
    const server: RedisServer = await forThisTest(startRedis())
    const client = createClient({ url: server.url })
    await client.connect()
    onTestFinished(() => client.destroy())
    const [right, ahead] = [fakeClock(), fakeClock()]
    ahead.advance(5 * 60_000)
    const options = { store: redisStore({ client }), idleTimeout: 600 }
    const here = createSessions<{ count: number }>({ ...options, clock: right })
    const there = createSessions<{ count: number }>({ ...options, clock: ahead })

    const session = await here.open({ cookie: null, secure: true })
    session.count = 0
    const { headers } = await here.commit(session)
    const cookie = headers.find(([name]) => name === 'Set-Cookie')![1].split(';')[0]!
    for (let n = 0; n < 100; n++) {
      for (const [sessions, clock] of [
        [here, right],
        [there, ahead],
      ] as const) {
        const opened = await sessions.open({ cookie, secure: true })
        expect([n, opened.isNew]).toEqual([n, false])
        await opened.update((data) => void data.count!++)
        await sessions.commit(opened)
        clock.advance(4 * 60_000)
      }
    }
    expect((await here.read(session.id))?.data).toEqual({ count: 200 })

    await there.revoke(session.id)
    expect((await here.open({ cookie, secure: true })).isNew).toBe(true)
  })
})

function urlOf({ host, port }: { host: string; port: number }): string {
  return `redis://${host}:${port}`
}
