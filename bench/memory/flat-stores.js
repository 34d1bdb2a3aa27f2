/**
 * The stores whose calls are timed. To add one, add a row: `open(folder)` gives the calls, each of which may give a
 * promise. `list` and `prune` are left out where a store prunes by itself.
 *
 * | call | |
 * |---|---|
 * | `write(number, expiresAt)` | keeps a new session of that number |
 * | `load(number)`, `save(number)` | reads it; writes it anew over what was read |
 * | `list(number)` | reads all sessions of that session's user; gives how many there were |
 * | `prune()` | removes 100 expired sessions; gives how many it removed |
 *
 * @module
 */
import { join } from 'node:path'
import { dataOf, userOf } from './sessions.js'

/** Longer ago than a store's engine waits before it takes the broom. */
export const LONG_AGO_MS = 3_600_000
export const PRUNE_BATCH = 100

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
  { name: 'express-session MemoryStore', role: 'peer', needs: ['express-session'], open: expressSessionStore },
]

/** Any store of the contract. */
function contract(store) {
  const call = () => ({ now: Date.now() })
  return {
    write(number, expiresAt) {
      // Written by a caller whose clock is behind, or the store would refuse what has expired.
      const now = Math.min(Date.now(), expiresAt - 1)
      return store.create(idOf(number), { ...stored(number, 1), expiresAt }, { now })
    },
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
    ...(store.prune && { prune: () => store.prune(PRUNE_BATCH, call()) }),
  }
}

function stored(number, version) {
  const body = `1 ${'h'.repeat(43)} mmmmmmmm lq2x3k4m - lq2x3k4m lq2x3k4m\n${JSON.stringify(dataOf(number))}`
  return { version, expiresAt: Date.now() + 86_400_000, principal: userOf(number), body }
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
