/** What Redis keeps, and for how long: every key goes by itself, and the index forgets the dead and never the living. */
import { createClient } from 'redis6'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { BROOM_DELAY_MS, REVOCATION_MARK_MS, type StoreCall } from '../../src/core/store.ts'
import { redisStore, type RedisStore } from '../../src/stores/redis.ts'
import { openRedis, redis } from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { Gate } from '../support/gate.ts'
import { all, HOUR, newPrefix, NOW, stored } from './_redis.ts'

const DAY = 24 * HOUR

function at(now: number, principalBefore?: string | null): StoreCall {
  return principalBefore === undefined ? { now } : { now, principalBefore }
}

serverSuite('what Redis keeps', redis, () => {
  let server: Awaited<ReturnType<typeof openRedis>>
  let client: ReturnType<typeof createClient>
  let store: RedisStore
  let prefix: string

  beforeAll(async () => {
    server = await openRedis()
    client = createClient({ url: server.url })
    await client.connect()
  })
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })
  beforeEach(() => {
    prefix = newPrefix()
    store = redisStore({ client, prefix })
  })

  const keys = async (pattern: string): Promise<string[]> => client.keys(`${prefix}${pattern}`)
  const entries = async (): Promise<number> => client.zCard((await keys('p:*'))[0] ?? `${prefix}none`)
  const listed = async (principal: string, now: number): Promise<string[]> =>
    (await all(store.list(principal, at(now)))).map(([id]) => id)

  /** When a key goes by itself. */
  const goesAt = async (pattern: string): Promise<number> => client.pExpireTime((await keys(pattern))[0] ?? '')

  it('goes ten minutes after its session by itself, the mark an hour after that', async () => {
    await store.create('id', stored({ principal: 'ada' }), at(NOW))
    expect(await goesAt('{id}')).toBe(NOW + HOUR + BROOM_DELAY_MS)
    await store.touch('id', NOW + 2 * HOUR, at(NOW))
    expect(await goesAt('{id}')).toBe(NOW + 2 * HOUR + BROOM_DELAY_MS)
    await store.save('id', stored({ version: 2, principal: 'ada' }), 1, at(NOW, 'ada'))
    expect(await goesAt('{id}')).toBe(NOW + HOUR + BROOM_DELAY_MS)

    const before = Date.now()
    await store.removeAll('ada', {}, at(NOW))
    expect((await goesAt('r:*')) - before).toBeGreaterThanOrEqual(REVOCATION_MARK_MS + BROOM_DELAY_MS)
  })

  it('names nobody in its keys', async () => {
    await store.create('id', stored({ principal: 'ada@example.org' }), at(NOW))
    await store.removeAll('ada@example.org', { except: 'id' }, at(NOW))
    const names = await keys('*')
    expect(names).toHaveLength(3)
    expect(names.join(' ')).not.toContain('ada')
  })

  it('is four fields and the end of the index entry', async () => {
    await store.create('id', stored({ principal: 'ada', body: 'b' }), at(NOW))
    await store.create('nobody', stored(), at(NOW))
    const [e, i] = [String(NOW + HOUR), String(NOW + 2 * HOUR)]
    expect({ ...(await client.hGetAll(`${prefix}{id}`)) }).toEqual({ v: '1', e, p: 'ada', b: 'b', i })
    expect({ ...(await client.hGetAll(`${prefix}{nobody}`)) }).toEqual({ v: '1', e, p: '', b: '{}', i: '0' })
  })

  it('keeps the index ten minutes longer than its last entry, which stands as long again as the session had to live', async () => {
    await store.create('id', stored({ principal: 'ada', expiresAt: NOW + DAY }), at(NOW))
    await store.create('brief', stored({ principal: 'ada', expiresAt: NOW + 1 }), at(NOW))
    expect(await goesAt('p:*')).toBe(NOW + 2 * DAY + BROOM_DELAY_MS)
    expect(await client.zScore((await keys('p:*'))[0]!, 'brief')).toBe(NOW + 1 + HOUR)
  })

  it('forgets dead entries when somebody signs in, and none that a clock ten minutes behind could need', async () => {
    await store.create('first', stored({ principal: 'ada', expiresAt: NOW + 1 }), at(NOW))
    const dead = NOW + 1 + HOUR + BROOM_DELAY_MS
    await store.create('second', stored({ principal: 'ada', expiresAt: dead + DAY }), at(dead - 1))
    expect(await entries()).toBe(2)
    await store.create('third', stored({ principal: 'ada', expiresAt: dead + DAY }), at(dead))
    expect(await entries()).toBe(2)
  })

  it('holds no more entries than sign-ins of two days, by somebody who signs in and out for ever', async () => {
    for (let n = 0; n < 500; n++) {
      const now = NOW + n * HOUR
      await store.create(`id-${n}`, stored({ principal: 'ada', expiresAt: now + DAY }), at(now))
      await store.remove(`id-${n}`, at(now, 'ada'))
    }
    expect(await entries()).toBeLessThanOrEqual(49)
    expect(await keys('{*')).toEqual([])
  })

  it('forgets at once what removeAll has ended', async () => {
    await Promise.all(
      Array.from({ length: 250 }, (_, n) => store.create(`id-${n}`, stored({ principal: 'ada' }), at(NOW))),
    )
    expect(await store.removeAll('ada', { except: 'id-7' }, at(NOW))).toBe(249)
    expect(await entries()).toBe(1)
    expect(await listed('ada', NOW)).toEqual(['id-7'])
  })

  it('keeps the entry of a sign-in under way, though removeAll and list come between it and its record', async () => {
    const gate = new Gate()
    const holding = {
      async sendCommand(command: string[]): Promise<unknown> {
        if (command.includes(`${prefix}{id}`)) await gate.pass()
        return client.sendCommand(command)
      },
    }
    await store.create('other', stored({ principal: 'ada' }), at(NOW))
    const signIn = redisStore({ client: holding, prefix }).create('id', stored({ principal: 'ada' }), at(NOW))
    await gate.reached
    expect(await listed('ada', NOW)).toEqual(['other'])
    expect(await store.removeAll('ada', {}, at(NOW))).toBe(1)
    gate.open()
    expect(await signIn).toBe(true)
    expect(await listed('ada', NOW)).toEqual(['id'])
  })

  it('never moves an entry back, though a save that comes to nothing wanted it earlier', async () => {
    await store.create('id', stored({ principal: 'ada', expiresAt: NOW + DAY }), at(NOW))
    const brief = stored({ version: 8, principal: 'ada', expiresAt: NOW + 1 })
    expect(await store.save('id', brief, 7, at(NOW, null))).toHaveProperty('conflict')
    expect(await client.zScore((await keys('p:*'))[0]!, 'id')).toBe(NOW + 2 * DAY)
  })

  it('never forgets a session that is kept alive, by touch or by save, past what its entry foresaw', async () => {
    await store.create('touched', stored({ principal: 'ada' }), at(NOW))
    await store.create('saved', stored({ principal: 'ada' }), at(NOW))
    for (let n = 1; n <= 100; n++) {
      const now = NOW + n * (HOUR / 2)
      const expiresAt = now + HOUR
      expect(await store.touch('touched', expiresAt, at(now))).toBe(true)
      const session = stored({ version: n + 1, principal: 'ada', expiresAt })
      expect(await store.save('saved', session, n, at(now, 'ada'))).toBe('saved')
      // Somebody else's sign-in, at which the dead are forgotten.
      await store.create(`other-${n}`, stored({ principal: 'ada', expiresAt: now + 1 }), at(now))
      expect(await listed('ada', now + 1)).toEqual(expect.arrayContaining(['touched', 'saved']))
      expect(await goesAt('p:*')).toBeGreaterThan(expiresAt)
    }
  })

  it('enters a touched session under the principal that it has by then', async () => {
    await store.create('id', stored({ principal: 'ada' }), at(NOW))
    const touched = store.touch('id', NOW + 5 * HOUR, at(NOW))
    const saved = store.save('id', stored({ version: 2, principal: 'bob' }), 1, at(NOW, 'ada'))
    expect([await touched, await saved]).toEqual([true, 'saved'])
    await store.touch('id', NOW + 5 * HOUR, at(NOW))
    expect(await listed('bob', NOW + 4 * HOUR)).toEqual(['id'])
    expect(await listed('ada', NOW)).toEqual([])
  })

  it('still works after each script has been forgotten', async () => {
    const forget = async (): Promise<unknown> => client.scriptFlush()
    await forget()
    expect(await store.create('id', stored({ principal: 'ada' }), at(NOW))).toBe(true)
    await forget()
    expect(await store.save('id', stored({ version: 2, principal: 'bob' }), 1, at(NOW, 'ada'))).toBe('saved')
    await forget()
    expect(await store.touch('id', NOW + 9 * HOUR, at(NOW))).toBe(true)
    await forget()
    expect(await store.removeAll('bob', {}, at(NOW))).toBe(1)
    await forget()
    await store.remove('id', at(NOW))
    expect(await store.load('id', at(NOW))).toBeUndefined()
  })
})
