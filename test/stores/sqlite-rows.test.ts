/** What the contract does not say: rows, restarts, pages, statements. */
import { describe, expect, it } from 'vitest'
import { BROOM_DELAY_MS, REVOCATION_MARK_MS } from '../../src/core/store.ts'
import { migrationSql, sqliteStore } from '../../src/stores/sqlite.ts'
import type { SqliteDatabase, SqliteStatement } from '../../src/stores/sqlite.ts'
import { NOW, connection, entries, ids, migrated, opened, stored, temporaryFile } from './_sqlite.ts'
import type { TestDatabase } from './_sqlite.ts'

const call = { now: NOW }
const at = (now: number): { now: number } => ({ now })

describe('an SQLite store', () => {
  it('answers at once where it need not wait', () => {
    const store = opened({ path: temporaryFile() })
    expect(store.create('id', stored(), call)).toBe(true)
    expect(store.load('id', call)).toEqual(stored())
    expect(store.save('id', stored({ version: 2 }), 1, call)).toBe('saved')
    expect(store.touch('id', NOW + 9000, call)).toBe(true)
    expect(store.revokedAt('ada', call)).toBeUndefined()
    expect(store.remove('id', call)).toBeUndefined()
  })

  it('survives a restart', async () => {
    const path = temporaryFile()
    const before = opened({ path })
    await before.create('id', stored({ body: 'kept' }), call)
    await before.removeAll('ada', {}, call)
    await before.close()
    const after = opened({ path })
    expect(await after.load('id', call)).toEqual(stored({ body: 'kept' }))
    expect(await after.revokedAt('ada', call)).toBe(NOW)
  })

  it('prunes marks that nobody can ask for any more', async () => {
    const database = connection()
    const store = await migrated({ database })
    const marks = (): unknown => database.prepare('SELECT count(*) AS n FROM sojourn_sessions_revocations').get()
    await store.removeAll('ada', {}, call)
    await store.prune(10, at(NOW + REVOCATION_MARK_MS + BROOM_DELAY_MS - 1))
    expect(marks()).toMatchObject({ n: 1 })
    await store.prune(10, at(NOW + REVOCATION_MARK_MS + BROOM_DELAY_MS))
    expect(marks()).toMatchObject({ n: 0 })
  })

  it.each(['scan', 'prune'] as const)('lets the event loop turn in the middle of a long %s', async (method) => {
    const store = opened({ path: ':memory:' })
    for (let n = 0; n < 1000; n++) await store.create(`id-${n}`, stored(), call)
    let turns = 0
    const count = (): unknown => setImmediate(() => (turns++, ticking && count()))
    let ticking = true
    count()
    if (method === 'scan') await entries(store.scan(call))
    else await store.prune(1000, at(NOW + 1000 + BROOM_DELAY_MS))
    ticking = false
    expect(turns).toBeGreaterThanOrEqual(9)
  })

  it('holds no read transaction open while a scan waits for its reader', async () => {
    const path = temporaryFile()
    const store = opened({ path })
    for (let n = 0; n < 150; n++) await store.create(`id-${n}`, stored(), call)
    const other = connection(path)
    let seen = 0
    for await (const _ of store.scan(call)) {
      if (seen++ > 0) continue
      await store.create('~meanwhile', stored(), call)
      expect(other.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()).toMatchObject({ busy: 0, log: 0 })
    }
    expect(seen).toBe(151)
  })

  it('finds a row absent that it cannot read', async () => {
    const database = connection()
    database.exec(migrationSql().replaceAll(' STRICT', ''))
    const put = database.prepare('INSERT INTO sojourn_sessions VALUES (?, ?, ?, ?, ?)')
    put.run('version text', 'one', NOW + 1000, 'ada', '{}')
    put.run('version fraction', 1.5, NOW + 1000, 'ada', '{}')
    put.run('version 2^60', 2n ** 60n, NOW + 1000, 'ada', '{}')
    put.run('version 0', 0, NOW + 1000, 'ada', '{}')
    put.run('expiry text', 1, 'tomorrow', 'ada', '{}')
    put.run('expiry 2^60', 1, 2n ** 60n, 'ada', '{}')
    put.run('body blob', 1, NOW + 1000, 'ada', new Uint8Array([1]))
    put.run('body torn', 1, NOW + 1000, 'ada', '\u0001"torn')
    put.run('principal blob', 1, NOW + 1000, new Uint8Array([1]), '{}')
    put.run('good', 1, NOW + 1000, 'ada', '{}')
    const store = await migrated({ database })
    const all = database.prepare('SELECT id FROM sojourn_sessions').all() as { id: string }[]
    for (const { id } of all.filter(({ id }) => id !== 'good'))
      expect([id, await store.load(id, call)]).toEqual([id, undefined])
    expect(await store.save('version 2^60', stored({ version: 2 }), 1, call)).toBe('gone')
    expect(await store.save('expiry text', stored({ version: 2 }), 1, call)).toBe('gone')
    expect(await store.touch('expiry 2^60', NOW + 5000, call)).toBe(false)
    expect(await ids(store.list('ada', call))).toEqual(['good'])
    expect(await ids(store.scan(call))).toEqual(['good'])
  })

  it('lets no other hand write what it could not read', async () => {
    const database = connection()
    await migrated({ database })
    const put = database.prepare("INSERT INTO sojourn_sessions VALUES ('id', ?, 1, NULL, '{}')")
    expect(() => put.run('one')).toThrow(/cannot store TEXT/)
  })

  it('reads integers of a connection that gives bigints', async () => {
    const database = connection()
    const bigints: SqliteDatabase = {
      exec: (sql) => database.exec(sql),
      prepare: (sql) => {
        const statement = database.prepare(sql)
        statement.setReadBigInts(true)
        const run = (...values: unknown[]) => ({ changes: BigInt(statement.run(...values).changes) })
        return {
          run,
          get: (...values) => statement.get(...values) as unknown,
          all: (...values) => statement.all(...values),
        }
      },
    }
    const store = await migrated({ database: bigints })
    const session = stored({ principal: 'ada' })
    expect(await store.create('id', session, call)).toBe(true)
    expect(await store.load('id', call)).toEqual(session)
    expect(await store.removeAll('ada', {}, call)).toBe(1)
    expect(await store.revokedAt('ada', call)).toBe(NOW)
  })

  it('prepares each statement once', async () => {
    const database = connection()
    const prepared: string[] = []
    const prepare = (sql: string): SqliteStatement => (prepared.push(sql), database.prepare(sql))
    const store = await migrated({ database: { exec: (sql) => database.exec(sql), prepare } })
    prepared.length = 0
    for (let n = 0; n < 3; n++) {
      await store.create('id', stored(), call)
      await store.load('id', call)
      await store.remove('id', call)
    }
    expect(prepared).toHaveLength(3)
  })

  it('prints the SQL that migrate runs', async () => {
    const shape = (database: TestDatabase): unknown =>
      database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all()
    const [printed, run] = [connection(), connection()]
    printed.exec(migrationSql({ table: 'mine' }))
    const store = sqliteStore({ database: run, table: 'mine' })
    await store.migrate()
    await store.migrate()
    expect(shape(run)).toEqual(shape(printed))
  })
})
