/** What SQL servers refuse, and clients that are none: each a clear error with a stable code and its remedy. */
import { createConnection } from 'mysql2/promise'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createSessions } from '../../src/sessions.ts'
import { mysqlFaults } from '../../src/stores/_mysql-faults.ts'
import { postgresFaults } from '../../src/stores/_postgres-faults.ts'
import type { SqlFault } from '../../src/stores/_sql-faults.ts'
import { migrationSql as mysqlSql, mysqlStore } from '../../src/stores/mysql.ts'
import { migrationSql as postgresSql, postgresStore } from '../../src/stores/postgres.ts'
import { serverSuite } from '../servers/suite.ts'
import { ENGINES, NOW, type SqlPlace, type SqlStore, stored } from './_sql-engines.ts'

const call = { now: NOW }

function failure(remedy: RegExp): unknown {
  return expect.objectContaining({
    code: 'ERR_SOJOURN_STORE',
    status: 503,
    message: expect.stringMatching(remedy),
    cause: expect.any(Error),
  })
}

const WRITES: Record<string, (store: SqlStore) => Promise<unknown>> = {
  create: (store) => store.create('new', stored({ principal: 'ada' }), call),
  save: async (store) => store.save('id', stored({ version: 2 }), 1, call),
  touch: (store) => store.touch('id', NOW + 9_000_000, call),
  remove: async (store) => store.remove('id', call),
  removeAll: async (store) => store.removeAll('ada', {}, call),
  prune: (store) => store.prune(10, call),
}

const READS: Record<string, (store: SqlStore) => Promise<unknown>> = {
  load: (store) => store.load('id', call),
  revokedAt: async (store) => store.revokedAt('ada', call),
  list: async (store) => store.list('ada', call)[Symbol.asyncIterator]().next(),
  scan: async (store) => store.scan(call)[Symbol.asyncIterator]().next(),
}

/** Each engine's words for the same situation. */
const WORDS: Record<keyof typeof ENGINES, Record<string, string>> = {
  PostgreSQL: {
    'a user who may do nothing': 'CREATE ROLE stranger LOGIN',
    'a user who may only read': `CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader`,
    'a server that takes no writes': 'ALTER ROLE app SET default_transaction_read_only = on',
    'a server that takes writes again': 'ALTER ROLE app RESET default_transaction_read_only',
    'a body of ten bytes': 'ALTER TABLE small ALTER body TYPE varchar(10)',
    'a user who may not create': `CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk`,
    'a column is missing': 'SET ROLE app; CREATE TABLE odd (id text PRIMARY KEY, data text)',
    'the id is not unique':
      'SET ROLE app; CREATE TABLE odd (id text, version bigint, expires_at bigint, principal text, body text)',
    'an instant is no number':
      'SET ROLE app; CREATE TABLE odd (id text PRIMARY KEY, version bigint, expires_at timestamptz, principal text, body text)',
    'the marks have another shape': `SET ROLE app; ${postgresSql({ table: 'odd' })} ALTER TABLE odd_revocations DROP revoked_at`,
  },
  MariaDB: {
    'a user who may do nothing':
      "CREATE USER stranger@'127.0.0.1'; GRANT USAGE ON *.* TO stranger@'127.0.0.1'; GRANT SELECT ON sojourn.small TO stranger@'127.0.0.1'",
    'a user who may only read': "CREATE USER reader@'127.0.0.1'; GRANT SELECT ON sojourn.* TO reader@'127.0.0.1'",
    'a server that takes no writes': 'SET GLOBAL read_only = 1',
    'a server that takes writes again': 'SET GLOBAL read_only = 0',
    'a body of ten bytes': 'ALTER TABLE small MODIFY body VARBINARY(10) NOT NULL',
    'a user who may not create':
      "CREATE USER clerk@'127.0.0.1'; GRANT SELECT, INSERT, UPDATE, DELETE ON sojourn.* TO clerk@'127.0.0.1'",
    'a column is missing': 'CREATE TABLE odd (id VARBINARY(512) PRIMARY KEY, data TEXT)',
    'the id is not unique':
      'CREATE TABLE odd (id VARBINARY(512), version BIGINT, expires_at BIGINT, principal VARBINARY(2048), body LONGBLOB)',
    'an instant is no number':
      'CREATE TABLE odd (id VARBINARY(512) PRIMARY KEY, version BIGINT, expires DATETIME, principal VARBINARY(2048), body LONGBLOB)',
    'the marks have another shape': `${mysqlSql({ table: 'odd' })} ALTER TABLE odd_revocations DROP revoked_at`,
    'principals are compared by a collation':
      'CREATE TABLE odd (id VARBINARY(512) PRIMARY KEY, version BIGINT, expires_at BIGINT, principal VARCHAR(700), body LONGBLOB)',
  },
}

