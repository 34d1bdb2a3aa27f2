/** SQL servers that fail in the middle of traffic: nothing acknowledged is lost, nothing hangs, and service comes back. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Store } from '../../src/core/store.ts'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { until } from '../servers/_process.ts'
import { serverSuite } from '../servers/suite.ts'
import { Line } from '../support/line.ts'
import { all, ENGINES, NOW, type SqlPlace, stored, TABLE } from './_sql-engines.ts'

interface Data {
  user?: string
  count?: number
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const CONNECTIONS = 12
const call = { now: NOW }

/** How each engine tells how many deadlocks it has broken. */
const DEADLOCKS: Record<keyof typeof ENGINES, (place: SqlPlace) => Promise<number>> = {
  PostgreSQL: async ({ admin }) => {
    const [row] = await admin('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()')
    return Number(row?.['deadlocks'])
  },
  MariaDB: async ({ admin }) => Number((await admin("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'"))[0]?.['1']),
}

/** How each engine tells of statements that wait for a lock. */
const WAITING: Record<keyof typeof ENGINES, string> = {
  PostgreSQL: "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
  // INNODB_TRX is a copy that is not made anew as long as it is asked for more often than ten times a second.
  MariaDB:
    "SELECT 1 FROM information_schema.GLOBAL_STATUS WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS' AND variable_value > 0",
}

function application(store: Store, clock: () => number = Date.now, storeTimeout = 5): Sessions<Data> {
  return createSessions<Data>({ store, clock, storeTimeout, principal: ({ user }) => user })
}

/** One request: gives the cookie that the browser has afterwards. */
async function visit(
  sessions: Sessions<Data>,
  cookie: string | null,
  change: (data: Data) => unknown,
): Promise<string> {
  const session = await sessions.open({ cookie, secure: true })
  await change(session)
  const { headers } = await sessions.commit(session)
  return headers.find(([name]) => name === 'Set-Cookie')?.[1].split(';')[0] ?? cookie!
}

function idOf(cookie: string): string {
  return cookie.split(/[=.]/)[1]!
}

