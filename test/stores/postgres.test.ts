/** Every case of the conformance kit, through every client, on a real PostgreSQL; and what is PostgreSQL's own. */
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { migrationSql, postgresStore, type PgResult, type PostgresStoreOptions } from '../../src/stores/postgres.ts'
import { casesFor } from '../../src/testing/index.ts'
import { pgbouncer, startPgbouncer } from '../servers/pgbouncer.ts'
import { openPostgres, ownPostgres, postgres, startPostgres } from '../servers/postgres.ts'
import { isAvailable, serverSuite } from '../servers/suite.ts'
import { CLIENTS, type Connected, connectedPool, newTable, openPglite, openRenaming } from './_postgres.ts'
import { all, NOW, stored } from './_sql-engines.ts'

const call = { now: NOW }
const CASES = casesFor(postgresStore({ client: { query: async () => ({ rows: [] }) } }))

/** Faster: no case pulls the plug. */
const CARELESS = ['fsync=off', 'synchronous_commit=off']

/** Holds the store to the whole contract, through a client. */
function conformance(connect: () => Promise<Connected>): void {
  const table = newTable()
  let connected: Connected
  beforeAll(async () => {
    connected = await connect()
    await postgresStore({ client: connected.client, table }).migrate()
  })
  afterAll(() => connected.close())

  for (const c of CASES) {
    it(c.name, async () => c.run({ open: () => postgresStore({ client: connected.client, table }) }))
  }
}

