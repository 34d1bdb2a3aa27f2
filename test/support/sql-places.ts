/** Places in a PostgreSQL and a MariaDB for the promises: one server for the test file, a table for each place. */
import { randomUUID } from 'node:crypto'
import mysql, { type Pool as MysqlPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { mysqlStore } from '../../src/stores/mysql.ts'
import { postgresStore } from '../../src/stores/postgres.ts'
import { openMariadb } from '../servers/mariadb.ts'
import { openPostgres } from '../servers/postgres.ts'
import type { OpenStore } from './stores.ts'

export async function openPostgresPlace(): Promise<OpenStore> {
  pg ??= openPostgres(['fsync=off', 'synchronous_commit=off']).then(
    ({ url }) => new Pool({ connectionString: url, allowExitOnIdle: true }),
  )
  const client = await pg
  const table = newTable()
  const store = postgresStore({ client, table })
  await store.migrate()
  return {
    store,
    through: (around) => postgresStore({ client: around(client), table }),
    async dump() {
      const kept = await Promise.all(tablesOf(table).map((name) => client.query(`SELECT * FROM "${name}"`)))
      return Buffer.from(JSON.stringify(kept.map(({ rows }) => rows)))
    },
    close: async () =>
      void (await client.query(
        `DROP TABLE ${tablesOf(table)
          .map((name) => `"${name}"`)
          .join(', ')}`,
      )),
  }
}

export async function openMariadbPlace(): Promise<OpenStore> {
  maria ??= openMariadb(['--innodb-flush-log-at-trx-commit=0']).then(({ url }) => mysql.createPool(url))
  const client = await maria
  const table = newTable()
  const store = mysqlStore({ client, table })
  await store.migrate()
  return {
    store,
    through: (around) => mysqlStore({ client: around(client), table }),
    async dump() {
      const kept = await Promise.all(tablesOf(table).map(async (name) => client.query(`SELECT * FROM ${name}`)))
      const texts = kept.map(([rows]) =>
        (rows as Record<string, unknown>[]).map((row) => Object.values(row).map(String)),
      )
      return Buffer.from(JSON.stringify(texts))
    },
    close: async () => void (await client.query(`DROP TABLE ${tablesOf(table).join(', ')}`)),
  }
}

// --- internal ---

/** These, and their servers, end with the process. */
let pg: Promise<Pool> | undefined
let maria: Promise<MysqlPool> | undefined

function newTable(): string {
  return `promises_${randomUUID().replaceAll('-', '').slice(0, 16)}`
}

function tablesOf(table: string): string[] {
  return [table, `${table}_revocations`]
}
