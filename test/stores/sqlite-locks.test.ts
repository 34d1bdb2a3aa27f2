import { describe, expect, it } from 'vitest'
import type { Awaitable } from '../../src/core/store.ts'
import { openLane } from '../../src/stores/_sqlite-lane.ts'
import { createTables, sqliteMethods } from '../../src/stores/_sqlite-store.ts'
import type { SqliteMethods } from '../../src/stores/_sqlite-store.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { NOW, answers, connection, opened, stored, temporaryFile } from './_sqlite.ts'
import type { TestDatabase } from './_sqlite.ts'

const call = { now: NOW }

/** A connection that holds the write lock until `release()`. */
function holder(path: string, how = 'IMMEDIATE'): { release: () => void; database: TestDatabase } {
  const database = connection(path)
  database.exec(`BEGIN ${how}`)
  return { database, release: () => database.exec('ROLLBACK') }
}

/** A store whose lane has another limit, or groups, and the statements that its lane ran. */
function storeWith(path: string, lane: { limitMs?: number; grouped?: boolean } = {}): [SqliteMethods, string[]] {
  const database = connection(path)
  createTables(database, 'sojourn_sessions')
  const ran: string[] = []
  const exec = (sql: string): void => (ran.push(sql), database.exec(sql))
  return [sqliteMethods(database, 'sojourn_sessions', openLane({ exec, grouped: false, limitMs: 5000, ...lane })), ran]
}

