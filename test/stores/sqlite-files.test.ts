/** Opening: the options, the driver, the file; and what a call says when the file is bad. */
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { findDriver, inspected } from '../../src/stores/_sqlite-driver.ts'
import { faultOf } from '../../src/stores/_sqlite-faults.ts'
import type { Fault } from '../../src/stores/_sqlite-faults.ts'
import { openFile } from '../../src/stores/_sqlite-file.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import type { SqliteDatabase, SqliteOptions } from '../../src/stores/sqlite.ts'
import { BetterDatabase, DatabaseSync, NOW, connection, migrated, opened, stored, temporaryFile } from './_sqlite.ts'

const call = { now: NOW }
const config = { code: 'ERR_SOJOURN_CONFIG', status: 500 }
const failure = { code: 'ERR_SOJOURN_STORE', status: 503 }

/** What a call throws or rejects with. */
async function failureOf(work: () => unknown): Promise<unknown> {
  try {
    return { answered: await work() }
  } catch (error) {
    return error
  }
}

describe('the options', () => {
  const database = new DatabaseSync(':memory:')
  it.each<[string, object]>([
    ['neither', {}],
    ['both', { path: ':memory:', database }],
    ['an empty path', { path: '' }],
    ['a URI', { path: 'file:sessions.db?mode=ro' }],
    ['another durability', { path: ':memory:', durability: 'most' }],
    ['durability of a connection', { database, durability: 'full' }],
    ['a table without a name', { path: ':memory:', table: '' }],
    ['a table with a NUL', { path: ':memory:', table: 'a\0b' }],
    ['rows as arrays', { database: new DatabaseSync(':memory:', { returnArrays: true }) }],
  ])('are refused at once: %s', async (_, options) => {
    expect(await failureOf(() => sqliteStore(options as SqliteOptions))).toMatchObject(config)
  })
})

describe('the driver', () => {
  class Driver extends DatabaseSync {}
  const absent = (): undefined => undefined

  it('is the first that there is', () => {
    expect(findDriver([absent, () => ({ DatabaseSync: Driver }), () => ({ DatabaseSync })])).toBe(Driver)
    expect(typeof findDriver()).toBe('function')
  })

  it('is asked for by name where there is none', async () => {
    const error = await failureOf(() => findDriver([absent, absent]))
    expect(error).toMatchObject({ ...config, message: expect.stringContaining('npm install @photostructure/sqlite@1') })
  })

  it('that is installed but broken is reported with its own error', async () => {
    const cause = new Error('wrong architecture')
    const broken = (): never => {
      throw cause
    }
    expect(await failureOf(() => findDriver([absent, broken]))).toMatchObject({ ...config, cause })
  })

  it('with an old SQLite raises a warning, once', () => {
    const emitted = vi.spyOn(process, 'emitWarning').mockReturnValue()
    onTestFinished(() => emitted.mockRestore())
    const withVersion = (version: string): SqliteDatabase => ({
      exec: () => undefined,
      prepare: () => ({ run: () => ({ changes: 0 }), get: () => ({ version }), all: () => [] }),
    })
    for (const fine of ['3.51.3', '3.51.10', '3.52.0', '4.0.0']) inspected(withVersion(fine))
    expect(emitted).not.toHaveBeenCalled()
    for (const old of ['3.51.2', '3.45.1', '2.60.9']) inspected(withVersion(old))
    expect(emitted).toHaveBeenCalledOnce()
    expect(emitted).toHaveBeenCalledWith(expect.stringContaining('3.51.2'), { code: 'SOJOURN_SQLITE_VERSION' })
  })
})

