/**
 * Ending all of a principal's sessions, and the mark by which a sign-in under way learns of it.
 *
 * @module
 */

import { REVOCATION_MARK_MS } from '../../core/store.ts'
import { same } from '../_check.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { atOnce, explore, overlap, type Race, type Step } from '../_explore.ts'
import { lookable, lookAlikes } from '../_texts.ts'
import { HOUR, MINUTE, next, type Workbench } from '../_workbench.ts'

const ALL_BUT = 'removeAll ends every session of a principal, but `except`, and tells how many it ended.'
const MARK = 'revokedAt gives the `call.now` of the principal’s latest removeAll, to the millisecond.'
const MARK_FIRST = 'removeAll first writes the mark, then removes what it lists.'
const NOT_PAST =
  'A sign-in cannot slip past removeAll: it writes first and reads the mark last, removeAll the other way about.'
const MANY = 120

export const revocationCases: readonly StoreCase[] = [
  storeCase({
    name: 'removeAll ends every session of a principal and tells how many',
    rule: ALL_BUT,
    needs: ['removeAll'],
    async run({ store, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      const own = [await keep({ principal }), await keep({ principal }), await keep({ principal })]
      const foreign = [await keep({ principal: newPrincipal() }), await keep({ principal: null })]
      same(await store.removeAll(principal, {}, at(0)), own.length, 'how many removeAll ended')
      for (const [id] of own) same(await store.load(id, at(0)), undefined, 'load of a session that removeAll ended')
      for (const [id, kept] of foreign) same(await store.load(id, at(0)), kept, 'load of somebody else’s session')
      same(await store.removeAll(principal, {}, at(0)), 0, 'how many a second removeAll ended')
    },
  }),

  storeCase({
    name: 'removeAll leaves the one session that it is told to',
    rule: ALL_BUT,
    needs: ['removeAll'],
    async run({ store, keep, newPrincipal, newId, at }) {
      const principal = newPrincipal()
      const [except, kept] = await keep({ principal })
      const [ended] = await keep({ principal })
      same(await store.removeAll(principal, { except }, at(0)), 1, 'how many removeAll ended')
      same(await store.load(except, at(0)), kept, 'load of the session that was to stay')
      same(await store.load(ended, at(0)), undefined, 'load of the other session')
      same(await store.removeAll(principal, { except: newId() }, at(0)), 1, 'how many it ends, but one of no matter')
    },
  }),

  storeCase({
    name: 'removeAll ends all of very many sessions',
    rule: ALL_BUT,
    needs: ['removeAll'],
    async run({ store, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      const kept = await Promise.all(Array.from({ length: MANY }, () => keep({ principal })))
      same(await store.removeAll(principal, {}, at(0)), MANY, `how many of ${MANY} removeAll ended`)
      for (const [id] of kept) same(await store.load(id, at(0)), undefined, 'load of one of them')
    },
  }),

  storeCase({
    name: 'removeAll goes by whose a session is now',
    rule: 'removeAll follows the principal at save, and the expiry at touch, as list does.',
    needs: ['removeAll'],
    async run({ store, start, keep, newPrincipal, at }) {
      const [alice, bob] = [newPrincipal(), newPrincipal()]
      const [left, first] = await keep({ principal: alice })
      const [came, anonymous] = await keep()
      const [touched] = await keep({ principal: alice, expiresAt: start + MINUTE })
      const leaves = next(first, { principal: bob })
      await store.save(left, leaves, 1, at(0, { principalBefore: alice }))
      await store.save(came, next(anonymous, { principal: alice }), 1, at(0, { principalBefore: null }))
      await store.touch(touched, start + HOUR, at(0, { principalBefore: alice }))
      same(await store.removeAll(alice, {}, at(2 * MINUTE)), 2, 'how many removeAll ended')
      same(await store.load(left, at(2 * MINUTE)), leaves, 'load of the session that is somebody else’s now')
      same(await store.load(came, at(2 * MINUTE)), undefined, 'load of the session that became theirs')
      same(await store.load(touched, at(2 * MINUTE)), undefined, 'load of the session that was touched')
    },
  }),

  storeCase({
    name: 'removeAll and its mark tell principals apart character by character',
    rule: 'Principals are compared character by character: no collation, no pattern, no prefix.',
    needs: ['removeAll', 'revokedAt'],
    async run({ store, keep, newPrincipal, at }) {
      const principal = lookable(newPrincipal())
      const others = lookAlikes(principal)
      const kept = await Promise.all(others.map((other) => keep({ principal: other })))
      await keep({ principal })
      same(await store.removeAll(principal, {}, at(0)), 1, 'how many removeAll ended')
      for (const [id, session] of kept) {
        const { principal: other } = session
        same(await store.load(id, at(0)), session, `load of a session of ${other} after removeAll of ${principal}`)
        same(await store.revokedAt(String(other), at(0)), undefined, `the mark of ${other} after that`)
      }
    },
  }),

  storeCase({
    name: 'revokedAt gives the instant of removeAll, by its caller’s clock',
    rule: `${MARK} undefined where there was none.`,
    needs: ['removeAll', 'revokedAt'],
    async run({ store, start, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      await keep({ principal })
      same(await store.revokedAt(principal, at(0)), undefined, 'the mark before any removeAll')
      await store.removeAll(principal, {}, at(-7 * MINUTE + 1))
      same(await store.revokedAt(principal, at(0)), start - 7 * MINUTE + 1, 'the mark after removeAll')
      same(await store.revokedAt(newPrincipal(), at(0)), undefined, 'the mark of somebody else')
    },
  }),

  storeCase({
    name: 'removeAll marks even somebody without sessions',
    rule: `${MARK_FIRST} A sign-in that is under way may have written nothing yet.`,
    needs: ['removeAll', 'revokedAt'],
    async run({ store, start, newPrincipal, at }) {
      const principal = newPrincipal()
      same(await store.removeAll(principal, {}, at(0)), 0, 'how many removeAll ended')
      same(await store.revokedAt(principal, at(0)), start, 'the mark of somebody without sessions')
    },
  }),

  storeCase({
    name: 'the latest mark stands, and a clock behind does not move it back',
    rule: `${MARK} It never moves back.`,
    needs: ['removeAll', 'revokedAt'],
    async run({ store, start, newPrincipal, at }) {
      const principal = newPrincipal()
      await store.removeAll(principal, {}, at(0))
      await store.removeAll(principal, {}, at(MINUTE))
      same(await store.revokedAt(principal, at(MINUTE)), start + MINUTE, 'the mark after a second removeAll')
      same(await store.revokedAt(principal, at(0)), start + MINUTE, 'the mark, read by a clock behind')
      await store.removeAll(principal, {}, at(30_000))
      same(await store.revokedAt(principal, at(MINUTE)), start + MINUTE, 'the mark after a removeAll by a clock behind')
    },
  }),

  storeCase({
    name: 'a mark is kept for an hour, whatever becomes of the sessions',
    rule: 'A mark is kept for an hour: longer than any sign-in can be under way.',
    needs: ['removeAll', 'revokedAt'],
    async run({ store, start, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      await store.removeAll(principal, {}, at(0))
      const [id] = await keep({ principal, expiresAt: start + MINUTE })
      await store.touch(id, start + 2 * MINUTE, at(1, { principalBefore: principal }))
      await store.remove(id, at(2, { principalBefore: principal }))
      const nearly = REVOCATION_MARK_MS - 1
      same(await store.revokedAt(principal, at(nearly)), start, 'the mark 1 ms before the hour is over')
    },
  }),

  storeCase({
    name: 'who finds a session ended by removeAll finds the mark as well',
    rule: MARK_FIRST,
    needs: ['removeAll', 'revokedAt'],
    async run(bench) {
      const other = await bench.another()
      // Behind a network no two rounds are alike.
      for (let round = 0; round < 8; round++) await watchRevocation(bench, other)
    },
  }),

  storeCase({
    name: 'a sign-in that creates does not slip past removeAll, in whatever order',
    rule: NOT_PAST,
    needs: ['removeAll', 'revokedAt'],
    run: async (bench) => explore(await signInByCreate(bench, 'removes')),
  }),

  storeCase({
    name: 'a sign-in that saves does not slip past removeAll, in whatever order',
    rule: NOT_PAST,
    needs: ['removeAll', 'revokedAt'],
    run: async (bench) => explore(await signInBySave(bench, 'removes')),
  }),

  storeCase({
    name: 'a sign-in that creates does not slip past removeAll at the same time',
    rule: `${NOT_PAST} ${MARK_FIRST}`,
    needs: ['removeAll', 'revokedAt'],
    run: async (bench) => overlap(await signInByCreate(bench, 'would remove'), bench.tick),
  }),

  storeCase({
    name: 'a sign-in that saves does not slip past removeAll at the same time',
    rule: `${NOT_PAST} ${MARK_FIRST}`,
    needs: ['removeAll', 'revokedAt'],
    run: async (bench) => overlap(await signInBySave(bench, 'would remove'), bench.tick),
  }),
]

type Revoking = Workbench<'removeAll' | 'revokedAt'>

/** Revokes by one handle, while the other looks at each session until it finds it ended, and then for the mark. */
async function watchRevocation(
  { store, start, keep, newPrincipal, at }: Revoking,
  other: Revoking['store'],
): Promise<void> {
  const principal = newPrincipal()
  const ids = (await Promise.all([keep({ principal }), keep({ principal }), keep({ principal })])).map(([id]) => id)
  const revocation = { over: false }
  const revoke = async (): Promise<void> => {
    try {
      same(await store.removeAll(principal, {}, at(0)), ids.length, 'how many removeAll ended')
    } finally {
      revocation.over = true
    }
  }
  const watch = async (id: string): Promise<void> => {
    for (let reads = 1; !revocation.over; reads++) {
      if ((await other.load(id, at(0))) === undefined) {
        same(await other.revokedAt(principal, at(0)), start, 'the mark, when a session has just been found ended')
        return
      }
      // A store that answers at once from memory would otherwise never let removeAll come to its network.
      if (reads % 20 === 0) await new Promise((resolve) => void setTimeout(resolve, 0))
    }
  }
  await atOnce([...ids.map((id) => () => watch(id)), revoke])
}

async function signInByCreate(bench: Revoking, ending: Ending): Promise<() => Promise<Race>> {
  const { store, another, newId, newPrincipal, session, at } = bench
  const other = await another()
  return async () => {
    const [id, principal] = [newId(), newPrincipal()]
    return signIn(bench, other, [id, principal], ending, () => store.create(id, session({ principal }), at(0)))
  }
}

async function signInBySave(bench: Revoking, ending: Ending): Promise<() => Promise<Race>> {
  const { store, another, keep, newPrincipal, at } = bench
  const other = await another()
  return async () => {
    const [id, anonymous] = await keep()
    const principal = newPrincipal()
    const call = at(0, { principalBefore: null })
    return signIn(bench, other, [id, principal], ending, () => store.save(id, next(anonymous, { principal }), 1, call))
  }
}

/** How a sign-in ends that finds the mark: it removes what it wrote, or is content to know. */
type Ending = 'removes' | 'would remove'

/** A sign-in, opened at the start, that carries out its side of the rule; and removeAll in the same millisecond. */
async function signIn(
  { store, start, keep, at }: Revoking,
  other: Revoking['store'],
  [id, principal]: readonly [id: string, principal: string],
  ending: Ending,
  write: Step,
): Promise<Race> {
  await keep({ principal })
  await keep({ principal })
  let mark: number | undefined
  const isTold = (): boolean => mark !== undefined && mark >= start
  const removal = { 'remove if marked': () => isTold() && store.remove(id, at(0)) }
  return {
    lanes: {
      'sign-in': {
        write,
        'read the mark': async () => {
          mark = await store.revokedAt(principal, at(0))
        },
        ...(ending === 'removes' && removal),
      },
      revocation: { removeAll: () => other.removeAll(principal, {}, at(0)) },
    },
    check: async () => {
      if (ending === 'would remove' && isTold()) return
      same(await store.load(id, at(0)), undefined, 'load of the session that signed in')
    },
  }
}
