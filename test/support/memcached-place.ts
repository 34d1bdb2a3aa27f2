/** Places in two memcacheds for the promises: the servers for the test file, a prefix for each place. */
import { randomUUID } from 'node:crypto'
import { memcachedStore } from '../../src/stores/memcached.ts'
import { ask } from '../servers/_ask.ts'
import { startMemcached } from '../servers/memcached.ts'
import type { OpenStore } from './stores.ts'

export async function openMemcachedPlace(): Promise<OpenStore> {
  servers ??= Promise.all([startMemcached(), startMemcached()])
  const both = await servers
  const prefix = `promises-${randomUUID()}:`
  const store = memcachedStore({ servers: both.map(({ host, port }) => `${host}:${port}`), prefix })
  return {
    store,
    async dump() {
      const kept = await Promise.all(both.map(({ port }) => dumpOf(port, prefix)))
      return Buffer.from(kept.join(''))
    },
    close: () => store.close(),
  }
}

/** They end with the process. */
let servers: Promise<Awaited<ReturnType<typeof startMemcached>>[]> | undefined

async function dumpOf(port: number, prefix: string): Promise<string> {
  const listed = await ask(port, 'lru_crawler metadump all')
  const keys = [...listed.matchAll(/^key=(\S+)/gm)].map(([, key]) => decodeURIComponent(key!))
  const own = keys.filter((key) => key.startsWith(prefix))
  return own.length === 0 ? '' : ask(port, own.map((key) => `mg ${key} k t f v`).join('\r\n'))
}