describe('a file', () => {
  it('is created for its owner only, and what is there keeps its mode', async () => {
    const path = temporaryFile()
    await opened({ path }).create('id', stored(), call)
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o777).toBe(0o600)
    const shared = temporaryFile()
    writeFileSync(shared, '')
    chmodSync(shared, 0o640)
    opened({ path: shared })
    expect(statSync(shared).mode & 0o777).toBe(0o640)
  })

  it.each([
    ['normal', 1],
    ['full', 2],
  ] as const)('is opened in WAL mode, with the durability %s', (durability, synchronous) => {
    const file = openFile({ path: temporaryFile(), durability, driver: DatabaseSync }, () => undefined)
    onTestFinished(() => file.close())
    expect(file.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    expect(file.prepare('PRAGMA synchronous').get()).toEqual({ synchronous })
  })

  it.each(['normal', 'full'] as const)('is closed by close, and close may be called again: %s', async (durability) => {
    const path = temporaryFile()
    const store = opened({ path, durability })
    await store.create('id', stored(), call)
    await store.close()
    await store.close()
    expect(statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0)
    expect(await failureOf(() => store.load('id', call))).toMatchObject(failure)
    expect(await failureOf(() => store.create('id', stored(), call))).toMatchObject(failure)
  })

  it('of a missing folder is refused, and the folder is named', async () => {
    const folder = join(dirname(temporaryFile()), 'missing')
    const error = await failureOf(() => sqliteStore({ path: join(folder, 'sessions.db') }))
    expect(error).toMatchObject({ ...config, message: expect.stringMatching(new RegExp(`Create it: ${folder}$`)) })
  })

  it('that is a folder is refused', async () => {
    const path = temporaryFile()
    mkdirSync(path)
    expect(await failureOf(() => sqliteStore({ path }))).toMatchObject({ ...failure, cause: { errcode: 14 } })
  })

  it('that is no database is refused, and left as it is', async () => {
    const path = temporaryFile()
    const text = 'not a database '.repeat(500)
    writeFileSync(path, text)
    expect(await failureOf(() => sqliteStore({ path }))).toMatchObject({ ...failure, cause: { errcode: 26 } })
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it.each([
    ['a column is missing', 'CREATE TABLE sojourn_sessions (id TEXT PRIMARY KEY, data TEXT)'],
    ['the id is not unique', 'CREATE TABLE sojourn_sessions (id, version, expires_at, principal, body)'],
    ['it is a view', 'CREATE VIEW sojourn_sessions AS SELECT 1 AS id'],
    ['the marks have another shape', 'CREATE TABLE sojourn_sessions_revocations (principal TEXT PRIMARY KEY)'],
  ])('that holds another table of that name is refused: %s', async (_, sql) => {
    const path = temporaryFile()
    connection(path).exec(sql)
    expect(await failureOf(() => sqliteStore({ path }))).toMatchObject({
      ...failure,
      message: expect.stringContaining('has another shape'),
    })
    expect(await failureOf(() => sqliteStore({ path, table: 'mine' }).close())).toEqual({ answered: undefined })
  })
})

describe('a call on a bad database', () => {
  it('says what to do where the tables are missing', async () => {
    const store = sqliteStore({ database: connection() })
    expect(await failureOf(() => store.load('id', call))).toMatchObject({
      ...failure,
      message: expect.stringContaining('Call migrate()'),
    })
  })

  it('says what to do where the file is damaged', async () => {
    const path = temporaryFile()
    const store = opened({ path })
    for (let n = 0; n < 200; n++) await store.create(`id-${n}`, stored({ body: 'x'.repeat(400) }), call)
    await store.close()
    // All but the first page, which has the schema.
    writeFileSync(path, readFileSync(path).fill(0xa5, 4096))
    const damaged = sqliteStore({ database: connection(path) })
    expect(await failureOf(() => damaged.load('id-1', call))).toMatchObject({
      ...failure,
      message: expect.stringContaining('Restore it from a backup'),
    })
    expect(await failureOf(() => damaged.scan(call)[Symbol.asyncIterator]().next())).toMatchObject(failure)
    expect(await failureOf(() => damaged.removeAll('ada', {}, call))).toMatchObject(failure)
  })

  it.each(['a DatabaseSync', 'a better-sqlite3 Database'])(
    'says what to do where it may not write: %s',
    async (kind) => {
      const path = temporaryFile()
      await opened({ path }).create('id', stored(), call)
      const readOnly = connection(path, { readOnly: true })
      const store = sqliteStore({ database: kind === 'a DatabaseSync' ? readOnly : new BetterDatabase(readOnly) })
      expect(store.load('id', call)).toEqual(stored())
      expect(await failureOf(() => store.remove('id', call))).toMatchObject({
        ...failure,
        message: expect.stringContaining('writable for the user'),
      })
      expect(await failureOf(() => store.removeAll('ada', {}, call))).toMatchObject(failure)
    },
  )

  it.each(['a DatabaseSync', 'a better-sqlite3 Database'])('says what to do where it is full: %s', async (kind) => {
    const database = connection(temporaryFile())
    const store = await migrated({ database: kind === 'a DatabaseSync' ? database : new BetterDatabase(database) })
    await store.create('id', stored(), call)
    const { page_count } = database.prepare('PRAGMA page_count').get() as { page_count: number }
    database.exec(`PRAGMA max_page_count = ${page_count}`)
    const big = stored({ version: 2, body: 'x'.repeat(100_000) })
    expect(await failureOf(() => store.save('id', big, 1, call))).toMatchObject({
      ...failure,
      message: expect.stringContaining('Free space'),
    })
    expect(await store.load('id', call)).toEqual(stored())
    expect(await store.save('id', { ...big, body: 'small' }, 1, call)).toBe('saved')
  })

  it.each(['a DatabaseSync', 'a better-sqlite3 Database'])('says what to do where it is closed: %s', async (kind) => {
    const database = connection()
    const store = await migrated({ database: kind === 'a DatabaseSync' ? database : new BetterDatabase(database) })
    await store.load('id', call)
    database.close()
    const closed = { ...failure, message: expect.stringContaining('Close it after the server') }
    expect(await failureOf(() => store.load('id', call))).toMatchObject(closed)
    expect(await failureOf(() => store.scan(call)[Symbol.asyncIterator]().next())).toMatchObject(closed)
    expect(await failureOf(() => store.removeAll('ada', {}, call))).toMatchObject(closed)
    expect(await failureOf(() => sqliteStore({ database }))).toMatchObject(closed)
  })

  it('never shows an error of the driver bare', async () => {
    const store = sqliteStore({ database: connection() })
    const error = await failureOf(() => store.create('id', stored({ body: 'secret' }), call))
    expect(error).toMatchObject({ name: 'StoreError', cause: expect.any(Error) })
    expect(String(error)).not.toContain('secret')
  })
})

describe('an error of a driver', () => {
  const error = (about: object): Error => Object.assign(new Error('in other words'), about)
  it.each<[Fault, Error[]]>([
    [
      'busy',
      [
        error({ errcode: 5 }),
        error({ errcode: 261 }),
        error({ code: 'SQLITE_BUSY_SNAPSHOT' }),
        new Error('database is locked'),
      ],
    ],
    ['readonly', [error({ errcode: 8 }), error({ errcode: 1544 }), error({ code: 'SQLITE_READONLY_DBMOVED' })]],
    [
      'io',
      [
        error({ errcode: 10 }),
        error({ errcode: 778 }),
        error({ code: 'SQLITE_IOERR_FSYNC' }),
        new Error('disk I/O error'),
      ],
    ],
    [
      'corrupt',
      [
        error({ errcode: 11 }),
        error({ errcode: 26 }),
        error({ code: 'SQLITE_CORRUPT_VTAB' }),
        new Error('database disk image is malformed'),
      ],
    ],
    ['full', [error({ errcode: 13 }), error({ code: 'SQLITE_FULL' }), new Error('database or disk is full')]],
    [
      'unopenable',
      [error({ errcode: 14 }), error({ code: 'SQLITE_CANTOPEN_ISDIR' }), new Error('unable to open database file')],
    ],
    [
      'shape',
      [error({ errcode: 1299 }), error({ code: 'SQLITE_CONSTRAINT_NOTNULL' }), new Error('no such column: body')],
    ],
    ['closed', [error({ code: 'ERR_INVALID_STATE' }), new TypeError('The database connection is not open')]],
    ['unknown', [error({ errcode: 1 }), error({ code: 'SQLITE_ERROR' }), error({})]],
  ])('is known as %s by its number, its name or its text', (fault, errors) => {
    expect(errors.map(faultOf)).toEqual(errors.map(() => fault))
  })
})

describe('a connection that was handed over', () => {
  it('is not closed by close', async () => {
    const database = connection()
    const store = await migrated({ database })
    await store.close()
    expect(database.isOpen).toBe(true)
    expect(store.create('id', stored(), call)).toBe(true)
  })
})