describe.each(Object.entries(ENGINES))('%s', (name, { needed, start }) => {
  const words = WORDS[name as keyof typeof ENGINES]

  serverSuite('says what is wrong', needed, () => {
    let place: SqlPlace
    beforeAll(async () => {
      place = await start({ careless: true })
    })
    afterAll(() => place.stop())

    const situation = async (what: string): Promise<void> => void (await place.admin(words[what]!))

    it.each(Object.entries({ ...WRITES, ...READS }))('where the tables are missing: %s', async (_, work) => {
      await expect(work(place.open({ table: 'missing' }))).rejects.toEqual(
        failure(/is missing\. Run store\.migrate\(\) once, or the SQL of migrationSql\(\)/),
      )
    })

    const shapes = Object.keys(words).filter((what) => / is | have | are /.test(what))
    it.each(shapes)('where another table has the name: %s', async (what) => {
      await situation(what)
      try {
        await expect(place.open({ table: 'odd' }).migrate()).rejects.toEqual(
          failure(/another shape.*the option `table`/),
        )
      } finally {
        await place.admin('DROP TABLE IF EXISTS odd; DROP TABLE IF EXISTS odd_revocations')
      }
    })

    it('where the user may only read, and reads all the same', async () => {
      await situation('a user who may only read')
      const store = place.open({ user: 'reader' })
      await place.open().create('read', stored(), call)
      expect(await store.load('read', call)).toEqual(stored())
      for (const write of Object.values(WRITES))
        await expect(write(store)).rejects.toEqual(failure(/Grant it SELECT, INSERT/))
    })

    it('where the user may do nothing', async () => {
      await place.open({ table: 'small' }).migrate()
      await situation('a user who may do nothing')
      const store = place.open({ user: 'stranger' })
      for (const work of Object.values({ ...READS, ...WRITES }))
        await expect(work(store)).rejects.toEqual(failure(/Grant it SELECT/))
    })

    it('to nobody who starts with tables that are there already and may not create any', async () => {
      await situation('a user who may not create')
      const store = place.open({ user: 'clerk' })
      await store.migrate()
      expect(await store.create('by the clerk', stored(), call)).toBe(true)
      await expect(place.open({ user: 'clerk', table: 'new' }).migrate()).rejects.toEqual(
        failure(/migrate\(\) CREATE\.$/),
      )
    })

    it('where the server takes no writes, as a replica does', async () => {
      await situation('a server that takes no writes')
      const store = place.open()
      expect(await store.load('id', call)).toBeUndefined()
      for (const write of Object.values(WRITES))
        await expect(write(store)).rejects.toEqual(failure(/Connect to the primary/))
      await situation('a server that takes writes again')
      expect(await place.open().create('again', stored(), call)).toBe(true)
    })

    it('where a value is too long for its column, and keeps nothing of it', async () => {
      const store = place.open({ table: 'small' })
      await store.migrate()
      await situation('a body of ten bytes')
      const long = stored({ body: 'x'.repeat(11) })
      await expect(store.create('id', long, call)).rejects.toEqual(failure(/larger than .* Keep less in the session/))
      await store.create('id', stored(), call)
      await expect(store.save('id', { ...long, version: 2 }, 1, call)).rejects.toEqual(
        failure(/Keep less in the session/),
      )
      expect(await store.load('id', call)).toEqual(stored())
    })

    it('where nobody listens', async () => {
      const store = place.open({ port: 1 })
      for (const work of Object.values({ ...READS, ...WRITES }))
        await expect(work(store)).rejects.toEqual(failure(/See that it is up/))
    }, 180_000)

    it('where the login is refused', async () => {
      await expect(place.open({ user: 'nobody' }).load('id', call)).rejects.toEqual(
        failure(/Check user, password and database/),
      )
    })

    it('in an error that a framework may show, and in no word of the session', async () => {
      const sessions = createSessions<{ word: string }>({ store: place.open({ table: 'missing' }) })
      const session = await sessions.open({ cookie: null, secure: true })
      session.word = 'confidential'
      const error: unknown = await sessions.commit(session).catch((error: unknown) => error)
      expect(error).toEqual(failure(/store\.migrate\(\)/))
      const told = [String(error), String((error as Error).cause), JSON.stringify((error as Error).cause)].join('\n')
      expect(told).not.toContain('confidential')
      expect(told).not.toContain(Buffer.from('confidential').toString('hex'))
    })
  })
})

