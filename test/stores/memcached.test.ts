import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BROOM_DELAY_MS } from '../../src/core/store.ts'
import { memcachedStore } from '../../src/stores/memcached.ts'
import type { MemcachedStoreOptions } from '../../src/stores/memcached.ts'
import { casesFor } from '../../src/testing/store-cases.ts'
import { ask } from '../servers/_ask.ts'
import { newFolder } from '../servers/_process.ts'
import { makeCertificate } from '../servers/certificate.ts'
import { memcached, type MemcachedServer, startMemcached } from '../servers/memcached.ts'
import { serverSuite } from '../servers/suite.ts'
import { addressOf, call, NOW, opened, started, stored } from './_memcached.ts'

let servers: MemcachedServer[]
const both = (): string[] => servers.map(addressOf)

/** The keys that a server holds, with the second at which each expires, or -1. */
async function keysOf(server: MemcachedServer): Promise<{ key: string; expires: number }[]> {
  const dump = await ask(server.port, 'lru_crawler metadump all')
  return [...dump.matchAll(/^key=(\S+) exp=(-?\d+)/gm)].map(([, key, exp]) => ({
    key: decodeURIComponent(key!),
    expires: Number(exp),
  }))
}

serverSuite('memcachedStore', memcached, () => {
  beforeAll(async () => {
    servers = await Promise.all([startMemcached(), startMemcached()])
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })

  describe('on two servers passes the case', () => {
    const cases = casesFor(memcachedStore({ servers: 'localhost' }))
    it.each(cases.map((c) => [c.name, c] as const))('%s', async (_, { run }) => {
      await run({ open: () => opened({ servers: both() }), limits: { maxBodyBytes: 1_000_000 } })
    })
  })

  describe('in the server', () => {
    it('keeps a session under a hash behind the prefix, until ten minutes after its expiry', async () => {
      const server = await started()
      const store = opened({ servers: addressOf(server), prefix: 'app/' })
      await store.create('the id', stored({ expiresAt: NOW + 1 }), call)
      expect(await keysOf(server)).toEqual([
        { key: expect.stringMatching(/^app\/[\w-]{43}$/) as string, expires: (NOW + BROOM_DELAY_MS) / 1000 + 1 },
      ])
    })

    it('keeps without an expiry of its own what expires beyond its 32 bits', async () => {
      const server = await started()
      const store = opened({ servers: addressOf(server) })
      const session = stored({ expiresAt: 2 ** 31 * 1000 })
      await store.create('id', session, call)
      expect(await keysOf(server)).toMatchObject([{ expires: -1 }])
      expect(await store.load('id', call)).toEqual(session)
    })

    it('takes what is no session for absent, and creates over it', async () => {
      const server = await started()
      const store = opened({ servers: addressOf(server), prefix: '' })
      await store.create('id', stored(), call)
      const [{ key } = { key: '' }] = await keysOf(server)
      for (const value of ['', 'x', 'null\nx', '[1,2]\nx', '["1",2,null]\nx', '[1,2,{}]\nx', '[1,2,null']) {
        await ask(server.port, `set ${key} 0 0 ${value.length}\r\n${value}`)
        expect(await store.load('id', call)).toBeUndefined()
        expect(await store.save('id', stored({ version: 2 }), 1, call)).toBe('gone')
        expect(await store.touch('id', NOW + 9e6, call)).toBe(false)
        expect(await store.create('id', stored(), call)).toBe(true)
        expect(await store.load('id', call)).toEqual(stored())
      }
    })

    it('refuses a session that no item can hold, and the one before it stays', async () => {
      const store = opened({ servers: both() })
      await store.create('id', stored(), call)
      for (const length of [1_048_500, 3_000_000]) {
        const large = stored({ version: 2, body: 'x'.repeat(length) })
        await expect(store.save('id', large, 1, call)).rejects.toMatchObject({ code: 'ERR_SOJOURN_TOO_LARGE' })
        await expect(store.create(`${length}`, large, call)).rejects.toMatchObject({ code: 'ERR_SOJOURN_TOO_LARGE' })
        expect(await store.load('id', call)).toEqual(stored())
      }
    })

    it('learns from the server how much that is', async () => {
      const store = opened({ servers: addressOf(await started(['-I', '512k'])) })
      const large = stored({ version: 2, body: 'x'.repeat(525_000) })
      await expect(store.create('first', large, call)).rejects.toMatchObject({ code: 'ERR_SOJOURN_TOO_LARGE' })
      await store.create('id', stored(), call)
      await expect(store.save('id', large, 1, call)).rejects.toMatchObject({ code: 'ERR_SOJOURN_TOO_LARGE' })
      expect(await store.load('id', call)).toEqual(stored())
      const roomy = opened({ servers: addressOf(await started(['-I', '4m'])) })
      expect(await roomy.create('id', stored({ body: 'x'.repeat(3_000_000) }), call)).toBe(true)
    })

    it('refuses half of a surrogate pair in a body, and keeps one in a principal', async () => {
      const store = opened({ servers: both() })
      const half = { code: 'ERR_SOJOURN_UNSUPPORTED' }
      await expect(store.create('half', stored({ body: 'x\ud83d' }), call)).rejects.toMatchObject(half)
      await store.create('half', stored({ principal: 'x\ud83d' }), call)
      expect(await store.load('half', call)).toEqual(stored({ principal: 'x\ud83d' }))
    })

    it('works where a touch by another process came between, as often as it comes', async () => {
      const [one, other] = [opened({ servers: both() }), opened({ servers: both() })]
      await one.create('touched', stored(), call)
      for (let version = 1; version < 10; version++) {
        await other.touch('touched', NOW + 9e6 + version, call)
        expect(await one.save('touched', stored({ version: version + 1 }), version, call)).toBe('saved')
      }
    })
  })

  describe('on several servers', () => {
    it('gives each its share, and the same share in whatever order they are named', async () => {
      const three = await Promise.all([started(), started(), started()])
      const names = three.map(addressOf)
      const [store, reversed] = [opened({ servers: names }), opened({ servers: names.toReversed() })]
      const ids = Array.from({ length: 300 }, (_, n) => `id-${n}`)
      await Promise.all(ids.map((id) => store.create(id, stored(), call)))
      for (const id of ids) expect(await reversed.load(id, call)).toEqual(stored())
      for (const server of three) expect((await keysOf(server)).length).toBeGreaterThan(60)
    })

    it('moves nothing but its share when there is one more', async () => {
      const three = (await Promise.all([started(), started(), started()])).map(addressOf)
      const ids = Array.from({ length: 300 }, (_, n) => `id-${n}`)
      const [before, after] = [opened({ servers: three.slice(0, 2) }), opened({ servers: three })]
      await Promise.all(ids.map((id) => before.create(id, stored(), call)))
      const found = await Promise.all(ids.map((id) => after.load(id, call)))
      const moved = found.filter((session) => session === undefined).length
      expect(moved).toBeGreaterThan(60)
      expect(moved).toBeLessThan(140)
    })
  })

  describe('with a password', () => {
    const secret = (): string => {
      const file = join(newFolder('memcached-secret'), 'users')
      writeFileSync(file, 'ada:enig:ma\n', { mode: 0o644 })
      return file
    }

    it('shows it before anything else', async () => {
      const server = await started(['-Y', secret()])
      const store = opened({ servers: addressOf(server), username: 'ada', password: 'enig:ma' })
      const made = await Promise.all([1, 2, 3].map((n) => store.create(`id-${n}`, stored(), call)))
      expect(made).toEqual([true, true, true])
    })

    it.each([
      ['none', {}, /Give `username` and `password`\.$/],
      ['a wrong one', { username: 'ada', password: 'wrong' }, /of its --auth-file\.$/],
    ])('says what is missing with %s', async (_, login, remedy) => {
      const store = opened({ servers: addressOf(await started(['-Y', secret()])), ...login })
      const refused = { code: 'ERR_SOJOURN_STORE', message: expect.stringMatching(remedy) as string }
      await expect(store.load('id', call)).rejects.toMatchObject(refused)
      await expect(store.create('id', stored(), call)).rejects.toMatchObject(refused)
    })
  })

  describe('over TLS', () => {
    let server: MemcachedServer
    let ca: string
    beforeAll(async () => {
      const made = makeCertificate(newFolder('memcached-tls'))
      ca = made.ca
      server = await startMemcached(['-Z', '-o', `ssl_chain_cert=${made.certFile},ssl_key=${made.keyFile}`])
    })
    afterAll(() => server.stop())

    it('keeps sessions, long ones too', async () => {
      for (const host of ['localhost', '127.0.0.1']) {
        const store = opened({ servers: `${host}:${server.port}`, tls: { ca } })
        const session = stored({ body: 'ü'.repeat(400_000) })
        await store.create(host, session, call)
        expect(await store.load(host, call)).toEqual(session)
      }
    })

    it('refuses a certificate that nobody vouches for', async () => {
      const store = opened({ servers: addressOf(server), tls: true })
      const refused = { code: 'ERR_SOJOURN_STORE', message: expect.stringMatching(/TLS fails/) as string }
      await expect(store.load('id', call)).rejects.toMatchObject(refused)
    })

    it('is not spoken to a server that has none, nor left out to one that has', async () => {
      const refused = { code: expect.stringMatching(/^ERR_SOJOURN_STORE/) as string }
      const wrong: MemcachedStoreOptions[] = [{ servers: both(), tls: { ca } }, { servers: addressOf(server) }]
      for (const options of wrong) {
        await expect(opened({ ...options, timeout: 0.5 }).load('id', call)).rejects.toMatchObject(refused)
      }
    })
  })

  it('says so when memcached was started without compare-and-swap', async () => {
    const store = opened({ servers: addressOf(await started(['-C'])) })
    const refused = { code: 'ERR_SOJOURN_STORE', message: expect.stringMatching(/without -C\.$/) as string }
    await expect(store.create('id', stored(), call)).rejects.toMatchObject(refused)
  })

  it('says so when its memory is full and it may not evict', async () => {
    const store = opened({ servers: addressOf(await started(['-M', '-m', '2', '-I', '1m'])) })
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 200; n++) await store.create(`id-${n}`, stored({ body: 'x'.repeat(60_000) }), call)
    }
    const refused = { code: 'ERR_SOJOURN_STORE', message: expect.stringMatching(/without -M\.$/) as string }
    await expect(fill()).rejects.toMatchObject(refused)
  })
})

