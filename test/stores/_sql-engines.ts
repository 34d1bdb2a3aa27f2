/** The SQL servers seen alike, for tests that hold each store to the same. */
import { createConnection, createPool } from 'mysql2/promise'
import { Client, Pool } from 'pg'
import { onTestFinished } from 'vitest'
import type { StoredSession } from '../../src/core/store.ts'
import type { SqlMethods } from '../../src/stores/_sql-store.ts'
import { migrationSql as mysqlSql, mysqlStore } from '../../src/stores/mysql.ts'
import { migrationSql as postgresSql, postgresStore } from '../../src/stores/postgres.ts'
import type { ServerProcess } from '../servers/_process.ts'
import { ownMariadb, startMariadb } from '../servers/mariadb.ts'
import { ownPostgres, startPostgres } from '../servers/postgres.ts'
import type { Needed } from '../servers/suite.ts'
import { optionsOf } from './_mysql.ts'

export type SqlStore = SqlMethods & { migrate(): Promise<void> }

/** How a test wants a server. */
export interface Wishes {
  /** Faster, for tests that do not kill it: it may lose the last writes. */
  readonly careless?: boolean
  /** How many connections it takes from those who are not its administrator. */
  readonly connections?: number
}

/** How a test wants a store. */
export interface StoreWishes {
  /** Default: the one that is there. */
  readonly table?: string
  /** Another way to the server than its own port. */
  readonly port?: number
  readonly user?: string
  readonly connections?: number
}

/** A server, its administrator, and an application's way to it. */
export interface SqlPlace {
  readonly process: ServerProcess
  readonly port: number
  /** The URL of the application's database, for its own user; by another port if need be. */
  urlOf(port?: number): string
  /** Gives a store over a pool that ends with the test. */
  open(wishes?: StoreWishes): SqlStore
  /** Gives a connection of its own, for transactions, that ends with the test. */
  connect(): Promise<{ query(sql: string): Promise<unknown> }>
  /** Runs statements as the administrator, over a connection of their own, and gives the rows of the last. */
  admin(sql: string): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
}

export interface SqlEngine {
  readonly needed: Needed
  /** The clients, as _sql-worker.mjs calls them. */
  readonly clients: readonly string[]
  start(wishes?: Wishes): Promise<SqlPlace>
}

/** The table that is there from the start. */
export const TABLE = 'sojourn_sessions'

export const ENGINES: Readonly<Record<'PostgreSQL' | 'MariaDB', SqlEngine>> = {
  PostgreSQL: {
    needed: ownPostgres,
    clients: ['pg', 'postgres.js'],
    async start({ careless, connections }: Wishes = {}) {
      const settings = [
        ...(careless ? ['fsync=off', 'synchronous_commit=off'] : []),
        // Beside those that are kept for the administrator.
        ...(connections === undefined ? [] : [`max_connections=${connections + 3}`]),
        'shared_preload_libraries=pg_stat_statements',
      ]
      const { port, process, stop } = await startPostgres(settings)
      const admin = async (sql: string): Promise<Record<string, unknown>[]> => {
        const client = new Client(`postgres://postgres@127.0.0.1:${port}/postgres`)
        await client.connect()
        try {
          const results = (await client.query(sql)) as { rows: Record<string, unknown>[] }
          return [results].flat().at(-1)!.rows
        } finally {
          await client.end()
        }
      }
      const urlOf = (by = port, user = 'app'): string => `postgres://${user}@127.0.0.1:${by}/postgres`
      await admin(`CREATE ROLE app LOGIN; GRANT CREATE ON SCHEMA public TO app; SET ROLE app; ${postgresSql()}`)
      return {
        process,
        port,
        urlOf,
        open({ table = TABLE, port: by, user, connections: max = 10 }: StoreWishes = {}) {
          const client = new Pool({ connectionString: urlOf(by, user), max })
          client.on('error', () => undefined)
          endWithTest(client)
          return postgresStore({ client, table })
        },
        async connect() {
          const client = new Client(urlOf())
          await client.connect()
          endWithTest(client)
          return client
        },
        admin,
        stop,
      }
    },
  },

  MariaDB: {
    needed: ownMariadb,
    clients: ['mysql2', 'mariadb'],
    async start({ careless, connections }: Wishes = {}) {
      const settings = [
        `--innodb-flush-log-at-trx-commit=${careless ? 0 : 1}`,
        ...(connections === undefined ? [] : [`--max-connections=${connections}`]),
      ]
      const { url, port, process, asRoot, stop } = await startMariadb(settings)
      const urlOf = (by = port): string => url.replace(`:${port}/`, `:${by}/`)
      await asRoot(`USE sojourn; ${mysqlSql()}`)
      return {
        process,
        port,
        urlOf,
        open({ table = TABLE, port: by, user, connections: connectionLimit = 10 }: StoreWishes = {}) {
          const client = createPool({ ...optionsOf(urlOf(by)), ...(user && { user, password: '' }), connectionLimit })
          endWithTest(client)
          return mysqlStore({ client, table })
        },
        async connect() {
          const client = await createConnection(urlOf())
          endWithTest(client)
          return client
        },
        async admin(sql) {
          const lines = (await asRoot(`USE sojourn; ${sql}`)).split('\n')
          return lines.filter(Boolean).map((line) => Object.fromEntries(line.split('\t').entries()))
        },
        stop,
      }
    },
  },
}

/** A session with what a case does not care about filled in. */
export function stored(about: Partial<StoredSession> = {}): StoredSession {
  return { version: 1, expiresAt: NOW + 3_600_000, principal: null, body: '{}', ...about }
}

export const NOW = 1_800_000_000_000

/** Everything that a listing gives. */
export async function all<V>(listing: AsyncIterable<V>): Promise<V[]> {
  const given: V[] = []
  for await (const one of listing) given.push(one)
  return given
}

function endWithTest(client: { end(): Promise<void> }): void {
  // What is still under way on a server that is gone must not keep the test from ending.
  onTestFinished(() => void client.end().catch(() => undefined))
}
