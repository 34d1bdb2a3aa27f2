/** What the tests of the PostgreSQL store share: its clients, and tables that nobody else uses. */
import { PGlite } from '@electric-sql/pglite'
import { Client, Pool, type PoolConfig } from 'pg'
import postgres from 'postgres'
import type { PostgresClient } from '../../src/stores/postgres.ts'

/** A client as an application has it. */
export interface Connected {
  readonly client: PostgresClient
  close(): Promise<unknown>
}

/** Every client that the store is promised to work with, connected to the server of that URL. */
export const CLIENTS: Readonly<Record<string, (url: string) => Promise<Connected>>> = {
  'the Pool of pg': async (url) => connectedPool({ connectionString: url }),

  'a Client of pg': async (url) => {
    const client = new Client(url)
    client.on('error', ignore)
    await client.connect()
    return { client, close: () => client.end() }
  },

  'postgres.js': async (url) => {
    const client = postgres(url, { onnotice: ignore })
    return { client, close: () => client.end() }
  },
}

/** A postgres.js that an application has told to rename columns, and to give integers in its own way. */
export async function openRenaming(url: string): Promise<Connected> {
  const client = postgres(url, { onnotice: ignore, transform: postgres.camel, types: { bigint: postgres.BigInt } })
  return { client, close: () => client.end() }
}

/** PostgreSQL as WebAssembly: no server, one process. */
export async function openPglite(): Promise<Connected> {
  const client = new PGlite()
  await client.waitReady
  return { client, close: () => client.close() }
}

/** A pool whose idle connections may break without ending the process, as every application's should. */
export function connectedPool(config: PoolConfig): Connected & { readonly client: Pool } {
  const client = new Pool(config)
  client.on('error', ignore)
  return { client, close: () => client.end() }
}

let tables = 0

/** A name that no other test uses. */
export function newTable(): string {
  return `sessions_${process.pid}_${++tables}`
}

function ignore(): void {
  // The next call will tell.
}