it('memcachedStore cannot list, and its type says so', () => {
  const store = memcachedStore({ servers: 'localhost' })
  // @ts-expect-error there is no list
  expect(store.list).toBeUndefined()
  // @ts-expect-error nor anything that needs one
  expect(store.removeAll).toBeUndefined()
})

describe('memcachedStore refuses', () => {
  it.each<[string, MemcachedStoreOptions]>([
    ['no server', { servers: [] }],
    ['a URL', { servers: 'memcached://localhost' }],
    ['a port that is none', { servers: 'localhost:70000' }],
    ['a server twice', { servers: ['a:1', 'a:1'] }],
    ['a prefix with a space', { servers: 'a', prefix: 'my app' }],
    ['a prefix that is too long', { servers: 'a', prefix: 'x'.repeat(201) }],
    ['no patience', { servers: 'a', timeout: 0 }],
    ['a username alone', { servers: 'a', username: 'ada' }],
    ['a username with a space', { servers: 'a', username: 'a da', password: 'x' }],
    ['a password with a space', { servers: 'a', username: 'ada', password: 'x y' }],
    ['a password with a line end', { servers: 'a', username: 'ada', password: 'x\r\nflush_all' }],
  ])('%s', (_, options) => {
    expect(() => memcachedStore(options)).toThrow(expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG' }) as Error)
  })
})
