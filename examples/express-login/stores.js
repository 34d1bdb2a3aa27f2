import { join } from 'node:path'
import { sqliteStore } from 'sojourn/sqlite'

/**
 * Where sessions can live: the first entry whose variable is set wins; the last needs none.
 *
 * An entry opens the client and gives the store made from it, and how to close what it opened.
 */
const STORES = [
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
