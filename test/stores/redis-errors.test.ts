/** What Redis refuses, and what is there that should not be: each a clear answer, or a clear error with its remedy. */
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis6'
import { createClient } from 'redis6'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Store } from '../../src/core/store.ts'
import { redisStore } from '../../src/stores/redis.ts'
import { until } from '../servers/_process.ts'
import { ownRedis, type RedisServer, startRedis } from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { all, HOUR, newPrefix, NOW, stored } from './_redis.ts'

const call = { now: NOW }

const writes: Record<string, (store: Store) => unknown> = {
  create: (store) => store.create('id', stored(), call),
  save: (store) => store.save('id', stored({ version: 2 }), 1, call),
  touch: (store) => store.touch('id', NOW + 2 * HOUR, call),
  remove: (store) => store.remove('id', call),
}

function storeError(remedy: RegExp): unknown {
  return expect.objectContaining({ code: 'ERR_SOJOURN_STORE', message: expect.stringMatching(remedy) })
}

describe('an answer of failure', () => {
  const answers: [answer: string, remedy: RegExp][] = [
    ["OOM command not allowed when used memory > 'maxmemory'.", /Raise maxmemory/],
    [
      'ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -OOM command not allowed',
      /Raise maxmemory/,
    ],
    ['LOADING Redis is loading the dataset in memory', /Wait/],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", /failover/],
    ['CLUSTERDOWN Hash slot not served', /Start the node/],
    ['Too many Cluster redirections. Last error: ReplyError: CLUSTERDOWN The cluster is down', /Start the node/],
    ['TRYAGAIN Multiple keys request during rehashing of slot', /Try again/],
    ["CROSSSLOT Keys in request don't hash to the same slot", /createCluster/],
    ['MISCONF Redis is configured to save RDB snapshots', /disk/],
    ['MOVED 3999 127.0.0.1:6381', /createCluster/],
    ['BUSY Redis is busy running a script.', /SCRIPT KILL/],
    ['WRONGPASS invalid username-password pair or user is disabled.', /Correct/],
    ["ERR unknown command 'EVALSHA'", /6\.2/],
    ['Socket closed unexpectedly', /connected/],
  ]

  it.each(answers)('%s', async (answer, remedy) => {
    const cause = new Error(answer)
    const store = redisStore({ client: { sendCommand: () => Promise.reject(cause) } })
    for (const write of Object.values(writes)) {
      await expect(write(store)).rejects.toEqual(storeError(remedy))
      await expect(write(store)).rejects.toMatchObject({ cause, status: 503 })
    }
    await expect(store.load('id', call)).rejects.toEqual(storeError(remedy))
    await expect(store.revokedAt('ada', call)).rejects.toEqual(storeError(remedy))
    await expect(all(store.list('ada', call))).rejects.toEqual(storeError(remedy))
    await expect(all(store.scan(call))).rejects.toEqual(storeError(remedy))
  })
})

