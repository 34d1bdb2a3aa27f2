import { join } from 'node:path'
import { mysqlPool, postgresPool } from '../../engines/clients.js'
import { expressApp } from '../express-app.js'
import { express, expressSession, sojourn, storeClass } from './_libraries.js'

export const onSql = [
  {
    name: 'sojourn-postgres',
    role: 'ours',
    ...express('postgres', 'pg', 'sojourn', 'sojourn/express', 'sojourn/postgres'),
    async app() {
      const { postgresStore } = await import('sojourn/postgres')
      const store = postgresStore({ client: await postgresPool() })
      await store.migrate()
      return expressApp(await sojourn(store))
    },
  },
  {
    name: 'express-session-postgres',
    role: 'peer',
    library: 'express-session',
    ...express('postgres', 'pg', 'express-session', 'connect-pg-simple'),
    async app() {
      const PgStore = await storeClass(import('connect-pg-simple'))
      const store = new PgStore({ pool: await postgresPool(), createTableIfMissing: true })
      return expressApp(await expressSession({ store }))
    },
  },
  {
    name: 'sojourn-mysql',
    role: 'ours',
    ...express('mysql', 'mysql2/promise', 'sojourn', 'sojourn/express', 'sojourn/mysql'),
    async app() {
      const { mysqlStore } = await import('sojourn/mysql')
      const store = mysqlStore({ client: await mysqlPool() })
      await store.migrate()
      return expressApp(await sojourn(store))
    },
  },
  {
    name: 'express-session-mysql',
    role: 'peer',
    library: 'express-session',
    ...express('mysql', 'mysql2/promise', 'express-session', 'express-mysql-session'),
    async app() {
      const MysqlStore = await storeClass(import('express-mysql-session'))
      const store = new MysqlStore({}, await mysqlPool())
      await store.onReady()
      return expressApp(await expressSession({ store }))
    },
  },
  {
    name: 'sojourn-sqlite',
    role: 'ours',
    ...express('sqlite', '@photostructure/sqlite', 'sojourn', 'sojourn/express', 'sojourn/sqlite'),
    async app() {
      const { sqliteStore } = await import('sojourn/sqlite')
      return expressApp(await sojourn(sqliteStore({ path: join(process.env.BENCH_SQLITE_FOLDER, 'sojourn.db') })))
    },
  },
  {
    name: 'express-session-sqlite',
    role: 'peer',
    library: 'express-session',
    ...express('sqlite', '@photostructure/sqlite', 'express-session', 'better-sqlite3-session-store'),
    async app() {
      const { DatabaseSync } = await import('@photostructure/sqlite')
      const SqliteStore = await storeClass(import('better-sqlite3-session-store'))
      // As fast as its file can be, and as ours is.
      const client = new DatabaseSync(join(process.env.BENCH_SQLITE_FOLDER, 'express-session.db'))
      client.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
      return expressApp(await expressSession({ store: new SqliteStore({ client }) }))
    },
  },
]
