/**
 * Who takes part. To add one, add a row; what it needs and is not there leaves it out, with a line that says so.
 *
 * | field | |
 * |---|---|
 * | `name` | what it is called on the command line and in tables |
 * | `role` | `bare` and `floor` are what others are measured against, `ours`, `drop-in` (no target), `peer` |
 * | `framework`, `store` | what it runs on: contenders are compared with those of the same framework and store |
 * | `library` | what it is called in `targets.js`, where that is not its name |
 * | `needs` | the packages that must be installed, or subpaths of `sojourn` that must be built |
 * | `programs` | the programs that must be installed: the store's engine |
 * | `app` | gives, once its packages are loaded, a listener for `http.createServer` |
 *
 * @module
 */
import { join } from 'node:path'
import { programsFor } from './engines.js'
import { expressApp } from './express-app.js'
import { floor } from './floor.js'
import { userData } from './data.js'

export const contenders = [
  { name: 'bare', role: 'bare', ...express('none'), app: () => expressApp(bare()) },
  { name: 'floor', role: 'floor', ...express('memory'), app: () => expressApp(floor(new Map())) },
  {
    name: 'sojourn',
    role: 'ours',
    ...express('memory', 'sojourn', 'sojourn/express'),
    app: async () => expressApp(await sojourn((await import('sojourn')).memoryStore())),
  },
  {
    name: 'express-session',
    role: 'peer',
    ...express('memory', 'express-session'),
    app: async () => expressApp(await expressSession({})),
  },
  {
    name: 'drop-in',
    role: 'drop-in',
    ...express('memory', 'sojourn', 'sojourn/express-session'),
    app: async () => expressApp(await expressSession({}, 'sojourn/express-session')),
  },
  {
    name: 'floor-redis',
    role: 'floor',
    ...express('redis', 'redis6'),
    app: async () => expressApp(floor(await redisClient())),
  },
  {
    name: 'sojourn-redis',
    role: 'ours',
    ...express('redis', 'redis6', 'sojourn', 'sojourn/express', 'sojourn/redis'),
    async app() {
      const { redisStore } = await import('sojourn/redis')
      return expressApp(await sojourn(redisStore({ client: await redisClient() })))
    },
  },
  {
    name: 'express-session-redis',
    role: 'peer',
    library: 'express-session',
    ...express('redis', 'redis6', 'express-session', 'connect-redis'),
    async app() {
      const { RedisStore } = await import('connect-redis')
      return expressApp(await expressSession({ store: new RedisStore({ client: await redisClient() }) }))
    },
  },
  {
    name: 'drop-in-redis',
    role: 'drop-in',
    library: 'drop-in',
    ...express('redis', 'redis6', 'sojourn', 'sojourn/express-session', 'connect-redis'),
    async app() {
      const { RedisStore } = await import('connect-redis')
      const store = new RedisStore({ client: await redisClient() })
      return expressApp(await expressSession({ store }, 'sojourn/express-session'))
    },
  },
  {
    name: 'sojourn-postgres',
    role: 'ours',
    ...express('postgres', 'pg', 'sojourn', 'sojourn/express', 'sojourn/postgres'),
    async app() {
      const { postgresStore } = await import('sojourn/postgres')
      const store = postgresStore({ client: await postgresPool() })
      await store.migrate()
      return expressApp(await sojourn(store))
    },
  },
  {
    name: 'express-session-postgres',
    role: 'peer',
    library: 'express-session',
    ...express('postgres', 'pg', 'express-session', 'connect-pg-simple'),
    async app() {
      const [{ default: session }, { default: connectPgSimple }] = await Promise.all([
        import('express-session'),
        import('connect-pg-simple'),
      ])
      const PgStore = connectPgSimple(session)
      const store = new PgStore({ pool: await postgresPool(), createTableIfMissing: true })
      return expressApp(await expressSession({ store }))
    },
  },
  {
    name: 'sojourn-memcached',
    role: 'ours',
    ...express('memcached', 'sojourn', 'sojourn/express', 'sojourn/memcached'),
    async app() {
      const { memcachedStore } = await import('sojourn/memcached')
      return expressApp(await sojourn(memcachedStore({ servers: process.env.BENCH_MEMCACHED })))
    },
  },
  {
    name: 'express-session-memcached',
    role: 'peer',
    library: 'express-session',
    ...express('memcached', 'express-session', 'connect-memcached'),
    async app() {
      const [{ default: session }, { default: connectMemcached }] = await Promise.all([
        import('express-session'),
        import('connect-memcached'),
      ])
      const MemcachedStore = connectMemcached(session)
      return expressApp(await expressSession({ store: new MemcachedStore({ hosts: [process.env.BENCH_MEMCACHED] }) }))
    },
  },
  {
    name: 'sojourn-sqlite',
    role: 'ours',
    ...express('sqlite', '@photostructure/sqlite', 'sojourn', 'sojourn/express', 'sojourn/sqlite'),
    async app() {
      const { sqliteStore } = await import('sojourn/sqlite')
      return expressApp(await sojourn(sqliteStore({ path: join(process.env.BENCH_SQLITE_FOLDER, 'sojourn.db') })))
    },
  },
  {
    name: 'express-session-sqlite',
    role: 'peer',
    library: 'express-session',
    ...express('sqlite', '@photostructure/sqlite', 'express-session', 'better-sqlite3-session-store'),
    async app() {
      const [{ default: session }, { default: sqliteSessionStore }, { DatabaseSync }] = await Promise.all([
        import('express-session'),
        import('better-sqlite3-session-store'),
        import('@photostructure/sqlite'),
      ])
      // As fast as its file can be, and as ours is.
      const client = new DatabaseSync(join(process.env.BENCH_SQLITE_FOLDER, 'express-session.db'))
      client.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
      const SqliteStore = sqliteSessionStore(session)
      return expressApp(await expressSession({ store: new SqliteStore({ client }) }))
    },
  },
]

function express(store, ...needs) {
  return { framework: 'express', store, needs: ['express', ...needs], programs: programsFor(store) }
}

async function redisClient() {
  const { createClient } = await import('redis6')
  return createClient({ url: process.env.BENCH_REDIS_URL }).connect()
}

async function postgresPool() {
  const { default: pg } = await import('pg')
  return new pg.Pool({ connectionString: process.env.BENCH_POSTGRES_URL })
}

/** No session: what the others' handlers would find in one is always there. */
function bare() {
  const data = userData('u0000000')
  return { data: () => data, signIn: (req, res, fresh, done) => done() }
}

/** As its readme tells: assign, and that is all. */
async function sojourn(store) {
  const { session } = await import('sojourn/express')
  return {
    middleware: session({ store }),
    data: (req) => req.session,
    signIn(req, res, data, done) {
      Object.assign(req.session, data)
      done()
    },
  }
}

/** As its readme tells: no resave, nothing uninitialized, and a new id at the sign-in. */
async function expressSession(options, library = 'express-session') {
  const { default: session } = await import(library)
  return {
    middleware: session({
      secret: 'a secret of the bench',
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 86_400_000 },
      ...options,
    }),
    data: (req) => req.session,
    signIn(req, res, data, done) {
      req.session.regenerate((error) => {
        if (error) return done(error)
        Object.assign(req.session, data)
        req.session.save(done)
      })
    },
  }
}
