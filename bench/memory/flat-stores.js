/**
 * The stores whose calls are timed. To add one, add a row: `open(folder)` gives the calls, each of which may give a
 * promise. What a store cannot do, or does by itself, is left out. `engine` names what must run for it.
 *
 * | call | |
 * |---|---|
 * | `write(number, expiresAt)` | keeps a new session of that number |
 * | `load(number)`, `save(number)` | reads it; writes it anew over what was read |
 * | `list(number)` | reads all sessions of that session's user; gives how many there were |
 * | `revoke(number)` | ends it, and keeps it anew |
 * | `revokeAll(number)` | ends all sessions of that session's user, and keeps them anew |
 * | `prune()` | removes 100 expired sessions; gives how many it removed |
 *
 * @module
 */
import { join } from 'node:path'
import { programsFor } from '../throughput/engines.js'
import { dataOf, numbersOf, userOf } from './sessions.js'

/** Longer ago than a store's engine waits before it takes the broom. */
export const LONG_AGO_MS = 3_600_000
export const PRUNE_BATCH = 100
const DAY_MS = 86_400_000

export const flatStores = [
  {
    name: 'memoryStore',
    role: 'ours',
    needs: ['sojourn'],
    open: async () => contract((await import('sojourn')).memoryStore()),
  },
  {
    name: 'sqliteStore',
    role: 'ours',
    needs: ['sojourn/sqlite', '@photostructure/sqlite'],
    open: async (folder) =>
      contract((await import('sojourn/sqlite')).sqliteStore({ path: join(folder, 'flat.sqlite') })),
  },
  {
    name: 'redisStore',
    role: 'ours',
    engine: 'redis',
    needs: ['sojourn/redis', 'redis6'],
    programs: programsFor('redis'),
    async open() {
      const { createClient } = await import('redis6')
      const client = await createClient({ url: process.env.BENCH_REDIS_URL }).connect()
      const store = (await import('sojourn/redis')).redisStore({ client, prefix: `flat-${process.pid}:` })
      return { ...contract(store), close: () => client.close() }
    },
  },
  {
    name: 'postgresStore',
    role: 'ours',
    engine: 'postgres',
    needs: ['sojourn/postgres', 'pg'],
    programs: programsFor('postgres'),
    async open() {
      const { default: pg } = await import('pg')
      const client = new pg.Pool({ connectionString: process.env.BENCH_POSTGRES_URL })
      const store = (await import('sojourn/postgres')).postgresStore({ client, table: `flat_${process.pid}` })
      await store.migrate()
      return { ...contract(store), close: () => client.end() }
    },
  },
  { name: 'express-session MemoryStore', role: 'peer', needs: ['express-session'], open: expressSessionStore },
]

/** Any store of the contract. */
function contract(store) {
  const call = () => ({ now: Date.now() })
  const write = (number, expiresAt) => {
    // Written by a caller whose clock is behind, or the store would refuse what has expired.
    const now = Math.min(Date.now(), expiresAt - 1)
    return store.create(idOf(number), { ...stored(number, 1), expiresAt }, { now })
  }
  return {
    write,
    load: (number) => store.load(idOf(number), call()),
    async save(number) {
      const { version } = await store.load(idOf(number), call())
      const saved = await store.save(idOf(number), stored(number, version + 1), version, {
        ...call(),
        principalBefore: userOf(number),
      })
      if (saved !== 'saved') throw new Error('A save found another version; nobody else writes here')
    },
    async list(number) {
      let found = 0
      for await (const _ of store.list(userOf(number), call())) found++
      return found
    },
    async revoke(number) {
      await store.remove(idOf(number), { ...call(), principalBefore: userOf(number) })
      await write(number, Date.now() + DAY_MS)
    },
    async revokeAll(number) {
      const own = numbersOf(number)
      const ended = await store.removeAll(userOf(number), {}, call())
      if (ended !== own.length) throw new Error(`removeAll ended ${ended} sessions of ${own.length}`)
      for (const each of own) await write(each, Date.now() + DAY_MS)
    },
    ...(store.prune && { prune: () => store.prune(PRUNE_BATCH, call()) }),
  }
}

function stored(number, version) {
  const body = `1 ${'h'.repeat(43)} mmmmmmmm lq2x3k4m - lq2x3k4m lq2x3k4m\n${JSON.stringify(dataOf(number))}`
  return { version, expiresAt: Date.now() + DAY_MS, principal: userOf(number), body }
}

function idOf(number) {
  return `${String(number).padStart(21, '0')}A`
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