serverSuite('PostgreSQL alone says what is wrong', ENGINES.PostgreSQL.needed, () => {
  it('where the schema is missing', async () => {
    const place = await ENGINES.PostgreSQL.start({ careless: true })
    onTestFinished(() => place.stop())
    const client = new Pool({ connectionString: place.urlOf() })
    onTestFinished(() => client.end())
    const store = postgresStore({ client, schema: 'nowhere' })
    await expect(store.load('id', call)).rejects.toEqual(failure(/Run store\.migrate\(\)/))
    await expect(store.migrate()).rejects.toEqual(failure(/Create it, or choose another/))
  })
})

serverSuite('MariaDB alone says what is wrong', ENGINES.MariaDB.needed, () => {
  let place: SqlPlace
  beforeAll(async () => {
    place = await ENGINES.MariaDB.start({ careless: true })
  })
  afterAll(() => place.stop())

  it('where a body is larger than a packet, and goes on', async () => {
    await place.admin('SET GLOBAL max_allowed_packet = 1048576')
    const store = place.open()
    const large = stored({ body: 'x'.repeat(2_000_000) })
    await expect(store.create('large', large, call)).rejects.toEqual(failure(/raise max_allowed_packet/))
    expect(await store.create('small', stored(), call)).toBe(true)
  })

  it('where nothing would be committed', async () => {
    const client = await createConnection(place.urlOf())
    onTestFinished(() => client.end())
    await client.query('SET autocommit = 0')
    await expect(mysqlStore({ client }).migrate()).rejects.toMatchObject({
      code: 'ERR_SOJOURN_CONFIG',
      message: expect.stringMatching(/Turn autocommit on/),
    })
  })
})

describe('a client that is none', () => {
  const config = expect.objectContaining({
    code: 'ERR_SOJOURN_CONFIG',
    message: expect.stringMatching(/Give the|Leave/),
  })
  const pg = { query: async () => ({ rows: [] }) }
  const mysql = { execute: async () => [[], []] }

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a URL', 'postgres://localhost/app'],
    ['its options', { host: 'localhost' }],
    ['a pool of mysql2', { ...mysql, query: async () => [] }],
    ['the db of pg-promise', { ...pg, $pool: pg }],
    ['a number', 7],
  ])('is refused at once by postgresStore: %s', (_, client) => {
    expect(() => postgresStore({ client: client as never })).toThrow(config)
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a URL', 'mysql://localhost/app'],
    ['its options', { host: 'localhost' }],
    ['a pool of pg', pg],
    ['the db of Drizzle', { ...mysql, $client: mysql }],
  ])('is refused at once by mysqlStore: %s', (_, client) => {
    expect(() => mysqlStore({ client: client as never })).toThrow(config)
  })

  it('is refused by mysqlStore when it gives no promise: mariadb/callback', async () => {
    const store = mysqlStore({ client: { execute: () => undefined as never } })
    await expect(store.load('id', call)).rejects.toEqual(config)
  })

  it.each(['', 'a\0b', 'x'.repeat(64), 7])('nor is %j a name', (table) => {
    const name = table as string
    expect(() => postgresStore({ client: pg, table: name })).toThrow(config)
    expect(() => postgresStore({ client: pg, schema: name })).toThrow(config)
    expect(() => mysqlStore({ client: mysql, table: name })).toThrow(config)
    expect(() => postgresSql({ table: name })).toThrow(config)
    expect(() => mysqlSql({ table: name })).toThrow(config)
  })
})

