/**
 * Several callers at the same time: who wins, who is told, and what stays gone.
 *
 * A race over the verbs is run in every order of its steps (`explore`) and with its steps at the same time (`overlap`):
 * a store that looks first and writes later passes the one and fails the other.
 *
 * @module
 */

import type { Store, StoredSession } from '../../core/store.ts'
import { ok, same } from '../_check.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { atOnce, explore, overlap, without, type Race } from '../_explore.ts'
import { HOUR, MINUTE, next, type Workbench } from '../_workbench.ts'

const ATOMIC_CREATE = 'create is one atomic step: of any number at once under one id, one is true.'
const ATOMIC_SAVE = 'save is one atomic compare-and-swap: of any number at once onto one version, one is saved.'
const FINAL = 'There is no upsert: nothing that a slow request does brings a removed session back.'

export const raceCases: readonly StoreCase[] = [
  storeCase({
    name: 'of many creates at once under one id, one wins',
    rule: ATOMIC_CREATE,
    run: async (bench) => oneCreateWins(bench, bench.newId()),
  }),

  storeCase({
    name: 'of many creates at once under the id of an expired session, one wins',
    rule: ATOMIC_CREATE,
    async run(bench) {
      const [id] = await bench.keep({ expiresAt: bench.start + MINUTE })
      await oneCreateWins(bench, id)
    },
  }),

  storeCase({
    name: 'of many saves at once onto one version, one is saved and the others are handed what it saved',
    rule: `${ATOMIC_SAVE} The others conflict, and are handed what the one saved.`,
    async run({ store, another, keep, at }) {
      const handles = [store, await another()]
      const [id, first] = await keep()
      const rivals = Array.from({ length: 8 }, (_, i) => next(first, { body: `rival ${i}` }))
      const answers = await atOnce(rivals.map((rival, i) => async () => handles[i % 2]?.save(id, rival, 1, at(0))))
      const winners = rivals.filter((_, i) => answers[i] === 'saved')
      same(winners.length, 1, 'how many of the saves were saved')
      const [winner] = winners
      for (const answer of answers.filter((answer) => answer !== 'saved')) {
        same(answer, { conflict: winner }, 'the answer to a save that lost')
      }
      same(await store.load(id, at(0)), winner, 'what is kept in the end')
    },
  }),

  storeCase({
    name: 'a counter that many increment at once misses nothing',
    rule: `${ATOMIC_SAVE} Who conflicts goes on from what it is handed.`,
    async run({ store, another, keep, at }) {
      const handles = [store, await another()]
      const [id] = await keep({ body: '0' })
      const increment = async (handle: Store): Promise<void> => {
        let seen = await handle.load(id, at(0))
        for (let tries = 0; tries < 1_000; tries++) {
          ok(seen !== undefined, 'The session must be there while it is being counted on.')
          const answer = await handle.save(id, next(seen, { body: `${Number(seen.body) + 1}` }), seen.version, at(0))
          if (answer === 'saved') return
          seen = answer === 'gone' ? undefined : answer.conflict
        }
        throw new Error(
          'A save still conflicts after 1,000 tries, each onto the version that the last one handed over.',
        )
      }
      const fiveTimes = async (handle: Store): Promise<void> => {
        for (let i = 0; i < 5; i++) await increment(handle)
      }
      await atOnce([...handles, ...handles, ...handles].map((handle) => () => fiveTimes(handle)))
      const counted = await store.load(id, at(0))
      same([counted?.body, counted?.version], ['30', 31], 'the counter and the version after 30 increments')
    },
  }),

  storeCase({
    name: 'a removed session stays gone, in whatever order others save and touch it',
    rule: FINAL,
    run: async (bench) => explore(await logout(bench)),
  }),

  storeCase({
    name: 'a removed session stays gone, though others save and touch it at the same time',
    rule: FINAL,
    async run(bench) {
      const race = await logout(bench)
      await overlap(without('reader', race), bench.tick)
      await overlap(without('writer', race), bench.tick)
    },
  }),

  storeCase({
    name: 'a rotation is never reverted, in whatever order others save and touch',
    rule: 'A save and a touch with a stale view of the session change nothing that a later version wrote.',
    run: async (bench) => explore(await rotation(bench)),
  }),

  storeCase({
    name: 'a rotation is never reverted, though others save and touch at the same time',
    rule: 'A touch writes the expiry alone, and a save compares and swaps in one step.',
    run: async (bench) => overlap(without('reader', await rotation(bench)), bench.tick),
  }),
]

async function oneCreateWins({ store, another, session, at }: Workbench, id: string): Promise<void> {
  const handles = [store, await another()]
  const rivals = Array.from({ length: 8 }, (_, i) => session({ body: `rival ${i}` }))
  const answers = await atOnce(rivals.map((rival, i) => async () => handles[i % 2]?.create(id, rival, at(MINUTE))))
  const winners = rivals.filter((_, i) => answers[i])
  same(winners.length, 1, 'how many of the creates were true')
  same(await store.load(id, at(MINUTE)), winners[0], 'what is kept in the end')
}

/** Two requests that are under way, and a logout by another process. */
async function logout({ store, another, start, keep, at }: Workbench): Promise<() => Promise<Race>> {
  const other = await another()
  return async () => {
    const [id, kept] = await keep()
    let seen: StoredSession | undefined
    return {
      lanes: {
        writer: {
          load: async () => {
            seen = await store.load(id, at(0))
          },
          save: () => seen && store.save(id, next(seen, { body: 'late' }), seen.version, at(0)),
        },
        reader: {
          load: () => store.load(id, at(0)),
          touch: () => store.touch(id, kept.expiresAt + HOUR, at(0)),
        },
        logout: { remove: () => other.remove(id, at(0)) },
      },
      check: async () => {
        same(await store.load(id, at(0)), undefined, 'load after the removal')
        same(await store.touch(id, start + 2 * HOUR, at(0)), false, 'touch after the removal')
      },
    }
  }
}

/** A sign-in that changes the token's hash within the body, and two requests that began with the old one. */
async function rotation({ store, another, keep, at }: Workbench): Promise<() => Promise<Race>> {
  const other = await another()
  return async () => {
    const [id, kept] = await keep({ body: 'old token' })
    const rotated = next(kept, { body: 'new token', expiresAt: kept.expiresAt + MINUTE })
    let rotates = false
    let seen: StoredSession | undefined
    return {
      lanes: {
        'sign-in': {
          save: async () => {
            rotates = (await other.save(id, rotated, 1, at(0))) === 'saved'
          },
        },
        request: {
          load: async () => {
            seen = await store.load(id, at(0))
          },
          touch: () => store.touch(id, kept.expiresAt + HOUR, at(0)),
          save: () => seen && store.save(id, next(seen), seen.version, at(0)),
        },
        reader: { touch: () => store.touch(id, kept.expiresAt + HOUR, at(0)) },
      },
      check: async () => {
        const stored = await store.load(id, at(0))
        if (rotates) same(stored?.body, 'new token', 'the body after a rotation that was saved')
        else same(stored?.version, 2, 'the version after a rotation that came second')
      },
    }
  }
}
