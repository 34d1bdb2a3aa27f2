import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryStore, type Store } from '../../src/index.ts'
import { redisStore } from '../../src/stores/redis.ts'
import { sealed } from '../../src/stores/sealed.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { casesFor } from '../../src/testing/index.ts'
import { openRedis, redis } from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { type Connected, newPrefix, SINGLE } from './_redis.ts'
import { opened, temporaryFile } from './_sqlite.ts'

const key = (id: string, byte = 1) => ({
  id,
  secret: Uint8Array.from({ length: 32 }, (_, at) => (at * 7 + byte) % 256),
})
const call = { now: 1_000_000 }
const session = { version: 1, expiresAt: 2_000_000, principal: 'alice', body: 'the line\n{"secret":"data"}' }

const over = (store: Store): Store => sealed(store, { keys: [key('a')] })

/** The cases of the conformance kit that the store itself passes: sealing takes none of them away. */
function casesOver(store: Store): ReturnType<typeof casesFor> {
  const cases = casesFor(store)
  it('is held to no fewer cases than without', () => expect(casesFor(over(store))).toEqual(cases))
  return cases
}

describe('sealed bodies over memory pass the case', () => {
  const shared = memoryStore()
  it.each(casesOver(shared))('$name', ({ run }) => run({ open: () => over(shared) }))
})

describe('sealed bodies over SQLite pass the case', () => {
  it.each(casesOver(sqliteStore({ path: ':memory:' })))('$name', async ({ run }) => {
    const path = temporaryFile()
    await run({ open: () => over(opened({ path })) })
  })
})

serverSuite('sealed bodies over Redis pass the case', redis, () => {
  const nobody = { sendCommand: async () => null, subscribe: async () => null, unsubscribe: async () => null }
  const prefix = newPrefix()
  let server: Awaited<ReturnType<typeof openRedis>>
  let connected: Connected
  beforeAll(async () => {
    server = await openRedis()
    connected = await SINGLE['node-redis 6']!(server.url)
  })
  afterAll(async () => {
    connected.close()
    await server.stop()
  })

  it.each(casesOver(redisStore({ client: nobody, subscriber: nobody })))('$name', ({ run }) =>
    run({ open: () => over(redisStore({ ...connected, prefix })) }),
  )
})

describe('a store with sealed bodies', () => {
  it('keeps nothing readable of the body', () => {
    const store = memoryStore()
    void over(store).create('one', session, call)
    expect(JSON.stringify(store.load('one', call))).not.toMatch(/secret|data|the line/)
  })

  it.each([400, 4000, 16_000])('takes a third and 120 to 160 bytes more than %s, as its page says', async (length) => {
    const store = memoryStore()
    await over(store).create('an-id-of-22-characters', { ...session, body: 'x'.repeat(length) }, call)
    const constant = store.load('an-id-of-22-characters', call)!.body.length - length - length / 3
    expect(constant).toBeGreaterThan(110)
    expect(constant).toBeLessThanOrEqual(160)
  })

  it('opens no body that was moved under another id', async () => {
    const store = memoryStore()
    const sealing = over(store)
    await sealing.create('one', session, call)
    store.create('two', store.load('one', call)!, call)
    expect(await sealing.load('one', call)).toEqual(session)
    expect(await sealing.load('two', call)).toBeUndefined()
  })

  it('opens with every key of the ring, seals with the first, and with none that was retired', async () => {
    const store = memoryStore()
    await sealed(store, { keys: [key('old')] }).create('one', session, call)
    const promoted = sealed(store, { keys: [key('new', 9), key('old')] })
    expect(await promoted.load('one', call)).toEqual(session)
    expect(await sealed(store, { keys: [key('new', 9)] }).load('one', call)).toBeUndefined()
    await promoted.save('one', { ...session, version: 2 }, 1, call)
    expect(await sealed(store, { keys: [key('new', 9)] }).load('one', call)).toMatchObject({ version: 2 })
  })

  it('treats a changed body as absent', async () => {
    const store = memoryStore()
    const sealing = over(store)
    await sealing.create('one', session, call)
    const { body } = store.load('one', call)!
    for (let at = 0; at < body.length; at++) {
      const changed = body.slice(0, at) + (body[at] === 'A' ? 'B' : 'A') + body.slice(at + 1)
      store.create(`changed ${at}`, { ...session, body: changed }, call)
      expect(await sealing.load(`changed ${at}`, call)).toBeUndefined()
    }
  })
})
