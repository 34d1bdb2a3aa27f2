/**
 * The stores that every promise is kept on, by name. To add one: one entry, whose `open` gives an empty place of its
 * own in the engine (a prefix, a table, a file) and whose `close` takes it away again.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../../src/core/store.ts'
import { type ConnectStore, fromConnectStore } from '../../src/stores/connect.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { mariadb } from '../servers/mariadb.ts'
import { memcached } from '../servers/memcached.ts'
import { postgres } from '../servers/postgres.ts'
import { ownRedis, redis } from '../servers/redis.ts'
import { whereServed } from '../servers/suite.ts'
import { aroundStore } from './around-store.ts'
import { openCloudflarePlace } from './cloudflare-place.ts'
import { openDynamodbPlace } from './dynamodb-place.ts'
import { openMemcachedPlace } from './memcached-place.ts'
import { openMongodbPlace } from './mongodb-place.ts'
import type { PromiseName } from './promise-table.ts'
import { openRedisClusterPlace, openRedisPlace } from './redis-place.ts'
import { openMariadbPlace, openPostgresPlace } from './sql-places.ts'

/** A store to be tested on. */
export interface OpenStore {
  readonly store: Store
  /** The same place through its client with something around it, where the store has a client. */
  through?(around: <C extends object>(client: C) => C): Store
  /** Everything that the engine keeps in that place, byte by byte, where that can be had. */
  dump?(): Promise<Uint8Array>
  close(): Promise<void>
}

export interface StoreEntry {
  open(): Promise<OpenStore>
  /** What its page says of the promises that are not kept as everywhere: how far; or `no`, and it is not tried. */
  readonly keeps?: Partial<Record<PromiseName, string>>
  /** It can neither list nor revoke by principal. */
  readonly cannotList?: true
  /** Fewer rounds will do. */
  readonly isSlow?: true
}

const require = createRequire(import.meta.url)
const { MemoryStore } = require('express-session') as { MemoryStore: new () => ConnectStore }

export const stores: Readonly<Record<string, StoreEntry>> = {
  memory: {
    open: async () => ({ store: memoryStore(), close: async () => {} }),
  },

  /** The same, answering as over a network: never in the same turn of the event loop. */
  'memory, answering later': {
    open: async () => ({ store: answeringLater(memoryStore()), close: async () => {} }),
  },

  sqlite: {
    async open() {
      const folder = mkdtempSync(join(tmpdir(), 'sojourn-promises-'))
      const store = sqliteStore({ path: join(folder, 'sessions.db') })
      return {
        store,
        async dump() {
          return Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))))
        },
        async close() {
          await store.close()
          rmSync(folder, { recursive: true, force: true })
        },
      }
    },
  },

  ...whereServed(redis, { redis: { open: openRedisPlace } }),
  ...whereServed(ownRedis, { 'redis cluster': { open: openRedisClusterPlace, isSlow: true } }),
  ...whereServed(postgres, { postgres: { open: openPostgresPlace } }),
  ...whereServed(mariadb, { mariadb: { open: openMariadbPlace } }),
  ...whereServed(memcached, { memcached: { open: openMemcachedPlace, cannotList: true } }),

  mongodb: { open: openMongodbPlace, isSlow: true },
  dynamodb: { open: openDynamodbPlace, isSlow: true },
  'durable objects': { open: openCloudflarePlace('objects'), isSlow: true },
  d1: { open: openCloudflarePlace('d1'), isSlow: true },
  'workers kv': {
    open: openCloudflarePlace('kv'),
    keeps: { P1: 'no', P2: 'no', P3: 'at one location', P4: 'no' },
    cannotList: true,
    isSlow: true,
  },

  /** Two managers on one store object: what one process has. */
  connect: {
    open: async () => ({ store: fromConnectStore(new MemoryStore()), close: async () => {} }),
    keeps: { P1: 'in one process', P2: 'in one process', P4: 'in one process', P6: 'read 1, write 3' },
    cannotList: true,
    isSlow: true,
  },
}

// --- internal ---

function answeringLater(store: Store): Store {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return aroundStore(store, {
    async call(_, work) {
      await turn()
      const answer = await work()
      await turn()
      return answer
    },
    async *listing(_, work) {
      await turn()
      yield* work()
    },
  })
}
