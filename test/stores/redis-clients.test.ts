/** Which clients the store takes, which it refuses, and how it takes answers of every shape. */
import { Cluster, Redis } from 'ioredis6'
import { createClient as createClient4 } from 'redis4'
import { createClient as createClient5, createClientPool } from 'redis5'
import { createClient as createClient6, RESP_TYPES } from 'redis6'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { redisStore, type RedisClient, type RedisStoreOptions } from '../../src/stores/redis.ts'
import { openRedis, redis } from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { all, HOUR, newPrefix, NOW, stored } from './_redis.ts'

const call = { now: NOW }

describe('redisStore refuses', () => {
  const fine = { sendCommand: async () => null, subscribe: async () => null, unsubscribe: async () => null }
  const lazy = { lazyConnect: true } as const

  const refused: Record<string, [options: unknown, remedy: RegExp]> = {
    'no client': [{}, /redisStore\(\{ client \}\)/],
    'a URL': [{ client: 'redis://localhost' }, /redisStore\(\{ client \}\)/],
    'a client of node-redis 3': [{ client: { send_command: () => true } }, /sendCommand/],
    'a client in legacy mode': [{ client: createClient4({ legacyMode: true }) }, /client\.v4/],
    'a cluster that reads from replicas': [
      { client: new Cluster([{}], { ...lazy, scaleReads: 'slave' }) },
      /scaleReads/,
    ],
    'a client of a replica': [{ client: new Redis({ ...lazy, role: 'slave' }) }, /role: 'master'/],
    'braces in the prefix': [{ client: fine, prefix: '{app}:' }, /Leave them out/],
    'a subscriber that cannot subscribe': [{ client: fine, subscriber: {} }, /duplicate\(\)/],
  }

  it.each(Object.entries(refused))('%s', (_, [options, remedy]) => {
    expect(() => redisStore(options as RedisStoreOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG', message: expect.stringMatching(remedy) }),
    )
  })
})

serverSuite('redisStore takes', redis, () => {
  let server: Awaited<ReturnType<typeof openRedis>>
  beforeAll(async () => {
    server = await openRedis()
  })
  afterAll(() => server.stop())

  /** Connects a client of node-redis, which ends with the test. */
  async function node<C extends { connect(): Promise<unknown>; destroy(): void }>(client: C): Promise<C> {
    await client.connect()
    onTestFinished(() => client.destroy())
    return client
  }

  /** A client of ioredis, which ends with the test. */
  function io(options: object): Redis {
    const client = new Redis(server.url, options)
    onTestFinished(() => client.disconnect())
    return client
  }

  const clients: Record<string, () => Promise<RedisClient>> = {
    'node-redis 5 with RESP 3': async () => node(createClient5({ url: server.url, RESP: 3 })),
    'node-redis 6 with RESP 2': async () => node(createClient6({ url: server.url, RESP: 2 })),
    'node-redis 6 that answers in Buffers and with numbers as text': async () => {
      const mapping = { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.NUMBER]: String }
      return (await node(createClient6({ url: server.url }))).withTypeMapping(mapping)
    },
    'a pool of node-redis': async () => node(createClientPool({ url: server.url })),
    'ioredis with a key prefix': async () => io({ keyPrefix: '*outer?:' }),
    'ioredis that gives numbers as text': async () => io({ stringNumbers: true }),
    'ioredis with automatic pipelines': async () => io({ enableAutoPipelining: true }),
    'anything that sends a command': async () => {
      const client = io({})
      return { sendCommand: async ([name = '', ...args]: string[]) => client.call(name, ...args) }
    },
  }

  it.each(Object.entries(clients))('%s', async (_, connect) => {
    const store = redisStore({ client: await connect(), prefix: newPrefix() })
    const session = stored({ principal: 'Ádá', body: '{"ö":1}' })
    expect(await store.create('id', session, call)).toBe(true)
    expect(await store.create('id', session, call)).toBe(false)
    expect(await store.load('id', call)).toEqual(session)
    const second = { ...session, version: 2 }
    expect(await store.save('id', second, 1, { ...call, principalBefore: 'Ádá' })).toBe('saved')
    expect(await store.save('id', second, 1, { ...call, principalBefore: 'Ádá' })).toEqual({ conflict: second })
    expect(await store.touch('id', NOW + 9 * HOUR, call)).toBe(true)
    const kept = { ...second, expiresAt: NOW + 9 * HOUR }
    expect(await all(store.list('Ádá', call))).toEqual([['id', kept]])
    expect(await all(store.scan(call))).toEqual([['id', kept]])
    expect(await store.removeAll('Ádá', {}, call)).toBe(1)
    expect(await store.revokedAt('Ádá', call)).toBe(NOW)
    expect(await store.revokedAt('Ada', call)).toBeUndefined()
    expect(await store.load('id', call)).toBeUndefined()
    expect(await store.save('id', second, 1, call)).toBe('gone')
    expect(await store.touch('id', NOW + HOUR, call)).toBe(false)
  })

  it('a prefix that is also a pattern, and scans nobody else', async () => {
    const client = io({})
    const base = newPrefix()
    const store = redisStore({ client, prefix: `${base}a*[b]?\\:` })
    await store.create('id', stored(), call)
    await redisStore({ client, prefix: `${base}aaab?\\:` }).create('other', stored(), call)
    await redisStore({ client, prefix: `${base}aab1:` }).create('other', stored(), call)
    expect(await all(store.scan(call))).toEqual([['id', stored()]])
  })

  it('very many sessions, and scans each once', async () => {
    const store = redisStore({ client: io({}), prefix: newPrefix() })
    const ids = Array.from({ length: 1000 }, (_, n) => `id-${n}`)
    await Promise.all(ids.map(async (id) => store.create(id, stored(), call)))
    const scanned = (await all(store.scan(call))).map(([id]) => id)
    expect(scanned.toSorted()).toEqual(ids.toSorted())
  })

  it('no text that Redis would keep as another', async () => {
    const store = redisStore({ client: io({}), prefix: newPrefix() })
    const unsupported = expect.objectContaining({ code: 'ERR_SOJOURN_UNSUPPORTED' })
    const half = 'half \ud800 a pair'
    await expect(store.create('id', stored({ principal: half }), call)).rejects.toEqual(unsupported)
    await expect(store.create('id', stored({ body: half }), call)).rejects.toEqual(unsupported)
    await expect(store.removeAll(half, {}, call)).rejects.toEqual(unsupported)
    expect(await store.load('id', call)).toBeUndefined()
  })
})
