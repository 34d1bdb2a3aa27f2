/**
 * Handles that end: a process that dies between two commands, and a handle that is closed.
 *
 * @module
 */

import { matches, ok, same } from '../_check.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { HOUR, idsOf, next, type StoreWith, type Workbench } from '../_workbench.ts'

const FOUND = 'What load gives of a principal, list gives as well: the index is written before the record.'
const CLOSES = 'close lets what is under way come to its end; nothing that was acknowledged is lost, and no call hangs.'

/** More commands than one operation of a store needs. */
const MOST_COMMANDS = 20

export const endingCases: readonly StoreCase[] = [
  storeCase({
    name: 'a process that dies between any two commands leaves every live session in its principal’s list',
    rule: FOUND,
    needs: ['list', 'dying'],
    async run(bench) {
      for (const work of Object.keys(WORKS)) {
        for (let commands = 0; !(await isDoneWith(bench, commands, work)); commands++) {
          ok(commands < MOST_COMMANDS, `A ${work} must come to its end within ${MOST_COMMANDS} commands.`)
        }
      }
    },
  }),

  storeCase({
    name: 'a handle that is closed finishes what it began, and leaves other handles alone',
    rule: CLOSES,
    needs: ['close'],
    async run({ store, another, keep, start, at }) {
      const closing = await another()
      const [saved, first] = await keep()
      const [touched, kept] = await keep()
      const second = next(first, { body: 'second' })
      const longer = { ...kept, expiresAt: start + 2 * HOUR }
      const answers = Promise.allSettled([
        (async () => closing.save(saved, second, 1, at(0)))(),
        (async () => closing.touch(touched, longer.expiresAt, at(0)))(),
      ])
      await closing.close()
      const [save, touch] = await answers
      wholeOrNothing(save, 'saved', await store.load(saved, at(0)), [first, second])
      wholeOrNothing(touch, true, await store.load(touched, at(0)), [kept, longer])
      // It may be refused or served; it must not hang.
      await Promise.allSettled([(async () => closing.load(saved, at(0)))()])
      await closing.close()
      same(await store.touch(touched, start + 3 * HOUR, at(0)), true, 'touch by another handle, after the closing')
    },
  }),
]

type Crashing = Workbench<'list' | 'dying'>

/** What dies in the middle: its first id is a session of `before`, its second a new one. */
type Work = (
  handle: StoreWith<'list'>,
  bench: Crashing,
  about: { readonly id: string; readonly created: string; readonly before: string; readonly after: string },
) => unknown

const WORKS: Readonly<Record<string, Work>> = {
  'sign-in that creates': (handle, { session, at }, { created, after }) =>
    handle.create(created, session({ principal: after }), at(0)),
  'change of principal': (handle, { session, at }, { id, before, after }) =>
    handle.save(id, next(session({ principal: after })), 1, at(0, { principalBefore: before })),
  'sign-out that saves': (handle, { session, at }, { id, before }) =>
    handle.save(id, next(session()), 1, at(0, { principalBefore: before })),
  touch: (handle, { start, at }, { id, before }) =>
    handle.touch(id, start + 2 * HOUR, at(0, { principalBefore: before })),
  removal: (handle, { at }, { id, before }) => handle.remove(id, at(0, { principalBefore: before })),
  revocation: (handle, { at }, { before }) => handle.removeAll?.(before, {}, at(0)),
}

/** Lets a process die after so many commands. Tells whether it had done all its work by then. */
async function isDoneWith(bench: Crashing, commands: number, work: string): Promise<boolean> {
  const { store, dying, keep, newId, newPrincipal, at } = bench
  const [before, after] = [newPrincipal(), newPrincipal()]
  const [id] = await keep({ principal: before })
  const created = newId()
  const handle = await dying(commands)
  const done = await (async () => WORKS[work]?.(handle, bench, { id, created, before, after }))().then(
    () => true,
    () => false,
  )
  const where = `in a ${work} that died after ${commands} commands`
  for (const each of [id, created]) {
    const principal = (await store.load(each, at(0)))?.principal
    if (typeof principal !== 'string') continue
    ok((await idsOf(store.list(principal, at(0)))).includes(each), `What load gives, list must give, ${where}.`)
    await store.remove(each, at(0, { principalBefore: principal }))
    same(await store.load(each, at(0)), undefined, `load of a session that the next process removed, ${where}`)
  }
  return done
}

function wholeOrNothing(
  end: PromiseSettledResult<unknown>,
  done: unknown,
  stored: unknown,
  [before, after]: [before: unknown, after: unknown],
): void {
  if (end.status === 'fulfilled') {
    same(end.value, done, 'the answer of a call that was under way')
    same(stored, after, 'load after a call that was under way answered')
  } else if (!matches(stored, before)) {
    same(stored, after, 'load after a call that was under way failed, and was not without effect')
  }
}
