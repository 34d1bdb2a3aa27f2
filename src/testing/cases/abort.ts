/**
 * Callers that no longer wait: an abandoned write is there whole or not at all.
 *
 * @module
 */

import { matches, ok, same } from '../_check.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { HOUR, idsOf, next, type Workbench } from '../_workbench.ts'

const WHOLE = 'A call whose signal aborts does all of its work or none, and answers only what is true.'

export const abortCases: readonly StoreCase[] = [
  storeCase({
    name: 'an abandoned call does all or nothing, and the next one is served',
    rule: WHOLE,
    async run(bench) {
      for (const abandon of waysToAbandon(bench)) {
        await abandonedCreate(bench, abandon)
        await abandonedSave(bench, abandon)
        await abandonedTouch(bench, abandon)
        await abandonedRemove(bench, abandon)
        await served(bench)
      }
    },
  }),

  storeCase({
    name: 'a session that an abandoned call left there is listed',
    rule: `${WHOLE} The index is written before the record.`,
    needs: ['list'],
    async run(bench) {
      const { store, newId, newPrincipal, keep, session, at } = bench
      for (const abandon of waysToAbandon(bench)) {
        const principal = newPrincipal()
        const created = newId()
        const [saved, first] = await keep()
        await abandon((signal) => store.create(created, session({ principal }), at(0, { signal })))
        const call = { principalBefore: null }
        await abandon((signal) => store.save(saved, next(first, { principal }), 1, at(0, { ...call, signal })))
        for (const id of [created, saved]) {
          if ((await store.load(id, at(0)))?.principal !== principal) continue
          ok(
            (await idsOf(store.list(principal, at(0)))).includes(id),
            'What load gives of a principal, list must give.',
          )
        }
      }
    },
  }),
]

/** Starts a call and abandons it. Gives the call's answer, or {@link REJECTED}. */
type Abandon = (call: (signal: AbortSignal) => unknown) => Promise<unknown>

const REJECTED = Symbol('rejected')

/** Before the call begins, and while it is under way: at once, and one, two and three reads later. */
function waysToAbandon({ tick }: Workbench): Abandon[] {
  const later = [0, 1, 2, 3].map((reads): Abandon => {
    return async (call) => {
      const controller = new AbortController()
      const answer = answerOf(() => call(controller.signal))
      for (let i = 0; i < reads; i++) await tick()
      controller.abort()
      return answer
    }
  })
  return [(call) => answerOf(() => call(AbortSignal.abort())), ...later]
}

async function answerOf(call: () => unknown): Promise<unknown> {
  try {
    return await call()
  } catch {
    return REJECTED
  }
}

async function abandonedCreate({ store, newId, session, at }: Workbench, abandon: Abandon): Promise<void> {
  const id = newId()
  const answer = await abandon((signal) => store.create(id, session(), at(0, { signal })))
  allOrNothing('create', answer, true, await store.load(id, at(0)), [undefined, session()])
}

async function abandonedSave({ store, keep, start, at }: Workbench, abandon: Abandon): Promise<void> {
  const [id, first] = await keep()
  const second = next(first, { body: 'second', expiresAt: start + 2 * HOUR })
  const answer = await abandon((signal) => store.save(id, second, 1, at(0, { signal })))
  allOrNothing('save', answer, 'saved', await store.load(id, at(0)), [first, second])
}

async function abandonedTouch({ store, keep, start, at }: Workbench, abandon: Abandon): Promise<void> {
  const [id, kept] = await keep()
  const expiresAt = start + 2 * HOUR
  const answer = await abandon((signal) => store.touch(id, expiresAt, at(0, { signal })))
  allOrNothing('touch', answer, true, await store.load(id, at(0)), [kept, { ...kept, expiresAt }])
}

async function abandonedRemove({ store, keep, at }: Workbench, abandon: Abandon): Promise<void> {
  const [id, kept] = await keep()
  const answer = await abandon((signal) => store.remove(id, at(0, { signal })))
  allOrNothing('remove', answer, undefined, await store.load(id, at(0)), [kept, undefined])
}

/** Nobody abandons anything here: every verb must do its work. */
async function served({ store, keep, at }: Workbench): Promise<void> {
  const [id, kept] = await keep()
  same(await store.touch(id, kept.expiresAt + HOUR, at(0)), true, 'touch after an abandoned call')
  same(await store.save(id, next(kept), 1, at(0)), 'saved', 'save after an abandoned call')
  await store.remove(id, at(0))
  same(await store.load(id, at(0)), undefined, 'load of a session removed after an abandoned call')
}

function allOrNothing(
  verb: string,
  answer: unknown,
  done: unknown,
  stored: unknown,
  [before, after]: [before: unknown, after: unknown],
): void {
  if (answer !== REJECTED) {
    same(answer, done, `the answer of an abandoned ${verb} that did answer`)
    same(stored, after, `load after an abandoned ${verb} that answered`)
  } else if (!matches(stored, before)) {
    same(stored, after, `load after an abandoned ${verb} that failed, and was not without effect`)
  }
}
