import { describe, expect, it } from 'vitest'
import { BROOM_DELAY_MS, REVOCATION_MARK_MS } from '../../src/core/store.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import type { SqliteStore } from '../../src/stores/sqlite.ts'
import { casesFor } from '../../src/testing/store-cases.ts'
import { BetterDatabase, NOW, connection, entries, ids, migrated, opened, stored, temporaryFile } from './_sqlite.ts'

const call = { now: NOW }
const at = (now: number): { now: number } => ({ now })

/** Every way in which a store comes to its database. */
const WAYS: [name: string, open: () => Promise<SqliteStore>][] = [
  ['a path', async () => opened({ path: temporaryFile() })],
  ['a path, durable', async () => opened({ path: temporaryFile(), durability: 'full' })],
  ['memory', async () => opened({ path: ':memory:' })],
  ['a DatabaseSync', () => migrated({ database: connection() })],
  ['a better-sqlite3 Database', () => migrated({ database: new BetterDatabase(connection()) })],
  ['another table', async () => opened({ path: temporaryFile(), table: `odd "name"; DROP TABLE '?' --` })],
]

describe.each(WAYS)('an SQLite store over %s', (_, open) => {
  it('gives back what was created, to the last character', async () => {
    const store = await open()
    const texts = ['', 'line\nline', 'a\0b', '\0', '\u0001', '\u0001{}', 'half \ud800 a pair', '😀 日本 é', '"\'?$1;--']
    for (const [at, text] of texts.entries()) {
      const session = stored({ expiresAt: NOW + 1, principal: text, body: text })
      await store.create(`id-${at}`, session, call)
      expect(await store.load(`id-${at}`, call)).toEqual(session)
      expect(await entries(store.list(text, call))).toEqual([[`id-${at}`, session]])
    }
    await store.create('nobody', stored({ principal: null }), call)
    expect(await store.load('nobody', call)).toEqual(stored({ principal: null }))
    expect(await store.load('absent', call)).toBeUndefined()
  })

  it('keeps integers up to 2^53 - 1', async () => {
    const store = await open()
    const session = stored({ version: Number.MAX_SAFE_INTEGER - 1, expiresAt: Number.MAX_SAFE_INTEGER })
    await store.create('id', session, call)
    expect(await store.load('id', call)).toEqual(session)
    const next = { ...session, version: Number.MAX_SAFE_INTEGER }
    expect(await store.save('id', next, session.version, call)).toBe('saved')
    expect(await store.load('id', call)).toEqual(next)
  })

  it('does not create over a live session', async () => {
    const store = await open()
    expect(await store.create('id', stored({ body: 'first' }), call)).toBe(true)
    expect(await store.create('id', stored({ body: 'second' }), call)).toBe(false)
    expect(await store.load('id', call)).toMatchObject({ body: 'first' })
  })

  it('finds a session absent from the instant on at which it expires', async () => {
    const store = await open()
    const session = stored({ expiresAt: NOW + 10, principal: 'ada' })
    await store.create('id', session, call)
    expect(await store.load('id', at(NOW + 9))).toEqual(session)
    expect(await ids(store.list('ada', at(NOW + 9)))).toEqual(['id'])
    const late = at(NOW + 10)
    expect(await store.load('id', late)).toBeUndefined()
    expect(await store.save('id', stored({ version: 2 }), 1, late)).toBe('gone')
    expect(await store.touch('id', NOW + 99, late)).toBe(false)
    expect(await ids(store.list('ada', late))).toEqual([])
    expect(await ids(store.scan(late))).toEqual([])
    expect(await store.removeAll('ada', {}, late)).toBe(0)
  })

  it('creates over a session that has expired, and takes nothing from it', async () => {
    const store = await open()
    await store.create('id', stored({ version: 7, expiresAt: NOW + 10, principal: 'ada', body: 'old' }), call)
    const session = stored({ expiresAt: NOW + 50, principal: 'bob', body: 'new' })
    expect(await store.create('id', session, at(NOW + 9))).toBe(false)
    expect(await store.create('id', session, at(NOW + 10))).toBe(true)
    expect(await store.load('id', at(NOW + 10))).toEqual(session)
    expect(await ids(store.list('ada', call))).toEqual([])
  })

  it('saves onto the version it was told, and onto no other', async () => {
    const store = await open()
    await store.create('id', stored(), call)
    const second = stored({ version: 2, expiresAt: NOW + 5000, principal: 'ada', body: 'second' })
    expect(await store.save('id', second, 1, call)).toBe('saved')
    expect(await store.load('id', call)).toEqual(second)
    expect(await store.save('id', stored({ version: 2, body: 'late' }), 1, call)).toEqual({ conflict: second })
    expect(await store.save('id', stored({ version: 10 }), 9, call)).toEqual({ conflict: second })
    expect(await store.load('id', call)).toEqual(second)
    expect(await store.save('other', stored({ version: 2 }), 1, call)).toBe('gone')
    expect(await store.load('other', call)).toBeUndefined()
  })

  it('touches forward only, and brings nothing back', async () => {
    const store = await open()
    await store.create('id', stored({ version: 3, expiresAt: NOW + 100 }), call)
    expect(await store.touch('id', NOW + 200, call)).toBe(true)
    expect(await store.touch('id', NOW + 150, call)).toBe(true)
    expect(await store.load('id', call)).toEqual(stored({ version: 3, expiresAt: NOW + 200 }))
    await store.remove('id', call)
    expect(await store.touch('id', NOW + 300, call)).toBe(false)
    expect(await store.load('id', call)).toBeUndefined()
  })

  it('removes, and again without complaint', async () => {
    const store = await open()
    await store.create('id', stored(), call)
    expect(await store.remove('id', call)).toBeUndefined()
    expect(await store.remove('id', call)).toBeUndefined()
    expect(await store.save('id', stored({ version: 2 }), 1, call)).toBe('gone')
  })

  it('lists one principal, character by character, over any number of pages', async () => {
    const store = await open()
    const names = ['ada', 'Ada', 'ada ', 'adá', 'ad%', 'a_a', '']
    for (const name of names) await store.create(`of-${name}`, stored({ principal: name }), call)
    for (const name of names) expect(await ids(store.list(name, call))).toEqual([`of-${name}`])
    const many = Array.from({ length: 250 }, (_, n) => `many-${n}`)
    for (const id of many) await store.create(id, stored({ principal: 'many' }), call)
    expect((await ids(store.list('many', call))).sort()).toEqual(many.sort())
    expect((await ids(store.scan(call))).length).toBe(many.length + names.length)
  })

  it('lists a session under the principal that it has now', async () => {
    const store = await open()
    await store.create('id', stored({ principal: null }), call)
    await store.save('id', stored({ version: 2, principal: 'ada' }), 1, call)
    expect(await ids(store.list('ada', call))).toEqual(['id'])
    await store.save('id', stored({ version: 3, principal: 'bob' }), 2, call)
    expect(await ids(store.list('ada', call))).toEqual([])
    expect(await ids(store.list('bob', call))).toEqual(['id'])
  })

  it('removes all sessions of a principal but one, and leaves a mark', async () => {
    const store = await open()
    for (const id of ['one', 'two', 'kept']) await store.create(id, stored({ principal: 'ada' }), call)
    await store.create('expired', stored({ principal: 'ada', expiresAt: NOW }), at(NOW - 1))
    await store.create('other', stored({ principal: 'bob' }), call)
    expect(await store.revokedAt('ada', call)).toBeUndefined()
    expect(await store.removeAll('ada', { except: 'kept' }, call)).toBe(2)
    expect((await ids(store.scan(call))).sort()).toEqual(['kept', 'other'])
    expect(await store.revokedAt('ada', call)).toBe(NOW)
    expect(await store.revokedAt('bob', call)).toBeUndefined()
    expect(await store.removeAll('ada', {}, call)).toBe(1)
  })

  it('leaves nothing of a principal to a clock that is behind', async () => {
    const store = await open()
    await store.create('id', stored({ principal: 'ada', expiresAt: NOW }), at(NOW - 1))
    expect(await store.removeAll('ada', {}, call)).toBe(0)
    expect(await store.touch('id', NOW + 100, at(NOW - 1))).toBe(false)
  })

  it('keeps a mark for an hour, and never moves it back', async () => {
    const store = await open()
    await store.removeAll('ada', {}, call)
    await store.removeAll('ada', {}, at(NOW - 5000))
    expect(await store.revokedAt('ada', at(NOW + REVOCATION_MARK_MS - 1))).toBe(NOW)
    expect(await store.revokedAt('ada', at(NOW + REVOCATION_MARK_MS))).toBeUndefined()
    await store.removeAll('ada', {}, at(NOW + 1))
    expect(await store.revokedAt('ada', call)).toBe(NOW + 1)
  })

  it('prunes what expired ten minutes ago, and no more than it was told', async () => {
    const store = await open()
    for (let n = 0; n < 250; n++) await store.create(`old-${n}`, stored({ expiresAt: NOW + n }), at(NOW - 1))
    await store.create('live', stored({ expiresAt: NOW + BROOM_DELAY_MS + 1000 }), call)
    expect(await store.prune(1000, at(NOW + BROOM_DELAY_MS - 1))).toBe(0)
    expect(await store.prune(1000, at(NOW + BROOM_DELAY_MS + 9))).toBe(10)
    const later = at(NOW + BROOM_DELAY_MS + 500)
    expect(await store.prune(120, later)).toBe(120)
    expect(await store.prune(0, later)).toBe(0)
    expect(await store.prune(Infinity, later)).toBe(120)
    expect(await ids(store.scan(later))).toEqual(['live'])
  })
})

describe.each(['normal', 'full'] as const)('an SQLite store, durability %s, passes the case', (durability) => {
  it.each(casesFor(sqliteStore({ path: ':memory:' })).map((c) => [c.name, c] as const))('%s', async (_, { run }) => {
    const path = temporaryFile()
    await run({ open: () => opened({ path, durability }) })
  })
})