describe('an error of a driver', () => {
  const coded = (code: string | number): Error =>
    Object.assign(new Error('in other words'), typeof code === 'number' ? { errno: code } : { code })
  it.each<[SqlFault, Error[]]>([
    ['conflict', ['40001', '40P01'].map(coded)],
    ['missing', [coded('42P01')]],
    ['schema', [coded('3F000')]],
    ['shape', ['42703', '42P10', '23502'].map(coded)],
    ['crowded', [coded('53300'), new Error('timeout exceeded when trying to connect')]],
    ['slow', [coded('57014'), coded('55P03'), new Error('Query read timeout')]],
    ['size', ['22001', '54000'].map(coded)],
    ['full', ['53100', '53200'].map(coded)],
    ['encoding', [coded('22P05')]],
    [
      'closed',
      [
        coded('CONNECTION_ENDED'),
        new Error('Cannot use a pool after calling end on the pool'),
        new Error('PGlite is closed'),
      ],
    ],
    [
      'away',
      [
        coded('ECONNREFUSED'),
        coded('57P03'),
        coded('CONNECT_TIMEOUT'),
        new Error('Connection terminated due to connection timeout', { cause: coded('ECONNRESET') }),
      ],
    ],
    [
      'broken',
      [
        coded('ECONNRESET'),
        coded('57P01'),
        coded('08006'),
        coded('CONNECTION_CLOSED'),
        new Error('Connection terminated unexpectedly'),
      ],
    ],
    ['unknown', [coded('42601'), new Error('something else')]],
  ])('of PostgreSQL is known as %s', (fault, errors) => {
    expect(errors.map((error) => postgresFaults.of(error))).toEqual(errors.map(() => fault))
  })

  it.each<[SqlFault, Error[]]>([
    ['conflict', [1213, 1020].map(coded)],
    ['missing', [coded(1146)]],
    ['shape', [coded(1054)]],
    ['crowded', [coded(1040), coded('ER_GET_CONNECTION_TIMEOUT'), new Error('No connections available.')]],
    ['slow', [1205, 3024, 1969].map(coded)],
    ['size', [1406, 1153].map(coded)],
    ['full', [1114, 1021].map(coded)],
    ['closed', [coded('ER_POOL_ALREADY_CLOSED'), new Error('Pool is closed.')]],
    ['away', [coded('ETIMEDOUT'), Object.assign(coded('ER_GET_CONNECTION_TIMEOUT'), { cause: coded('ECONNREFUSED') })]],
    ['broken', [coded('PROTOCOL_CONNECTION_LOST'), coded('ER_SOCKET_UNEXPECTED_CLOSE'), coded('EPIPE')]],
    ['unknown', [coded(1064), new Error('something else')]],
  ])('of MySQL is known as %s', (fault, errors) => {
    expect(errors.map((error) => mysqlFaults.of(error))).toEqual(errors.map(() => fault))
  })

  it('is one of ours, with the code of a timeout where it is one', async () => {
    const store = postgresStore({ client: { query: () => Promise.reject(coded('57014')) } })
    await expect(store.load('id', call)).rejects.toMatchObject({
      code: 'ERR_SOJOURN_STORE_TIMEOUT',
      cause: { code: '57014' },
    })
  })

  it.each([
    ['a conflict', '40001', 19, /Find what else locks/],
    ['a connection that broke', 'ECONNRESET', 2, /the connection broke/],
  ])('that comes of %s is not seen, unless there is no end to it', async (_, code, bearable, remedy) => {
    let left = bearable
    const query = async (): Promise<{ rows: []; rowCount: number }> => {
      if (left-- > 0) throw coded(code)
      return { rows: [], rowCount: 1 }
    }
    const store = postgresStore({ client: { query } })
    expect(await store.save('id', stored({ version: 2 }), 1, call)).toBe('saved')
    left = bearable + 1
    await expect(store.remove('id', call)).rejects.toEqual(failure(remedy))
    expect(left).toBe(0)
  })
})
