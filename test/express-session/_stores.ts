/** Third-party stores, each over a real server or file of its own. To add one, add a row. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { Pool } from 'pg'
import { createClient } from 'redis'
import { mariadb, openMariadb } from '../servers/mariadb.ts'
import { memcached, startMemcached } from '../servers/memcached.ts'
import { openPostgres, postgres } from '../servers/postgres.ts'
import { openRedis, redis } from '../servers/redis.ts'
import { whereServed } from '../servers/suite.ts'
import { type AnyStore, EXPRESS_SESSION } from './_libraries.ts'

export interface Opened {
  readonly store: AnyStore
  close(): unknown
}

type Factory = (session: unknown) => new (options: object, more?: object) => AnyStore & { close(): unknown }

// Their own types bring those of express-session into every test's `Request`: they are loaded without.
const require = createRequire(import.meta.url)
const made = (name: string): ReturnType<Factory> => (require(name) as Factory)(EXPRESS_SESSION)

export const STORES: Readonly<Record<string, () => Promise<Opened>>> = {
  ...whereServed(redis, {
    async 'connect-redis'() {
      const server = await openRedis()
      const client = await createClient({ url: server.url }).connect()
      const { RedisStore } = require('connect-redis') as { RedisStore: ReturnType<Factory> }
      return {
        store: new RedisStore({ client }),
        close: async () => (client.destroy(), await server.stop()),
      }
    },
  }),
  ...whereServed(postgres, {
    async 'connect-pg-simple'() {
      const server = await openPostgres()
      const pool = new Pool({ connectionString: server.url })
      const store = new (made('connect-pg-simple'))({ pool, createTableIfMissing: true, pruneSessionInterval: false })
      return { store, close: async () => (await pool.end(), await server.stop()) }
    },
  }),
  ...whereServed(mariadb, {
    async 'express-mysql-session'() {
      const server = await openMariadb()
      const { hostname, port, username, password, pathname } = new URL(server.url)
      const store = new (made('express-mysql-session'))({
        host: hostname,
        port: Number(port),
        user: username,
        password,
        database: pathname.slice(1),
        clearExpired: false,
      })
      // It makes its table in its own time.
      await (store as unknown as { onReady(): Promise<void> }).onReady()
      return { store, close: async () => (await store.close(), await server.stop()) }
    },
  }),
  ...whereServed(memcached, {
    async 'connect-memcached'() {
      const server = await startMemcached()
      const store = new (made('connect-memcached'))({ hosts: `${server.host}:${server.port}` })
      const { client } = store as unknown as { client: { end(): void } }
      return { store, close: async () => (client.end(), await server.stop()) }
    },
  }),
  async 'session-file-store'() {
    const path = mkdtempSync(join(tmpdir(), 'sojourn-files-'))
    const store = new (made('session-file-store'))({ path, logFn: () => undefined, reapInterval: -1 })
    return { store, close: () => rmSync(path, { recursive: true }) }
  },
  async memorystore() {
    return { store: new (made('memorystore'))({}), close: () => undefined }
  },
  async 'better-sqlite3-session-store'() {
    const client = new DatabaseSync(':memory:')
    return { store: new (made('better-sqlite3-session-store'))({ client }), close: () => undefined }
  },
}
