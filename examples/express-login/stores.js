import { join } from 'node:path'
import { d1Store, durableObjectStore, workersKvStore } from 'sojourn/cloudflare'
import { cookieStore } from 'sojourn/cookie'
import { dynamodbStore } from 'sojourn/dynamodb'
import { memcachedStore } from 'sojourn/memcached'
import { fromConnectStore } from 'sojourn/migrate'
import { mongodbStore } from 'sojourn/mongodb'
import { mysqlStore } from 'sojourn/mysql'
import { postgresStore } from 'sojourn/postgres'
import { redisStore } from 'sojourn/redis'
import { sealed } from 'sojourn/sealed'
import { sqliteStore } from 'sojourn/sqlite'
import { openDatabase } from './sqlite.js'
import { openWorkerd } from './workerd.js'

/**
 * Where sessions can live: the first entry whose variable is set wins; the last needs none.
 *
 * An entry opens the client and gives the store made from it, and how to close what it opened. Each command that goes
 * to the engine is told to `tell`, for the tour.
 */
const STORES = [
  {
    name: 'Redis',
    variable: 'REDIS_URL',
    async open(url, tell) {
      const { createClient } = await import('redis')
      const client = await createClient({ url }).connect()
      const say = ([command, ...args]) => tell(`${command} ${/^eval/i.test(command) ? args[2] : args[0]}`)
      const store = redisStore({ client: told(client, { sendCommand: say }) })
      return { store, close: () => client.close() }
    },
  },
  {
    name: 'PostgreSQL',
    variable: 'POSTGRES_URL',
    async open(url, tell) {
      const { default: pg } = await import('pg')
      const pool = new pg.Pool({ connectionString: url })
      pool.on('error', console.error) // a connection that broke while nobody used it
      const store = postgresStore({ client: told(pool, { query: (query) => tell(query.text ?? query) }) })
      await store.migrate()
      return { store, close: () => pool.end() }
    },
  },
  {
    name: 'MySQL',
    variable: 'MYSQL_URL',
    async open(url, tell) {
      const { default: mysql } = await import('mysql2/promise')
      const pool = mysql.createPool(url)
      const store = mysqlStore({ client: told(pool, { execute: ({ sql }) => tell(sql) }) })
      await store.migrate()
      return { store, close: () => pool.end() }
    },
  },
  {
    name: 'memcached',
    variable: 'MEMCACHED_SERVERS',
    async open(servers) {
      const store = memcachedStore({ servers: servers.split(',') })
      return { store, close: () => store.close() }
    },
  },
  {
    name: 'sealed cookies',
    variable: 'SESSION_KEY', // openssl rand -base64 32
    async open(secret, tell, { DATA_DIR }) {
      const { store: revocations, close } = await openStore({ DATA_DIR }, tell)
      return { store: cookieStore({ keys: [{ id: 'k1', secret }], revocations }), close }
    },
  },
  {
    name: 'MongoDB',
    variable: 'MONGODB_URL',
    async open(url, tell) {
      const { MongoClient } = await import('mongodb')
      const client = new MongoClient(url, { monitorCommands: true })
      client.on('commandStarted', ({ commandName, command }) => tell(`${commandName} ${command[commandName]}`))
      await client.connect()
      const store = mongodbStore({ collection: client.db().collection('sessions') })
      await store.migrate()
      return { store, close: () => client.close() }
    },
  },
  {
    name: 'DynamoDB',
    variable: 'DYNAMODB_TABLE', // the SDK finds region and credentials in the environment
    async open(table, tell) {
      const { DynamoDB } = await import('@aws-sdk/client-dynamodb')
      const client = new DynamoDB()
      const store = dynamodbStore({ client: told(client, operations(tell)), table })
      await store.migrate()
      return { store, close: () => client.destroy() }
    },
  },
  {
    name: 'D1',
    variable: 'CLOUDFLARE_D1_FOLDER', // Cloudflare's own runtime, on this machine; in a Worker the binding is env.DB
    async open(folder, tell) {
      const workerd = await openWorkerd(folder)
      const store = d1Store({ database: told(await workerd.getD1Database('DB'), { prepare: tell }) })
      await store.migrate()
      return { store, close: () => workerd.dispose() }
    },
  },
  {
    name: 'Durable Objects',
    variable: 'CLOUDFLARE_OBJECTS_FOLDER',
    async open(folder, tell) {
      const workerd = await openWorkerd(folder)
      const namespace = await workerd.getDurableObjectNamespace('OBJECTS')
      const fetch = (url, { body }) => tell(`SojournObject ${JSON.parse(body).do}`)
      const get = (id) => told(namespace.get(id), { fetch })
      const store = durableObjectStore({ namespace: told(namespace, {}, { get }) })
      return { store, close: () => workerd.dispose() }
    },
  },
  {
    name: 'Workers KV, which does not keep P1, P2 and P4', // for sign-ins use one of the two above
    variable: 'CLOUDFLARE_KV_FOLDER',
    async open(folder, tell) {
      const workerd = await openWorkerd(folder)
      const namespace = told(await workerd.getKVNamespace('KV'), keyed(['get', 'put', 'delete'], tell))
      return { store: workersKvStore({ namespace }), close: () => workerd.dispose() }
    },
  },
  {
    name: 'connect-redis',
    variable: 'CONNECT_REDIS_URL', // so is any store that was written for express-session
    async open(url, tell) {
      const [{ createClient }, { RedisStore }] = await Promise.all([import('redis'), import('connect-redis')])
      const client = await createClient({ url }).connect()
      const commands = keyed(['get', 'set', 'del'], tell)
      const store = fromConnectStore(new RedisStore({ client: told(client, commands) }))
      return { store, close: () => client.close() }
    },
  },
  {
    name: 'SQLite',
    variable: 'DATA_DIR',
    async open(folder, tell) {
      const database = await openDatabase(join(folder, 'sessions.sqlite'))
      const prepare = (sql) => {
        const statement = database.prepare(sql)
        const say = () => tell(sql)
        return told(statement, { run: say, get: say, all: say })
      }
      const store = sqliteStore({ database: told(database, {}, { prepare }) })
      await store.migrate()
      return { store, close: () => database.close() }
    },
  },
]

