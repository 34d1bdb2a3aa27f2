/** What Redis receives from an application: the budgets of P6, counted by Redis itself. */
import { createClient } from 'redis6'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { redisStore } from '../../src/stores/redis.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import { ownRedis, type RedisServer, startRedis } from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { WatchedStore } from '../support/watched-store.ts'
import { all } from './_redis.ts'

interface Data {
  user?: string
  views?: number
}

const MINUTE = 60_000
const DAY = 1440 * MINUTE

serverSuite('what Redis receives', ownRedis, () => {
  const clock = fakeClock()
  let server: RedisServer
  let client: ReturnType<typeof createClient>
  let watched: WatchedStore
  let sessions: Sessions<Data>

  beforeAll(async () => {
    server = await startRedis()
    client = createClient({ url: server.url })
    await client.connect()
    watched = new WatchedStore(redisStore({ client }))
    sessions = createSessions<Data>({ store: watched.store, clock, principal: ({ user }) => user })
    // Every script is sent whole once.
    const cookie = await request(null, (session) => void (session.user = 'first'))
    await request(cookie, (session) => void (session.views = 1))
    clock.advance(DAY - 1)
    await request(cookie, (session) => session.user)
    await request(cookie, (session) => session.destroy())
    await sessions.revokeAll('first')
  })
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })

  type Opened = Awaited<ReturnType<Sessions<Data>['open']>>

  /** One request: gives the cookie that the browser has afterwards. */
  async function request(cookie: string | null, handle: (session: Opened) => unknown): Promise<string | null> {
    const session = await sessions.open({ cookie, secure: true })
    await handle(session)
    const { headers } = await sessions.commit(session)
    // No response waits for the touch of a session that was only read; this count does.
    await watched.idle()
    const set = headers.find(([name]) => name === 'Set-Cookie')
    return set?.[1].split(';')[0] ?? cookie
  }

  const signIn = (user: string, cookie: string | null = null): Promise<string | null> =>
    request(cookie, (session) => void (session.user = user))

  /** By name, how many commands Redis carried out while work was done, those that its scripts called included. */
  async function statsOf(work: () => unknown): Promise<Record<string, number>> {
    await client.configResetStat()
    await work()
    const lines = (await client.info('commandstats')).matchAll(/cmdstat_([^:|]+):calls=(\d+)/g)
    const stats = [...lines].map(([, name, calls]) => [name, Number(calls)] as const)
    return Object.fromEntries(stats.filter(([name]) => name !== 'config' && name !== 'info'))
  }

  const sum = (stats: Record<string, number>): number => Object.values(stats).reduce((total, one) => total + one, 0)

  /** What each script calls when all goes well, itself included. */
  const RECORD = { evalsha: 1, hmget: 1 }
  const create = { ...RECORD, exists: 1, hset: 1, pexpireat: 1 }
  const save = { ...RECORD, hset: 1, pexpireat: 1 }
  const remove = { ...RECORD, del: 1 }
  const enter = { evalsha: 1, zadd: 1, zremrangebyscore: 1, zrange: 1, pexpireat: 1 }
  const revoke = { evalsha: 1, get: 1, set: 1, zrange: 1 }

  function together(...each: Record<string, number>[]): Record<string, number> {
    const names = each.flatMap((stats) => Object.keys(stats))
    return Object.fromEntries(names.map((name) => [name, each.reduce((n, stats) => n + (stats[name] ?? 0), 0)]))
  }

  const budgets: Record<string, [act: () => Promise<() => unknown>, commands: Record<string, number>[]]> = {
    'a request without a cookie: nothing': [async () => () => request(null, (session) => session.user), []],
    'a read: 1': [
      async () => {
        const cookie = await signIn('reader')
        return () => request(cookie, (session) => session.user)
      },
      [{ hmget: 1 }],
    ],
    'a write: 2': [
      async () => {
        const cookie = await signIn('writer')
        return () => request(cookie, (session) => void (session.views = 1))
      },
      [{ hmget: 1 }, save],
    ],
    'a first visit: 1': [async () => () => request(null, (session) => void (session.views = 1)), [create]],
    'a sign-in of a new visitor: 3': [async () => () => signIn('new'), [enter, create, { get: 1 }]],
    'a sign-in from a session: 4': [
      async () => {
        const cookie = await request(null, (session) => void (session.views = 1))
        return () => signIn('known', cookie)
      },
      [{ hmget: 1 }, enter, save, { get: 1 }],
    ],
    'a logout: 2': [
      async () => {
        const cookie = await signIn('leaver')
        return () => request(cookie, (session) => session.destroy())
      },
      [{ hmget: 1 }, remove],
    ],
    'a read that moves the expiry: 2': [
      async () => {
        const cookie = await signIn('toucher')
        clock.advance(10 * MINUTE)
        return () => request(cookie, (session) => session.user)
      },
      [{ hmget: 1 }, save],
    ],
    'revoking three sessions: 1, 3 at once, 1': [
      async () => {
        for (let n = 0; n < 3; n++) await signIn('revoked')
        return () => sessions.revokeAll('revoked')
      },
      [revoke, remove, remove, remove, { zrem: 1 }],
    ],
  }

  describe.each(Object.entries(budgets))('%s', (_, [prepare, commands]) => {
    it('is what Redis counts', async () => {
      const work = await prepare()
      expect(await statsOf(work)).toEqual(together(...commands))
    })
  })

  it('the same to list and to revoke, whatever others have', async () => {
    const cost = async (user: string): Promise<[number, number]> => {
      for (let n = 0; n < 3; n++) await signIn(user)
      const list = await statsOf(() => all(sessions.list(user)))
      return [sum(list), sum(await statsOf(() => sessions.revokeAll(user)))]
    }
    const alone = await cost('alone')
    for (let n = 0; n < 300; n++) await signIn(`other-${n % 50}`)
    expect(await cost('among many')).toEqual(alone)
  })

  it('an index entry once a day of a session that is always in use', async () => {
    const cookie = await signIn('busy')
    const days = 5
    const stats = await statsOf(async () => {
      for (let minutes = 0; minutes < days * 1440; minutes += 10) {
        clock.advance(10 * MINUTE)
        await request(cookie, (session) => session.user)
      }
    })
    expect(stats['zadd']).toBeGreaterThan(0)
    expect(stats['zadd']).toBeLessThanOrEqual(days)
    expect(await all(sessions.list('busy'))).toHaveLength(1)
  })
})