/** Lets the event loop turn, a given number of times. */
async function turns(n: number): Promise<void> {
  for (let turn = 0; turn < n; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** A promise that remembers whether it is still open. */
function watched<V>(promise: V | Promise<V>): { promise: Promise<V>; isOpen: () => boolean } {
  expect(promise).toBeInstanceOf(Promise)
  let open = true
  const settled = Promise.resolve(promise).finally(() => (open = false))
  return { promise: settled, isOpen: () => open }
}

describe('a write that finds the file locked', () => {
  it.each(['create', 'save', 'touch', 'remove', 'removeAll', 'prune'] as const)(
    'waits without holding up the event loop: %s',
    async (method) => {
      const path = temporaryFile()
      const store = opened({ path })
      await store.create('id', stored({ expiresAt: NOW + 10, principal: 'ada' }), call)
      const lock = holder(path)
      const late = { now: NOW + 10_000_000 }
      const writes = {
        create: () => store.create('new', stored(), call),
        save: () => store.save('id', stored({ version: 2 }), 1, call),
        touch: () => store.touch('id', NOW + 20, call),
        remove: () => store.remove('id', call),
        removeAll: () => store.removeAll('ada', {}, call),
        prune: () => store.prune(10, late),
      }
      const write = watched<unknown>(writes[method]())
      await turns(50)
      expect(write.isOpen()).toBe(true)
      expect(store.load('id', call)).toMatchObject({ version: 1 })
      lock.release()
      const answers = { create: true, save: 'saved', touch: true, remove: undefined, removeAll: 1, prune: 1 }
      expect(await write.promise).toBe(answers[method])
    },
  )

  it('is judged anew when its turn comes', async () => {
    const path = temporaryFile()
    const store = opened({ path })
    await store.create('id', stored(), call)
    const lock = holder(path)
    const write = watched(store.save('id', stored({ version: 2, body: 'late' }), 1, call))
    const first = stored({ version: 2, body: 'first' })
    lock.database.prepare("UPDATE sojourn_sessions SET version = 2, body = 'first'").run()
    lock.database.exec('COMMIT')
    expect(await write.promise).toEqual({ conflict: first })
  })

  it('fails when the lock is never released', async () => {
    const path = temporaryFile()
    const [store] = storeWith(path, { limitMs: 30 })
    holder(path)
    await expect(store.create('id', stored(), call)).rejects.toMatchObject({
      code: 'ERR_SOJOURN_STORE_TIMEOUT',
      status: 503,
      cause: { errcode: 5 },
    })
    await expect(store.removeAll('ada', {}, call)).rejects.toMatchObject({ code: 'ERR_SOJOURN_STORE_TIMEOUT' })
  })

  it('fails as soon as its caller gives up, and writes nothing', async () => {
    const path = temporaryFile()
    const store = opened({ path })
    const lock = holder(path)
    const caller = new AbortController()
    const given = watched(store.create('given up', stored(), { now: NOW, signal: caller.signal }))
    const other = watched(store.create('waits on', stored(), call))
    const reason = new Error('no longer wanted')
    caller.abort(reason)
    await expect(given.promise).rejects.toMatchObject({ code: 'ERR_SOJOURN_STORE_TIMEOUT', cause: reason })
    expect(other.isOpen()).toBe(true)
    lock.release()
    expect(await other.promise).toBe(true)
    expect(store.load('given up', call)).toBeUndefined()
  })

  it('keeps its place: those that come later go along in the same transaction, in order', async () => {
    const path = temporaryFile()
    const [store, ran] = storeWith(path)
    const lock = holder(path)
    const writes: Awaitable<unknown>[] = [
      store.create('id', stored(), call),
      store.save('id', stored({ version: 2 }), 1, call),
      store.save('id', stored({ version: 2 }), 1, call),
      store.touch('id', NOW + 5000, call),
      store.remove('id', call),
      store.touch('id', NOW + 6000, call),
    ]
    await turns(3)
    lock.release()
    writes.push(store.create('id', stored({ body: 'anew' }), call))
    ran.length = 0
    const second = stored({ version: 2 })
    expect(await answers(writes)).toEqual([true, 'saved', { conflict: second }, true, undefined, false, true])
    expect(ran).toEqual(['BEGIN IMMEDIATE', 'COMMIT'])
    expect(store.load('id', call)).toEqual(stored({ body: 'anew' }))
  })

  it('marks and removes in one transaction, so that a principal is revoked or is not', async () => {
    const [store, ran] = storeWith(temporaryFile())
    await store.create('id', stored({ principal: 'ada' }), call)
    expect(await store.removeAll('ada', {}, call)).toBe(1)
    expect(ran).toEqual(['BEGIN IMMEDIATE', 'COMMIT'])
  })

  it('lets migrate wait too', async () => {
    const path = temporaryFile()
    const store = sqliteStore({ database: connection(path) })
    const lock = holder(path)
    const migrating = watched(store.migrate())
    await turns(3)
    expect(migrating.isOpen()).toBe(true)
    lock.release()
    await migrating.promise
    expect(await store.create('id', stored(), call)).toBe(true)
  })

  it('is finished before close is', async () => {
    const path = temporaryFile()
    const store = opened({ path })
    const lock = holder(path)
    const write = watched(store.create('id', stored(), call))
    const closing = watched(store.close())
    await turns(3)
    expect(closing.isOpen()).toBe(true)
    lock.release()
    await closing.promise
    expect(write.isOpen()).toBe(false)
    expect(await write.promise).toBe(true)
    await store.close()
  })
})

describe('a reader', () => {
  it('is not held up by a writer, and an open file is opened again without its lock', async () => {
    const path = temporaryFile()
    await opened({ path }).create('id', stored(), call)
    holder(path)
    expect(opened({ path }).load('id', call)).toEqual(stored())
  })

  it('waits without holding up the event loop where even readers are locked out', async () => {
    const path = temporaryFile()
    const database = connection(path) // In SQLite's own mode, no WAL, a writer locks readers out.
    const store = sqliteStore({ database })
    await store.migrate()
    await store.create('id', stored({ principal: 'ada' }), call)
    const lock = holder(path, 'EXCLUSIVE')
    const load = watched(store.load('id', call))
    const list = watched(store.list('ada', call)[Symbol.asyncIterator]().next())
    await turns(20)
    expect([load.isOpen(), list.isOpen()]).toEqual([true, true])
    lock.release()
    expect(await load.promise).toEqual(stored({ principal: 'ada' }))
    expect(await list.promise).toMatchObject({ value: ['id', stored({ principal: 'ada' })] })
  })
})

describe('durable writes', () => {
  it('of one turn of the event loop share one commit', async () => {
    const [store, ran] = storeWith(temporaryFile(), { grouped: true })
    const writes = Array.from({ length: 20 }, (_, n) => store.create(`id-${n}`, stored(), call))
    expect(ran).toEqual([])
    expect(await answers(writes)).toEqual(Array.from({ length: 20 }, () => true))
    expect(ran).toEqual(['BEGIN IMMEDIATE', 'COMMIT'])
  })

  it('of a long line are committed in groups, so that the event loop turns in between', async () => {
    const [store, ran] = storeWith(temporaryFile(), { grouped: true })
    const writes = Array.from({ length: 250 }, (_, n) => store.create(`id-${n}`, stored(), call))
    await answers(writes)
    expect(ran.filter((sql) => sql === 'COMMIT')).toHaveLength(3)
  })

  it('do not fail for a neighbour that fails', async () => {
    const path = temporaryFile()
    const [store, ran] = storeWith(path, { grouped: true })
    connection(path).exec(`CREATE TRIGGER refuse BEFORE INSERT ON sojourn_sessions WHEN NEW.id = 'bad'
      BEGIN SELECT RAISE(ABORT, 'refused'); END`)
    const writes = ['one', 'bad', 'two'].map(async (id) => store.create(id, stored(), call))
    const outcomes = await Promise.allSettled(writes)
    expect(outcomes).toMatchObject([
      { status: 'fulfilled', value: true },
      { status: 'rejected', reason: { code: 'ERR_SOJOURN_STORE', cause: { message: 'refused' } } },
      { status: 'fulfilled', value: true },
    ])
    expect(store.load('two', call)).toEqual(stored())
    expect(ran.filter((sql) => sql === 'ROLLBACK')).toHaveLength(2)
  })

  it('are not acknowledged before they are committed', async () => {
    const path = temporaryFile()
    const store = opened({ path, durability: 'full' })
    const write = watched(store.create('id', stored(), call))
    expect(sqliteSees(path)).toBe(0)
    await write.promise
    expect(sqliteSees(path)).toBe(1)
  })
})

function sqliteSees(path: string): number {
  const row = connection(path).prepare('SELECT count(*) AS n FROM sojourn_sessions').get() as { n: number }
  return row.n
}
