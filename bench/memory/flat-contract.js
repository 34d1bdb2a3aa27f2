/**
 * The calls of any store of the contract, as `flat-stores.js` tells them.
 *
 * @module
 */
import { dataOf, numbersOf, userOf } from './sessions.js'

/** Longer ago than a store's engine waits before it takes the broom. */
export const LONG_AGO_MS = 3_600_000
export const PRUNE_BATCH = 100
const DAY_MS = 86_400_000

/** What the store cannot do is left out. */
export function contract(store) {
  const call = () => ({ now: Date.now() })
  const write = (number, expiresAt) => {
    // Written by a caller whose clock is behind, or the store would refuse what has expired.
    const now = Math.min(Date.now(), expiresAt - 1)
    return store.create(idOf(number), { ...stored(number, 1), expiresAt }, { now })
  }
  const calls = {
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
    async revoke(number) {
      await store.remove(idOf(number), { ...call(), principalBefore: userOf(number) })
      await write(number, Date.now() + DAY_MS)
    },
  }
  if (store.prune) calls.prune = () => store.prune(PRUNE_BATCH, call())
  return store.list ? { ...calls, ...byPrincipal(store, write, call) } : calls
}

function byPrincipal(store, write, call) {
  return {
    async list(number) {
      let found = 0
      for await (const _ of store.list(userOf(number), call())) found++
      return found
    },
    async revokeAll(number) {
      const own = numbersOf(number)
      const ended = await store.removeAll(userOf(number), {}, call())
      if (ended !== own.length) throw new Error(`removeAll ended ${ended} sessions of ${own.length}`)
      for (const each of own) await write(each, Date.now() + DAY_MS)
    },
  }
}

function stored(number, version) {
  const body = `1 ${'h'.repeat(43)} mmmmmmmm lq2x3k4m - lq2x3k4m lq2x3k4m\n${JSON.stringify(dataOf(number))}`
  return { version, expiresAt: Date.now() + DAY_MS, principal: userOf(number), body }
}

export function idOf(number) {
  return `${String(number).padStart(21, '0')}A`
}