describe.each(Object.entries(ENGINES))('%s', (name, { needed, start }) => {
  const engine = name as keyof typeof ENGINES

  serverSuite('in trouble', needed, () => {
    let place: SqlPlace
    let line: Line
    beforeAll(async () => {
      place = await start({ connections: CONNECTIONS })
    })
    afterAll(() => place.stop())
    beforeEach(async () => {
      line = await Line.to(place.port)
      onTestFinished(() => line.close())
    })

    it('that has no connection left says so, and serves again when there is one', async () => {
      const hoarders = Array.from({ length: CONNECTIONS }, () => place.open({ port: line.port, connections: 1 }))
      for (const hoarder of hoarders) await hoarder.load('id', call)
      const store = place.open({ connections: 1 })
      await expect(store.load('id', call)).rejects.toMatchObject({
        code: 'ERR_SOJOURN_STORE',
        message: expect.stringMatching(/no connection was free\. Raise/),
      })
      line.cut()
      await until('it serves again', () => store.create('crowded', stored(), call).catch(() => false))
      expect(await store.load('crowded', call)).toEqual(stored())
    })

    it('that accepts and never answers holds no request past its limit, and serves again when it does', async () => {
      const sessions = application(place.open({ port: line.port, connections: 2 }), Date.now, 0.3)
      const cookie = await visit(sessions, null, (data) => (data.count = 1))
      line.setDead(true)
      const late = { code: 'ERR_SOJOURN_STORE_TIMEOUT', status: 503 }
      const requests = [cookie, cookie, cookie, null].map((cookie) =>
        visit(sessions, cookie, (data) => (data.count = 2)),
      )
      for (const end of await Promise.allSettled(requests))
        expect(end).toMatchObject({ status: 'rejected', reason: late })
      line.setDead(false)
      await until('it serves again', () =>
        visit(sessions, cookie, (data) => (data.count = 3)).then(Boolean, () => false),
      )
      expect((await sessions.read(idOf(cookie)))?.data).toEqual({ count: 3 })
    })

    it('that is killed and started again in traffic keeps what it acknowledged, and serves again by itself', async () => {
      const sessions = application(place.open({ connections: 8 }))
      const visitors = await Promise.all(
        Array.from({ length: 16 }, async () => {
          const cookie = await visit(sessions, null, (data) => (data.count = 0))
          return { id: idOf(cookie), acknowledged: 0, failed: 0 }
        }),
      )
      const acknowledged = (): number => visitors.reduce((sum, one) => sum + one.acknowledged, 0)
      const traffic = { over: false }
      const visits = visitors.map(async (visitor) => {
        while (!traffic.over) {
          try {
            await sessions.update(visitor.id, (data) => void data.count!++)
            visitor.acknowledged++
          } catch (error) {
            expect(error).toMatchObject({ status: 503, name: 'StoreError' })
            visitor.failed++
            await pause(10)
          }
        }
      })
      await until('there is traffic', () => acknowledged() >= 200)
      await place.process.restart()
      const before = acknowledged()
      await until('it serves again', () => acknowledged() >= before + 200)
      traffic.over = true
      await Promise.all(visits)
      expect(visitors.reduce((sum, one) => sum + one.failed, 0)).toBeGreaterThan(0)
      for (const { id, acknowledged, failed } of visitors) {
        const count = (await sessions.read(id))!.data.count!
        expect(count).toBeGreaterThanOrEqual(acknowledged)
        expect(count).toBeLessThanOrEqual(acknowledged + failed)
      }
    })

    it('whose answer is lost on its way has each write asked for again, and done once', async () => {
      const store = place.open({ port: line.port, connections: 1 })
      const sessions = application(store)
      const warm = await visit(sessions, null, (data) => (data.user = 'warm'))
      await sessions.update(idOf(warm), (data) => void (data.count = 1))
      await visit(sessions, warm, (data) => (data as { destroy(): Promise<void> }).destroy())

      line.loseAnswer(1)
      const cookie = await visit(sessions, null, (data) => (data.user = name))
      expect((await all(sessions.list(name))).map(({ id }) => id)).toEqual([idOf(cookie)])

      for (const answer of [1, 2]) {
        await sessions.update(idOf(cookie), (data) => void (data.count ??= 0))
        line.loseAnswer(answer)
        await sessions.update(idOf(cookie), (data) => void data.count!++)
        expect((await sessions.read(idOf(cookie)))?.data.count).toBe(answer)
      }

      line.loseAnswer(2)
      expect(await sessions.revoke(idOf(cookie))).toBe(true)
      expect(await store.load(idOf(cookie), { now: Date.now() })).toBeUndefined()
    })

    it('serves two processes whose clocks are five minutes apart: neither ends the other’s sessions', async () => {
      const [behind, ahead] = [0, 5 * MINUTE].map((by) =>
        createSessions<Data>({ store: place.open(), clock: () => NOW + by, idleTimeout: 60 }),
      ) as [Sessions<Data>, Sessions<Data>]
      const cookie = await visit(behind, null, (data) => (data.count = 1))
      const seen = await ahead.open({ cookie, secure: true })
      expect(seen.isNew).toBe(true)
      await ahead.prune()
      expect((await behind.read(idOf(cookie)))?.data).toEqual({ count: 1 })

      const lasting = await visit(ahead, null, (data) => (data.count = 0))
      const both = Array.from({ length: 40 }, (_, n) => [behind, ahead][n % 2]!)
      await Promise.all(both.map((sessions) => sessions.update(idOf(lasting), (data) => void data.count!++)))
      expect((await behind.read(idOf(lasting)))?.data).toEqual({ count: 40 })
    })

    it('prunes beside traffic, in several processes, without a deadlock and nothing twice', async () => {
      const stores = Array.from({ length: 4 }, () => place.open({ connections: 2 }))
      const [store] = stores as [(typeof stores)[0]]
      const past = { now: NOW - 3 * HOUR }
      const old = Array.from({ length: 400 }, (_, n) => `old ${n}`)
      const expired = stored({ principal: 'ada', expiresAt: NOW - 2 * HOUR })
      await Promise.all(old.map((id) => store.create(id, expired, past)))
      const before = await DEADLOCKS[engine](place)

      const traffic = stores.map(async (store, at) => {
        for (let n = 0; n < 25; n++) {
          const id = `live ${at} ${n}`
          expect(await store.create(id, stored({ principal: 'ada' }), call)).toBe(true)
          expect(await store.touch(id, NOW + 2 * HOUR, call)).toBe(true)
          expect(await store.save(id, stored({ version: 2, principal: 'bob' }), 1, call)).toBe('saved')
          if (n % 2 === 0) await store.remove(id, call)
        }
      })
      const pruning = stores.map(async (store) => {
        let pruned = 0
        for (let n = 0; n < 25; n++) pruned += await store.prune(20, call)
        return pruned
      })
      await Promise.all(traffic)
      const pruned = (await Promise.all(pruning)).reduce((sum, one) => sum + one, 0)
      expect(pruned + (await store.prune(1000, call))).toBe(old.length)
      expect(await DEADLOCKS[engine](place)).toBe(before)
    })

    it('prunes past rows that somebody holds, and does not wait for them', async () => {
      const store = place.open()
      const past = { now: NOW - 3 * HOUR }
      for (const id of ['held', 'free']) await store.create(id, stored({ expiresAt: NOW - 2 * HOUR }), past)
      const other = await place.connect()
      await other.query('BEGIN')
      await other.query(`SELECT * FROM ${TABLE} WHERE id = 'held' FOR UPDATE`)
      await store.prune(1000, call)
      expect(await store.load('free', past)).toBeUndefined()
      expect(await store.load('held', past)).toBeDefined()
      await other.query('ROLLBACK')
      expect(await store.prune(1000, call)).toBe(1)
    }, 20_000)

    it('begins anew with a statement that a deadlock ended, and its caller sees nothing of it', async () => {
      const store = place.open()
      for (const id of ['one', 'two']) await store.create(id, stored({ principal: 'eve' }), call)
      for (let n = 0; n < 9; n++) await store.create(`weight ${n}`, stored(), call)
      const before = await DEADLOCKS[engine](place)
      const other = await place.connect()
      await other.query('BEGIN')
      // A server that counts rows ends the transaction that has changed fewer.
      await other.query(`UPDATE ${TABLE} SET version = version + 1 WHERE id LIKE 'weight%'`)
      await other.query(`SELECT * FROM ${TABLE} WHERE id = 'two' FOR UPDATE`)
      const ended = store.removeAll('eve', {}, call)
      await until('the store waits for the second row', async () => (await place.admin(WAITING[engine])).length > 0)
      await other.query(`SELECT * FROM ${TABLE} WHERE id = 'one' FOR UPDATE`)
      await other.query('COMMIT')
      expect(await ended).toBe(2)
      await until('the deadlock is counted', async () => (await DEADLOCKS[engine](place)) > before)
    })
  })
})