serverSuite('postgresStore', postgres, () => {
  let place: Awaited<ReturnType<typeof openPostgres>>
  beforeAll(async () => {
    place = await openPostgres(CARELESS)
  })
  afterAll(() => place.stop())

  describe.each(Object.entries(CLIENTS))('through %s', (_, connect) => conformance(() => connect(place.url)))

  /** A store with tables of its own, and a way to ask the server itself. */
  async function opened(options: Partial<PostgresStoreOptions> = {}) {
    const { client, close } = connectedPool({ connectionString: place.url, max: 2 })
    onTestFinished(() => close() as Promise<void>)
    const table = options.table ?? newTable()
    const store = postgresStore({ client, table, ...options })
    return { client, table, store }
  }

  it('finds its columns by their order, and its integers whatever the client makes of them', async () => {
    const { client, close } = await openRenaming(place.url)
    onTestFinished(() => close() as Promise<void>)
    const store = postgresStore({ client, table: newTable() })
    await store.migrate()
    const session = stored({ principal: 'ada', version: 2 ** 40 })
    expect(await store.create('id', session, call)).toBe(true)
    expect(await store.load('id', call)).toEqual(session)
    expect(await store.save('id', session, 1, call)).toEqual({ conflict: session })
    expect(await all(store.list('ada', call))).toEqual([['id', session]])
    expect(await store.removeAll('ada', {}, call)).toBe(1)
    expect(await store.revokedAt('ada', call)).toBe(NOW)
  })

  it.each(Object.entries(CLIENTS))('leaves no prepared statement behind: %s', async (_, connect) => {
    const { client, close } = await connect(place.url)
    onTestFinished(() => close() as Promise<void>)
    const store = postgresStore({ client, table: newTable() })
    await store.migrate()
    await store.create('id', stored(), call)
    await store.load('id', call)
    const names = 'SELECT name FROM pg_prepared_statements'
    const left = 'unsafe' in client ? await client.unsafe(names) : (await client.query(names)).rows
    // The one that postgres.js asks for its types with, as it connects.
    expect(left.length).toBeLessThanOrEqual('unsafe' in client ? 1 : 0)
  })

  it('keeps the tables in a schema, under any name', async () => {
    const { client } = await opened()
    const schema = `odd "schema"; $1 ${process.pid}`
    await client.query(`CREATE SCHEMA "${schema.replaceAll('"', '""')}"`)
    const { store } = await opened({ schema, table: `odd "table"; ? --` })
    await store.migrate()
    await store.migrate()
    expect(await store.create('id', stored({ principal: 'ada' }), call)).toBe(true)
    expect(await store.removeAll('ada', {}, call)).toBe(1)
    const { rows } = await client.query('SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1', [schema])
    expect(rows).toEqual([{ tablename: 'odd "table"; ? --' }, { tablename: 'odd "table"; ? --_revocations' }])
  })

  it('prints the SQL that migrate runs', async () => {
    const { client, store, table } = await opened()
    await store.migrate()
    const printed = newTable()
    await client.query(migrationSql({ table: printed }))
    const shapeOf = async (table: string): Promise<string> => {
      const columns = `SELECT table_name, column_name, data_type, collation_name, is_nullable
        FROM information_schema.columns WHERE table_name LIKE $1 ORDER BY 1, 2`
      const indexes = 'SELECT indexdef FROM pg_indexes WHERE tablename LIKE $1 ORDER BY indexname'
      const found = [await client.query(columns, [`${table}%`]), await client.query(indexes, [`${table}%`])]
      return JSON.stringify(found.map(({ rows }) => rows as unknown)).replaceAll(table, 'T')
    }
    expect(await shapeOf(printed)).toBe(await shapeOf(table))
    expect(migrationSql()).toContain('CREATE TABLE IF NOT EXISTS "sojourn_sessions" (')
    expect(migrationSql({ schema: 'auth' })).toContain(
      'CREATE INDEX IF NOT EXISTS "sojourn_sessions_principal" ON "auth".',
    )
  })

  it('prunes in one process at a time: who finds another at it leaves it to that one', async () => {
    const { client, store, table } = await opened()
    await store.migrate()
    await store.create('old', stored({ expiresAt: 2 }), { now: 1 })
    const sent: string[] = []
    const query = async (text: string): Promise<PgResult> => (sent.push(text), { rows: [] })
    await postgresStore({ client: { query }, table }).prune(1, call)
    const key = /pg_try_advisory_xact_lock\((-?\d+)\)/.exec(sent.join())?.[1]
    const other = await client.connect()
    await other.query(`SELECT pg_advisory_lock(${key})`)
    expect(await store.prune(10, call)).toBe(0)
    await other.query(`SELECT pg_advisory_unlock(${key})`)
    other.release()
    expect(await store.prune(10, call)).toBe(1)
  })

  it('finds a row absent that it cannot read', async () => {
    const { client, store, table } = await opened()
    await store.migrate()
    const put = `INSERT INTO ${table} VALUES ($1, $2, $3, 'ada', $4)`
    await client.query(put, ['version 2^60', String(2n ** 60n), NOW + 1, '{}'])
    await client.query(put, ['version 0', 0, NOW + 1, '{}'])
    await client.query(put, ['expiry 2^60', 1, String(2n ** 60n), '{}'])
    await client.query(put, ['body torn', 1, NOW + 1, '\u0001"torn'])
    for (const id of ['version 2^60', 'version 0', 'expiry 2^60', 'body torn']) {
      expect([id, await store.load(id, call)]).toEqual([id, undefined])
    }
    expect(await all(store.list('ada', call))).toEqual([])
  })
})

serverSuite('postgresStore behind pgbouncer', isAvailable(ownPostgres) ? pgbouncer : ownPostgres, () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let bouncer: Awaited<ReturnType<typeof startPgbouncer>>
  beforeAll(async () => {
    server = await startPostgres(CARELESS)
    bouncer = await startPgbouncer(server.url, 3)
  })
  afterAll(async () => {
    await bouncer.stop()
    await server.stop()
  })

  const pools = Object.entries(CLIENTS).filter(([name]) => name !== 'a Client of pg')
  describe.each(pools)('through %s', (_, connect) => conformance(() => connect(bouncer.url)))
})

describe('postgresStore through PGlite', () => conformance(openPglite))

describe('postgresStore through a Client of pg', () => {
  it('sends one statement after the other, also when one fails', async () => {
    let underWay = 0
    const client = Object.assign(new Client(), {
      async query(text: string) {
        expect(++underWay).toBe(1)
        await new Promise((resolve) => setImmediate(resolve))
        underWay--
        if (text.startsWith('DELETE')) throw new Error('refused')
        return { rows: [], rowCount: 1 }
      },
    })
    const [one, other] = [postgresStore({ client }), postgresStore({ client })]
    const calls = [one.load('a', call), one.remove('b', call), other.load('c', call), one.create('d', stored(), call)]
    const ends = await Promise.allSettled(calls)
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  })
})
