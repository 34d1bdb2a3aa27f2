/**
 * The stores that every promise is kept on, by name. To add one: one entry, whose `open` gives an empty place of its
 * own in the engine (a prefix, a table, a file) and whose `close` takes it away again.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../../src/core/store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { mariadb } from '../servers/mariadb.ts'
import { memcached } from '../servers/memcached.ts'
import { postgres } from '../servers/postgres.ts'
import { redis } from '../servers/redis.ts'
import { whereServed } from '../servers/suite.ts'
import { aroundStore } from './around-store.ts'
import { openMemcachedPlace } from './memcached-place.ts'
import { openRedisPlace } from './redis-place.ts'
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
}

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
  ...whereServed(postgres, { postgres: { open: openPostgresPlace } }),
  ...whereServed(mariadb, { mariadb: { open: openMariadbPlace } }),
  ...whereServed(memcached, { memcached: { open: openMemcachedPlace } }),
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
