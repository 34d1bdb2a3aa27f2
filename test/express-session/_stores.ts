/** Third-party stores, each over a real server or file of its own. To add one, add a row. */
import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import knex from 'knex'
import { MongoClient } from 'mongodb'
import { Pool } from 'pg'
import { createClient } from 'redis'
import { ownMariadb, startMariadb } from '../servers/mariadb.ts'
import { memcached, startMemcached } from '../servers/memcached.ts'
import { startMongoStandIn } from '../servers/mongo-stand-in.ts'
import { ownPostgres, startPostgres } from '../servers/postgres.ts'
import { ownRedis, startRedis } from '../servers/redis.ts'
import { whereServed } from '../servers/suite.ts'
import { type AnyStore, EXPRESS_SESSION, type Method } from './_libraries.ts'

export interface Opened {
  readonly store: AnyStore
  /** Takes the store what it stands on: from now on every call fails. */
  fail(): Promise<void>
  close(): Promise<void>
}

type Class = new (options: object) => AnyStore & { close(): unknown }
type Factory = (session: unknown) => Class

// Their own types bring those of express-session into every test's `Request`: they are loaded without.
const require = createRequire(import.meta.url)
const made = (name: string): Class => (require(name) as Factory)(EXPRESS_SESSION)
const classOf = (name: string, key: string): Class => (require(name) as Record<string, Class>)[key]!

export const STORES: Readonly<Record<string, () => Promise<Opened>>> = {
  ...whereServed(ownRedis, {
    async 'connect-redis'() {
      const server = await startRedis()
      const client = await createClient({ url: server.url }).connect()
      const store = new (classOf('connect-redis', 'RedisStore'))({ client })
      return opened(store, () => client.destroy(), server.stop)
    },
  }),
  ...whereServed(ownPostgres, {
    async 'connect-pg-simple'() {
      const server = await startPostgres(['fsync=off'])
      const pool = new Pool({ connectionString: server.url })
      const options = { pool, createTableIfMissing: true, pruneSessionInterval: false, errorLog: () => undefined }
      return opened(new (made('connect-pg-simple'))(options), () => pool.end(), server.stop)
    },
    async 'connect-session-knex'() {
      const server = await startPostgres(['fsync=off'])
      // Told no version, it writes in the way of databases that cannot insert or update in one.
      const client = knex({ client: 'pg', version: '14', connection: server.url })
      const options = { knex: client, cleanupInterval: 0, tableName: 'knex_sessions' }
      const store = new (classOf('connect-session-knex', 'ConnectSessionKnexStore'))(options)
      return opened(store, () => client.destroy(), server.stop)
    },
  }),
  ...whereServed(ownMariadb, {
    async 'express-mysql-session'() {
      const server = await startMariadb()
      const { host, port, user, password, database } = server
      const options = { host, port, user, password, database, clearExpired: false }
      const store = new (made('express-mysql-session'))(options)
      // It makes its table in its own time.
      await (store as unknown as { onReady(): Promise<void> }).onReady()
      return opened(store, () => store.close(), server.stop)
    },
  }),
  ...whereServed(memcached, {
    async 'connect-memcached'() {
      const server = await startMemcached()
      // Left to itself it looks for a server that has gone for longer than anybody waits.
      const options = { hosts: `${server.host}:${server.port}`, retries: 0 }
      const store = new (made('connect-memcached'))(options)
      const { client } = store as unknown as { client: { end(): void } }
      return opened(store, server.stop, () => client.end())
    },
  }),
  async 'connect-mongo'() {
    const server = process.env['MONGODB_URL'] ? undefined : await startMongoStandIn()
    const mongoUrl = process.env['MONGODB_URL'] ?? server!.url
    const collectionName = `connect_mongo_${randomUUID()}`
    const store = new (classOf('connect-mongo', 'MongoStore'))({ mongoUrl, collectionName })
    const tidy = async (): Promise<void> => {
      const client = await new MongoClient(mongoUrl).connect()
      await client.db().dropCollection(collectionName)
      await client.close()
      await server?.close()
    }
    return opened(store, () => store.close(), tidy)
  },
  async 'session-file-store'() {
    const path = mkdtempSync(join(tmpdir(), 'sojourn-files-'))
    const remove = (): void => rmSync(path, { recursive: true })
    const store = new (made('session-file-store'))({ path, logFn: () => undefined, reapInterval: -1, minTimeout: 0 })
    return opened(store, () => (remove(), writeFileSync(path, 'no folder')), remove)
  },
  async memorystore() {
    const store = new (made('memorystore'))({})
    return opened(store, () => Reflect.deleteProperty(store, 'store'))
  },
  async 'better-sqlite3-session-store'() {
    const client = new DatabaseSync(':memory:')
    return opened(new (made('better-sqlite3-session-store'))({ client }), () => client.close())
  },
}

/** Stores whose touch writes the whole session: where they are told to do so after its end, it is back. */
export const WRITES_AT_TOUCH: readonly string[] = ['connect-memcached']

/** An open store as one application has it: what is put on it and listened to on it, is so for that one alone. */
export function viewOf(store: AnyStore): AnyStore {
  const view = Object.create(store) as AnyStore
  EventEmitter.call(view as never)
  for (const method of ['get', 'set', 'touch', 'destroy'] satisfies Method[])
    view[method] = (store[method] as () => void).bind(store)
  return view
}

// --- internal ---

function opened(store: AnyStore, end: () => unknown, stop: () => unknown = () => undefined): Opened {
  let ended: Promise<void> | undefined
  const fail = (): Promise<void> => (ended ??= (async () => void (await end()))())
  return {
    store,
    fail,
    async close() {
      await fail()
      await stop()
    },
  }
}
