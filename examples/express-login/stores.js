import { join } from 'node:path'
import { cookieStore } from 'sojourn/cookie'
import { mongodbStore } from 'sojourn/mongodb'
import { sqliteStore } from 'sojourn/sqlite'

/**
 * Where sessions can live: the first entry whose variable is set wins; the last needs none.
 *
 * An entry opens the client and gives the store made from it, and how to close what it opened.
 */
const STORES = [
  {
    name: 'sealed cookies',
    variable: 'SESSION_KEY', // openssl rand -base64 32
    async open(secret) {
      const { store: revocations, close } = await openStore({ DATA_DIR: process.env.DATA_DIR })
      return { store: cookieStore({ keys: [{ id: 'k1', secret }], revocations }), close }
    },
  },
  {
    name: 'MongoDB',
    variable: 'MONGODB_URL',
    async open(url) {
      const { MongoClient } = await import('mongodb')
      const client = await new MongoClient(url).connect()
      const store = mongodbStore({ collection: client.db().collection('sessions') })
      await store.migrate()
      return { store, close: () => client.close() }
    },
  },
  {
    name: 'SQLite',
    variable: 'DATA_DIR',
    async open(folder) {
      const store = sqliteStore({ path: join(folder, 'sessions.sqlite') })
      return { store, close: () => store.close() }
    },
  },
]

/** Opens the session store that the environment chooses. Gives `{ name, store, close }`. */
export async function openStore(env) {
  const entry = STORES.find(({ variable }) => env[variable])
  return { name: entry.name, ...(await entry.open(env[entry.variable])) }
}
