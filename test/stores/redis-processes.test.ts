/** Eight processes that count on one session, through every client. They run the built store: `npm run build` first. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { createSessions } from '../../src/sessions.ts'
import { redisStore, type RedisClient } from '../../src/stores/redis.ts'
import { type Address, ownRedis, type RedisCluster, startRedis, startRedisCluster } from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { CLUSTER, type Connected, newPrefix, SINGLE } from './_redis.ts'

const WORKER = fileURLToPath(new URL('_redis-worker.mjs', import.meta.url))
const PROCESSES = 8
const INCREMENTS = 1000

/** A process that is ready to count. */
async function worker(...args: string[]): Promise<{ process: ChildProcess; done: Promise<unknown> }> {
  const child = spawn(process.execPath, [WORKER, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  expect(await lines.next()).toMatchObject({ value: 'ready' })
  return { process: child, done: Promise.all([lines.next(), once(child, 'exit')]) }
}

/** Counts in many processes at once, each with the next of the clients, and gives what has been counted. */
async function count(client: RedisClient, clients: string[], nodes: readonly Address[]): Promise<unknown> {
  const prefix = newPrefix()
  const sessions = createSessions<{ count: number }>({ store: redisStore({ client, prefix }) })
  const session = await sessions.open({ cookie: null, secure: true })
  session.count = 0
  await sessions.commit(session)
  const places = nodes.map(({ host, port }) => `${host}:${port}`).join()
  const workers = await Promise.all(
    Array.from({ length: PROCESSES }, (_, n) =>
      worker(clients[n % clients.length]!, places, prefix, session.id, String(INCREMENTS)),
    ),
  )
  for (const { process } of workers) process.stdin?.write('go\n')
  for (const { done } of workers) expect(await done).toMatchObject([{ value: 'done' }, [0, null]])
  return (await sessions.read(session.id))?.data
}

serverSuite('eight processes that count on one session in Redis', ownRedis, () => {
  it('lose no increment, and make none twice', async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const { client, close } = await SINGLE['ioredis 6']!(server.url)
    onTestFinished(close)
    expect(await count(client, Object.keys(SINGLE), [server])).toEqual({ count: PROCESSES * INCREMENTS })
  })
})

serverSuite('eight processes that count on one session in a cluster', ownRedis, () => {
  let cluster: RedisCluster
  let connected: Connected
  beforeAll(async () => {
    cluster = await startRedisCluster()
    connected = await CLUSTER['ioredis 6']!(cluster.nodes)
  })
  afterAll(async () => {
    connected.close()
    await cluster.stop()
  })

  it('lose no increment, and make none twice', async () => {
    const all = Object.keys(CLUSTER)
    expect(await count(connected.client, all, cluster.nodes)).toEqual({ count: PROCESSES * INCREMENTS })
  })
})
