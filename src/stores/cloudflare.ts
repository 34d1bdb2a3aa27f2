/**
 * Sessions on Cloudflare: in Durable Objects, in D1, and, with fewer promises, in Workers KV.
 *
 * @module
 */
export { durableObjectStore, SojournObject } from './_cloudflare-objects.ts'
export type { DurableObjectStore, DurableObjectStoreOptions } from './_cloudflare-objects.ts'
export { d1Store, migrationSql } from './_cloudflare-d1.ts'
export type { D1Store, D1StoreOptions } from './_cloudflare-d1.ts'
export { workersKvStore } from './_cloudflare-kv.ts'
export type { WorkersKvStore, WorkersKvStoreOptions } from './_cloudflare-kv.ts'
