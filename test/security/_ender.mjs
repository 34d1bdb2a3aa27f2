/**
 * A process of its own on the built package, for test/security/open-connections.test.ts.
 *
 * node _ender.mjs sqlite <path> <principal>, or redis <url> <prefix> <principal>: ends all of that principal's sessions,
 * says how many, and goes.
 */
import { createSessions } from '../../dist/index.js'

const open = {
  async sqlite(path) {
    const { sqliteStore } = await import('../../dist/stores/sqlite.js')
    return sqliteStore({ path })
  },
  async redis(url, prefix) {
    const { redisStore } = await import('../../dist/stores/redis.js')
    const { createClient } = await import('redis6')
    const client = await createClient({ url }).connect()
    return redisStore({ client, prefix, subscriber: await client.duplicate().connect() })
  },
}

const [engine, ...place] = process.argv.slice(2)
const principal = place.pop()
const sessions = createSessions({ store: await open[engine](...place) })
console.log(await sessions.revokeAll(principal))
process.exit()
