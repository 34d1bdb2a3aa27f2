/**
 * A process of its own on the built package, for the tests of the SQL stores with several processes.
 *
 * node _sql-worker.mjs <client> <url> <table> <task> …: says that it is ready, waits for a line on its input, works, and
 * prints what came of it.
 */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { createSessions } from '../../dist/index.js'
import { mysqlStore } from '../../dist/stores/mysql.js'
import { postgresStore } from '../../dist/stores/postgres.js'

const [name, url, table, task, ...args] = process.argv.slice(2)

const stores = {
  async pg() {
    const { Pool } = await import('pg')
    const client = new Pool({ connectionString: url, max: 2 })
    client.on('error', () => undefined)
    return postgresStore({ client, table })
  },
  async 'postgres.js'() {
    const { default: postgres } = await import('postgres')
    return postgresStore({ client: postgres(url, { max: 2, onnotice() {} }), table })
  },
  async mysql2() {
    const { createPool } = await import('mysql2/promise')
    return mysqlStore({ client: createPool({ uri: url, connectionLimit: 2 }), table })
  },
  async mariadb() {
    const { createPool } = await import('mariadb')
    const { hostname, port, username, password, pathname } = new URL(url)
    const login = { host: hostname, port: Number(port), user: username, password, database: pathname.slice(1) }
    return mysqlStore({ client: createPool({ ...login, connectionLimit: 2 }), table })
  },
}

const store = await stores[name]()

const tasks = {
  async migrate() {
    await store.migrate()
    return 'migrated'
  },

  /** Adds one to a session's counter until each of n increments has been acknowledged, and tells how often it tried. */
  async count(id, n) {
    const sessions = createSessions({ store })
    let [attempted, acknowledged] = [0, 0]
    const increment = async () => {
      for (;;) {
        attempted++
        try {
          await sessions.update(id, (data) => void data.count++)
          acknowledged++
          return
        } catch (error) {
          // A 409 or a 503: the visitor tries again.
          if (!['ERR_SOJOURN_CONFLICT', 'ERR_SOJOURN_STORE'].includes(error.code)) throw error
          await pause(10)
        }
      }
    }
    await Promise.all(Array.from({ length: Number(n) }, increment))
    return { attempted, acknowledged }
  },
}

console.log('ready')
await once(process.stdin, 'data')
console.log(JSON.stringify(await tasks[task](...args)))
process.exit()
