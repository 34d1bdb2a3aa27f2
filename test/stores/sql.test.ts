import { describe, expect, it } from 'vitest'
import { fromText, sqlSchema, sqlStatements, toSession, toText } from '../../src/stores/_sql.ts'
import type { Dialect } from '../../src/stores/_sql.ts'
import { sqliteDialect } from '../../src/stores/_sqlite-dialect.ts'
import { connection } from './_sqlite.ts'

describe('a text in a column', () => {
  it.each(['', 'plain', '{"a":1}\n', 'é日😀', '\u0002', 'a\u0001'])('is kept as it is where it can be: %j', (text) => {
    expect(toText(text)).toBe(text)
    expect(fromText(text)).toBe(text)
  })

  it.each(['\0', 'a\0b', '\ufeffa', '\ud800', 'a\udfffb', '\u0001', '\u0001"a"', '"\0\\'])(
    'is kept in another spelling where an engine would lose some of it: %j',
    (text) => {
      expect(toText(text)).toBe(`\u0001${JSON.stringify(text)}`)
      expect(fromText(toText(text))).toBe(text)
    },
  )

  it.each([null, undefined, 1, 1n, new Uint8Array(), '\u0001', '\u0001{', '\u00011'])('is unreadable: %s', (column) => {
    expect(fromText(column)).toBeUndefined()
  })
})

describe('a row', () => {
  const row = { id: 'id', version: 1, expires_at: 2, principal: null, body: '' }
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an array', ['id', 1, 2, null, '']],
    ['a version past 2^53', { ...row, version: 2n ** 60n }],
    ['a fraction', { ...row, expires_at: 1.5 }],
    ['a principal that is a number', { ...row, principal: 7 }],
    ['no principal', { ...row, principal: undefined }],
    ['no body', { ...row, body: null }],
  ])('that holds %s is unreadable', (_, row) => {
    expect(toSession(row)).toBeUndefined()
  })

  it('gives numbers for bigints', () => {
    const session = { version: 3, expiresAt: 2 ** 50, principal: null, body: '' }
    expect(toSession({ ...row, version: 3n, expires_at: 2n ** 50n })).toEqual(session)
  })
})

describe('the statements', () => {
  const dollars: Dialect = { ...sqliteDialect, placeholder: (n) => `$${n}` }

  it('number their places from one, in the order in which they stand', () => {
    for (const sql of Object.values(sqlStatements(dollars, 't'))) {
      const places = [...sql.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n))
      expect(places).toEqual(places.map((_, at) => at + 1))
      expect(sql).not.toContain('?')
    }
  })

  it('leave a name alone that looks like a place', () => {
    expect(sqlStatements(dollars, 'what?').remove).toBe('DELETE FROM "what?" WHERE id = $1')
  })

  it('find their rows by an index, however many there are', () => {
    const database = connection()
    for (const sql of sqlSchema(sqliteDialect, 's')) database.exec(sql)
    for (const [name, sql] of Object.entries(sqlStatements(sqliteDialect, 's'))) {
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]
      const details = plan.map(({ detail }) => detail).join('\n')
      expect([name, details]).toEqual([name, expect.not.stringMatching(/SCAN|TEMP B-TREE/)])
    }
  })
})
