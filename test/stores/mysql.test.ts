/** Every case of the conformance kit, through every client, on a real MariaDB or MySQL; and what is MySQL's own. */
import mysql from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { migrationSql, mysqlStore } from '../../src/stores/mysql.ts'
import { casesFor } from '../../src/testing/index.ts'
import { mariadb, openMariadb } from '../servers/mariadb.ts'
import { serverSuite } from '../servers/suite.ts'
import { CLIENTS, type Connected, newTable } from './_mysql.ts'
import { all, NOW, stored } from './_sql-engines.ts'

const call = { now: NOW }
const CASES = casesFor(mysqlStore({ client: { execute: async () => [] } }))

/** Holds the store to the whole contract, through a client. */
function conformance(connect: () => Promise<Connected>): void {
  const table = newTable()
  let connected: Connected
  beforeAll(async () => {
    connected = await connect()
    await mysqlStore({ client: connected.client, table }).migrate()
  })
  afterAll(() => connected.close())

  for (const c of CASES) {
    it(c.name, async () => c.run({ open: () => mysqlStore({ client: connected.client, table }) }))
  }
}

serverSuite('mysqlStore', mariadb, () => {
  let place: Awaited<ReturnType<typeof openMariadb>>
  beforeAll(async () => {
    place = await openMariadb(['--innodb-flush-log-at-trx-commit=0'])
  })
  afterAll(() => place.stop())

  describe.each(Object.entries(CLIENTS))('through %s', (_, connect) => conformance(() => connect(place.url)))

  /** A store with tables of its own, and a way to ask the server itself. */
  async function opened(table = newTable()) {
    const client = mysql.createPool(place.url)
    onTestFinished(() => client.end())
    return { client, table, store: mysqlStore({ client, table }) }
  }

  it('keeps the tables under any name', async () => {
    const { store, table, client } = await opened('odd `table`; ? --')
    await store.migrate()
    await store.migrate()
    expect(await store.create('id', stored({ principal: 'ada' }), call)).toBe(true)
    expect(await store.removeAll('ada', {}, call)).toBe(1)
    const [tables] = await client.query('SHOW TABLES LIKE ?', [`${table}%`])
    expect(tables).toHaveLength(2)
  })

  it('prints the SQL that migrate runs', async () => {
    const { client, store, table } = await opened()
    await store.migrate()
    const printed = newTable()
    for (const statement of migrationSql({ table: printed }).split(/;\n/).filter(Boolean)) await client.query(statement)
    const shapeOf = async (table: string): Promise<string> => {
      const shapes = [table, `${table}_revocations`].map(async (name) => client.query(`SHOW CREATE TABLE ${name}`))
      return JSON.stringify((await Promise.all(shapes)).map(([rows]) => rows)).replaceAll(table, 'T')
    }
    expect(await shapeOf(printed)).toBe(await shapeOf(table))
    expect(migrationSql()).toContain('CREATE TABLE IF NOT EXISTS `sojourn_sessions` (')
  })

  it('prunes in one process at a time: who finds another at it leaves it to that one', async () => {
    const { client, store, table } = await opened()
    await store.migrate()
    await store.create('old', stored({ expiresAt: 2 }), { now: 1 })
    const other = await client.getConnection()
    await other.query('SELECT GET_LOCK(?, 0)', [`sojourn.prune.${table}`])
    expect(await store.prune(10, call)).toBe(0)
    await other.query('SELECT RELEASE_LOCK(?)', [`sojourn.prune.${table}`])
    other.release()
    expect(await store.prune(10, call)).toBe(1)
    const [free] = await client.query('SELECT IS_FREE_LOCK(?) AS free', [`sojourn.prune.${table}`])
    expect(free).toEqual([{ free: 1 }])
  })

  it('finds a row absent that it cannot read, and lists those behind it', async () => {
    const { client, store, table } = await opened()
    await store.migrate()
    const put = async (id: string | Buffer, version: unknown, expiresAt: unknown, body: unknown): Promise<unknown> =>
      client.execute(`INSERT INTO ${table} VALUES (?, ?, ?, 'ada', ?)`, [id, version, expiresAt, body] as never)
    const unreadable: [string, ...unknown[]][] = [
      ['version 2^60', String(2n ** 60n), NOW + 1, '{}'],
      ['version 0', '0', NOW + 1, '{}'],
      ['expiry 2^60', '1', String(2n ** 60n), '{}'],
      ['body torn', '1', NOW + 1, '\u0001"torn'],
      ['body no text', '1', NOW + 1, Buffer.from([0xff])],
    ]
    for (const [id, version, expiresAt, body] of unreadable) {
      await put(id, version, expiresAt, body)
      expect([id, await store.load(id, call)]).toEqual([id, undefined])
    }
    // More than a page of ids that are no text: the next page goes on behind them all the same.
    for (let n = 0; n < 120; n++) await put(Buffer.from([0xff, n]), '1', NOW + 1, '{}')
    await put(Buffer.from([0xf0, 0x9f, 0x98, 0x80]), '1', NOW + 1, '{}')
    expect((await all(store.list('ada', call))).map(([id]) => id)).toEqual(['\u{1f600}'])
    expect((await all(store.scan(call))).map(([id]) => id)).toEqual(['\u{1f600}'])
  })

  it('refuses an id or a principal that is longer than its column', async () => {
    const { store } = await opened()
    await store.migrate()
    const tooLong = { code: 'ERR_SOJOURN_STORE', cause: { errno: 1406 } }
    await expect(store.create('x'.repeat(513), stored(), call)).rejects.toMatchObject(tooLong)
    await expect(store.create('id', stored({ principal: 'x'.repeat(2049) }), call)).rejects.toMatchObject(tooLong)
    // The longest that the core lets through, each character escaped.
    expect(await store.create('id', stored({ principal: '\ud800'.repeat(256) }), call)).toBe(true)
  })
})

it('mysqlStore sends a limit as digits: MySQL 8 takes no DOUBLE for one, which mysql2 makes of a number', async () => {
  const sent: unknown[][] = []
  const execute = async ({ sql }: { sql: string }, values: unknown[]): Promise<unknown> => {
    if (sql.startsWith('DELETE')) sent.push(values)
    return [sql.startsWith('DELETE') ? { affectedRows: 0 } : [[1]]]
  }
  await mysqlStore({ client: { execute } }).prune(10, call)
  expect(sent).toEqual([
    [expect.any(Number), '10'],
    [expect.any(Number), '10'],
  ])
})