serverSuite('redisStore says what is wrong', ownRedis, () => {
  let server: RedisServer
  let admin: ReturnType<typeof createClient>
  let prefix: string

  beforeAll(async () => {
    server = await startRedis()
    admin = createClient({ url: server.url })
    await admin.connect()
  })
  afterAll(async () => {
    admin.destroy()
    await server.stop()
  })
  beforeEach(() => {
    prefix = newPrefix()
  })

  /** A client that ends with the test. */
  function client(url: string, options: object = {}): Redis {
    const client = new Redis(url, options)
    client.on('error', () => undefined)
    onTestFinished(() => client.disconnect())
    return client
  }

  it('of a key that holds something else: absent to a read, an error to a write, and left as it is', async () => {
    const store = redisStore({ client: admin, prefix })
    await admin.set(`${prefix}{id}`, 'not ours')
    expect(await store.load('id', call)).toBeUndefined()
    for (const write of Object.values(writes)) {
      await expect(write(store)).rejects.toEqual(storeError(/WRONGTYPE|prefix of its own/))
    }
    expect(await admin.get(`${prefix}{id}`)).toBe('not ours')
  })

  it('of a hash that is none of ours: absent to all, taken to create, and gone with remove', async () => {
    const store = redisStore({ client: admin, prefix })
    const good = { v: '1', e: String(NOW + HOUR), p: 'ada', b: '{}', i: '0' }
    const odd: Record<string, string>[] = [
      { ...good, v: 'one' },
      { ...good, v: '1.5' },
      { ...good, v: '99999999999999999999' },
      { ...good, e: 'tomorrow' },
      { ...good, e: '' },
      { name: 'another application' },
      ...['v', 'p', 'b'].map((field) => Object.fromEntries(Object.entries(good).filter(([name]) => name !== field))),
    ]
    for (const fields of odd) {
      await admin.hSet(`${prefix}{id}`, fields)
      expect([fields, await store.load('id', call)]).toEqual([fields, undefined])
      expect(await store.save('id', stored({ version: 2 }), 1, call)).toBe('gone')
      expect(await store.touch('id', NOW + 2 * HOUR, call)).toBe(false)
      expect(await store.create('id', stored(), call)).toBe(false)
      expect(await all(store.scan(call))).toEqual([])
      expect({ ...(await admin.hGetAll(`${prefix}{id}`)) }).toEqual(fields)
      await store.remove('id', call)
      expect(await admin.exists(`${prefix}{id}`)).toBe(0)
    }
  })

  it('of an index that is none of ours, and of a mark that is no instant', async () => {
    const store = redisStore({ client: admin, prefix })
    await store.removeAll('ada', {}, call)
    const [mark = ''] = await admin.keys(`${prefix}r:*`)
    await admin.set(mark, 'yesterday')
    expect(await store.revokedAt('ada', call)).toBeUndefined()
    await store.removeAll('ada', {}, call)
    expect(await store.revokedAt('ada', call)).toBe(NOW)
    await admin.set(mark.replace('r:', 'p:'), 'not ours')
    await expect(all(store.list('ada', call))).rejects.toEqual(storeError(/prefix of its own/))
    await expect(store.create('id', stored({ principal: 'ada' }), call)).rejects.toEqual(
      storeError(/prefix of its own/),
    )
    expect(await store.load('id', call)).toBeUndefined()
  })

  it('of a replica', async () => {
    const replica = await startRedis(['--replicaof', '127.0.0.1', String(server.port)])
    onTestFinished(() => replica.stop())
    await redisStore({ client: admin, prefix }).create('id', stored(), call)
    const store = redisStore({ client: client(replica.url), prefix })
    await until('the replica has it', async () => (await store.load('id', call)) !== undefined)
    const { create: _, ...others } = writes
    await expect(store.create('other', stored(), call)).rejects.toEqual(storeError(/master/))
    for (const write of Object.values(others)) await expect(write(store)).rejects.toEqual(storeError(/master/))
  })

  it('of too few replicas', async () => {
    await admin.configSet('min-replicas-to-write', '1')
    onTestFinished(async () => void (await admin.configSet('min-replicas-to-write', '0')))
    const store = redisStore({ client: admin, prefix })
    await expect(store.create('id', stored(), call)).rejects.toEqual(storeError(/min-replicas-to-write/))
  })

  it('of a password that is missing', async () => {
    const guarded = await startRedis(['--requirepass', 'secret'])
    onTestFinished(() => guarded.stop())
    const store = redisStore({ client: client(guarded.url, { enableReadyCheck: false }), prefix })
    await expect(store.load('id', call)).rejects.toEqual(storeError(/password/))
  })

  it('of a user who may not write; and the rule of docs/stores/redis.md is enough', async () => {
    const page = readFileSync(new URL('../../docs/stores/redis.md', import.meta.url), 'utf8')
    const [, rule = ''] = /ACL SETUSER sojourn (.+)/.exec(page) ?? []
    const own = rule.replaceAll('sojourn:', prefix).split(' ')
    await admin.aclSetUser('reader', ['on', '>pass', `~${prefix}*`, '+@connection', '+@read', '+info'])
    await admin.aclSetUser('sojourn', own)
    const options = { password: 'pass', enableReadyCheck: false }
    const reader = redisStore({ client: client(server.url, { ...options, username: 'reader' }), prefix })
    for (const write of Object.values(writes)) await expect(write(reader)).rejects.toEqual(storeError(/ACL/))

    const allowed = client(server.url, { ...options, password: 'password', username: 'sojourn' })
    const subscriber = allowed.duplicate()
    onTestFinished(() => subscriber.disconnect())
    const store = redisStore({ client: allowed, subscriber, prefix })
    await heard(store)
    for (const write of Object.values(writes)) await write(store)
    await store.create('id', stored({ principal: 'ada' }), call)
    expect(await all(store.list('ada', call))).toHaveLength(1)
    expect(await all(store.scan(call))).toHaveLength(1)
    expect(await store.removeAll('ada', {}, call)).toBe(1)
    expect(await store.revokedAt('ada', call)).toBe(NOW)
  })

  it('of a client that is closed', async () => {
    const closed = createClient({ url: server.url })
    const store = redisStore({ client: closed, prefix })
    for (const write of Object.values(writes)) await expect(write(store)).rejects.toEqual(storeError(/connected/))
    await expect(store.load('id', call)).rejects.toEqual(storeError(/connect\(\)/))
  })

  it('without what people keep in their sessions', async () => {
    await admin.set(`${prefix}{id}`, 'not ours')
    const store = redisStore({ client: client(server.url), prefix })
    const error: unknown = await Promise.resolve(store.create('id', stored({ body: 'private' }), call)).catch(
      (e: unknown) => e,
    )
    expect(error).toMatchObject({ cause: { command: { name: expect.stringMatching(/^eval/) } } })
    expect(JSON.stringify(error)).not.toContain('private')
    expect(JSON.stringify((error as Error).cause)).not.toContain('private')
  })
})

/** Waits until the store tells of a change. */
async function heard(store: Required<Pick<Store, 'changes'>> & Store): Promise<void> {
  let told = 0
  const end = store.changes(() => told++)
  await store.create('told', stored(), call)
  let version = 1
  await until('a change is told', async () => {
    await store.save('told', stored({ version: version + 1 }), version++, call)
    return told > 0
  })
  end()
  await store.remove('told', call)
}
