/**
 * The stores whose calls are timed. To add one, add a row: `open(folder)` gives the calls, each of which may give a
 * promise. What a store cannot do, or does by itself, is left out.
 *
 * | call | |
 * |---|---|
 * | `write(number, expiresAt)` | keeps a new session of that number |
 * | `load(number)`, `save(number)` | reads it; writes it anew over what was read |
 * | `list(number)` | reads all sessions of that session's user; gives how many there were |
 * | `revoke(number)` | ends it, and keeps it anew |
 * | `revokeAll(number)` | ends all sessions of that session's user, and keeps them anew |
 * | `prune()` | removes 100 expired sessions; gives how many it removed |
 * | `close()` | ends the connections |
 *
 * `engine` names what must run for it; `standIn` what runs instead, where that is not the engine itself.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { dynamoClient, mongoClient, mysqlPool, postgresPool, redisClient } from '../engines/clients.js'
import { neededFor, standInFor } from '../engines/index.js'
import { contract, idOf } from './flat-contract.js'
import { inWorkerd } from './flat-workerd.js'
import { dataOf, userOf } from './sessions.js'

/** Tables and prefixes of this process's own: two of them fill one engine. */
const OWN = `flat_${process.pid}`

export const flatStores = [
  {
    ...ours('memoryStore', 'memory', 'sojourn'),
    open: async () => contract((await import('sojourn')).memoryStore()),
  },
  {
    ...ours('sealed(memoryStore)', 'memory', 'sojourn', 'sojourn/sealed'),
    async open() {
      const [{ memoryStore }, { sealed }] = await Promise.all([import('sojourn'), import('sojourn/sealed')])
      return contract(sealed(memoryStore(), { keys: [{ id: 'k1', secret: randomBytes(32) }] }))
    },
  },
  {
    ...ours('sqliteStore', 'sqlite', 'sojourn/sqlite', '@photostructure/sqlite'),
    open: async (folder) =>
      contract((await import('sojourn/sqlite')).sqliteStore({ path: join(folder, 'flat.sqlite') })),
  },
  {
    ...ours('redisStore', 'redis', 'sojourn/redis', 'redis6'),
    async open() {
      const client = await redisClient()
      const store = (await import('sojourn/redis')).redisStore({ client, prefix: `${OWN}:` })
      return { ...contract(store), close: () => client.close() }
    },
  },
  {
    ...ours('fromConnectStore(connect-redis)', 'redis', 'sojourn/migrate', 'connect-redis', 'redis6'),
    async open() {
      const [{ fromConnectStore }, { RedisStore }] = await Promise.all([
        import('sojourn/migrate'),
        import('connect-redis'),
      ])
      const client = await redisClient()
      const store = fromConnectStore(new RedisStore({ client, prefix: `${OWN}:` }))
      return { ...contract(store), close: () => client.close() }
    },
  },
  {
    ...ours('postgresStore', 'postgres', 'sojourn/postgres', 'pg'),
    async open() {
      const client = await postgresPool()
      const store = (await import('sojourn/postgres')).postgresStore({ client, table: OWN })
      await store.migrate()
      return { ...contract(store), close: () => client.end() }
    },
  },
  {
    ...ours('mysqlStore', 'mysql', 'sojourn/mysql', 'mysql2/promise'),
    async open() {
      const client = await mysqlPool()
      const store = (await import('sojourn/mysql')).mysqlStore({ client, table: OWN })
      await store.migrate()
      return { ...contract(store), close: () => client.end() }
    },
  },
  {
    ...ours('memcachedStore', 'memcached', 'sojourn/memcached'),
    async open() {
      const { memcachedStore } = await import('sojourn/memcached')
      const store = memcachedStore({ servers: process.env.BENCH_MEMCACHED, prefix: `${OWN}:` })
      return { ...contract(store), close: () => store.close() }
    },
  },
  {
    ...ours('mongodbStore', 'mongodb', 'sojourn/mongodb', 'mongodb'),
    // What stands in for it has no index but that of the ids.
    variables: ['MONGODB_URL'],
    async open() {
      const client = await mongoClient()
      const collection = client.db().collection(`sojourn_bench_${OWN}`)
      const store = (await import('sojourn/mongodb')).mongodbStore({ collection })
      await store.migrate()
      const close = async () => {
        await collection.drop()
        await client.close()
      }
      return { ...contract(store), close }
    },
  },
  {
    ...ours('dynamodbStore', 'dynamodb', 'sojourn/dynamodb'),
    async open() {
      const client = await dynamoClient()
      const store = (await import('sojourn/dynamodb')).dynamodbStore({ client, table: OWN })
      await store.migrate()
      return { ...contract(store), close: () => client.destroy() }
    },
  },
  { ...ours('durableObjectStore', 'workerd', 'sojourn/cloudflare'), open: (folder) => inWorkerd('objects', folder) },
  { ...ours('d1Store', 'workerd', 'sojourn/cloudflare'), open: (folder) => inWorkerd('d1', folder) },
  { ...ours('workersKvStore', 'workerd', 'sojourn/cloudflare'), open: (folder) => inWorkerd('kv', folder) },
  { name: 'express-session MemoryStore', role: 'peer', needs: ['express-session'], open: expressSessionStore },
]

function ours(name, engine, ...needs) {
  const needed = neededFor(engine)
  return {
    name,
    role: 'ours',
    engine,
    standIn: standInFor(engine),
    needs: [...needs, ...needed.needs],
    programs: needed.programs,
  }
}

/** To list or to prune, it reads every session that there is. */
async function expressSessionStore() {
  const { default: session } = await import('express-session')
  const store = new session.MemoryStore()
  const asked = (method, ...args) =>
    new Promise((resolve, reject) => store[method](...args, (error, value) => (error ? reject(error) : resolve(value))))
  const entry = (number, expiresAt) => ({
    cookie: { originalMaxAge: 86_400_000, expires: new Date(expiresAt), httpOnly: true, path: '/' },
    ...dataOf(number),
  })
  return {
    write: (number, expiresAt) => asked('set', idOf(number), entry(number, expiresAt)),
    load: (number) => asked('get', idOf(number)),
    async save(number) {
      await asked('get', idOf(number))
      await asked('set', idOf(number), entry(number, Date.now() + 86_400_000))
    },
    async list(number) {
      const user = userOf(number)
      return Object.values(await asked('all')).filter((data) => data.user.id === user).length
    },
    async prune() {
      const before = Object.keys(store.sessions).length
      return before - (await asked('length'))
    },
  }
}