/** Opens the session store that the environment chooses, sealed where there is a key. Gives `{ name, store, close }`. */
export async function openStore(env, tell = () => {}) {
  const { name, variable, open } = STORES.find((entry) => env[entry.variable])
  const { store, close } = await open(env[variable], tell, env)
  const secret = env.BODY_KEY // openssl rand -base64 32
  if (!secret) return { name, store, close }
  return { name: `${name}, sealed`, store: sealed(store, { keys: [{ id: 'k1', secret }] }), close }
}

/** What is told of each operation of DynamoDB that the store asks for. */
function operations(tell) {
  const names = ['getItem', 'putItem', 'updateItem', 'query', 'scan', 'batchGetItem', 'batchWriteItem']
  return Object.fromEntries(names.map((name) => [name, ({ TableName = '' }) => tell(`${name} ${TableName}`.trim())]))
}

/** What is told of commands whose first argument is a key. */
function keyed(names, tell) {
  return Object.fromEntries(names.map((name) => [name, (key) => tell(`${name} ${key}`)]))
}

/** A client whose methods of these names say what they were given, before they do it; others are replaced. */
function told(client, saying, replaced = {}) {
  return new Proxy(client, {
    get(target, name) {
      if (Object.hasOwn(replaced, name)) return replaced[name]
      const method = Reflect.get(target, name, target)
      if (typeof method !== 'function') return method
      return (...args) => {
        saying[name]?.(...args)
        return method.apply(target, args)
      }
    },
  })
}
