/**
 * From `expiresAt` on a session is absent to every method, by the caller's clock and no other.
 *
 * @module
 */

import { ok, same } from '../_check.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { DAY, HOUR, idsOf, MINUTE, next } from '../_workbench.ts'

const ABSENT = 'From the instant `expiresAt` on the session is absent to every method.'
const CALLERS_CLOCK = 'Expiry is judged by `call.now`, the caller’s clock.'
const BROOM =
  'What has expired is swept away ten minutes later at the earliest, so that a skewed clock ends nobody’s session.'

export const expiryCases: readonly StoreCase[] = [
  storeCase({
    name: 'a session can be loaded until the last millisecond of its life, and not after',
    rule: ABSENT,
    async run({ store, start, keep, at }) {
      const [id, kept] = await keep({ expiresAt: start + MINUTE })
      same(await store.load(id, at(MINUTE - 1)), kept, 'load 1 ms before the expiry')
      same(await store.load(id, at(MINUTE)), undefined, 'load at the expiry')
      same(await store.load(id, at(DAY)), undefined, 'load a day after the expiry')
    },
  }),

  storeCase({
    name: 'an expired session cannot be saved',
    rule: `${ABSENT} A save of it is gone.`,
    async run({ store, start, keep, at }) {
      const [id, kept] = await keep({ expiresAt: start + MINUTE })
      const longer = next(kept, { expiresAt: start + HOUR })
      same(await store.save(id, longer, 1, at(MINUTE)), 'gone', 'save at the expiry')
      same(await store.save(id, longer, 7, at(MINUTE)), 'gone', 'save at the expiry, onto another version')
      same(await store.load(id, at(MINUTE)), undefined, 'load after the save')
      same(await store.save(id, longer, 1, at(MINUTE - 1)), 'saved', 'save 1 ms before the expiry')
    },
  }),

  storeCase({
    name: 'an expired session cannot be touched',
    rule: `${ABSENT} A touch of it is false and revives nothing.`,
    async run({ store, start, keep, at }) {
      const [id] = await keep({ expiresAt: start + MINUTE })
      same(await store.touch(id, start + HOUR, at(MINUTE)), false, 'touch at the expiry')
      same(await store.load(id, at(MINUTE)), undefined, 'load after the touch')
      same(await store.touch(id, start + HOUR, at(MINUTE - 1)), true, 'touch 1 ms before the expiry')
    },
  }),

  storeCase({
    name: 'create takes the id of an expired session, and not a millisecond earlier',
    rule: `${ABSENT} Its id is free.`,
    async run({ store, start, keep, session, newPrincipal, at }) {
      const [id, kept] = await keep({ expiresAt: start + MINUTE, principal: newPrincipal() })
      await store.save(id, next(kept), 1, at(0))
      const anew = session({ body: 'anew' })
      same(await store.create(id, anew, at(MINUTE - 1)), false, 'create 1 ms before the expiry')
      same(await store.create(id, anew, at(MINUTE)), true, 'create at the expiry')
      same(await store.load(id, at(MINUTE)), anew, 'load after the create')
    },
  }),

  storeCase({
    name: 'a session lives as long as its latest expiry says, after touch and save alike',
    rule: ABSENT,
    async run({ store, start, keep, at }) {
      const [id, kept] = await keep({ expiresAt: start + MINUTE })
      await store.touch(id, start + 2 * MINUTE, at(0))
      ok((await store.load(id, at(2 * MINUTE - 1))) !== undefined, 'A touched session must live to its new expiry.')
      same(await store.load(id, at(2 * MINUTE)), undefined, 'load at the expiry that touch set')
      await store.save(id, next(kept, { expiresAt: start + 3 * MINUTE }), 1, at(0))
      ok((await store.load(id, at(3 * MINUTE - 1))) !== undefined, 'A saved session must live to its new expiry.')
      same(await store.load(id, at(3 * MINUTE)), undefined, 'load at the expiry that save set')
    },
  }),

  storeCase({
    name: 'an expiry a year ahead is not cut short',
    rule: 'An expiry may lie in the far future; timers and engines that count shorter must not end the session.',
    async run({ store, start, keep, at }) {
      const [id, kept] = await keep({ expiresAt: start + 366 * DAY })
      // A timer set for longer than 24.8 days fires after 1 ms; this one, set later and for longer, fires after it.
      await new Promise((resolve) => void setTimeout(resolve, 5))
      same(await store.load(id, at(0)), kept, 'load on the first day')
      same(await store.load(id, at(366 * DAY - 1)), kept, 'load on the last day')
    },
  }),

  storeCase({
    name: 'a caller whose clock runs ahead ends nobody’s session',
    rule: `${CALLERS_CLOCK} ${BROOM}`,
    async run({ store, start, keep, at }) {
      const ahead = at(5 * MINUTE)
      const [id, kept] = await keep({ expiresAt: start + MINUTE })
      same(await store.load(id, ahead), undefined, 'load by the clock ahead')
      same(await store.load(id, at(0)), kept, 'load by the right clock, after a load by the one ahead')
      same(await store.touch(id, start + HOUR, ahead), false, 'touch by the clock ahead')
      same(await store.load(id, at(0)), kept, 'load by the right clock, after a touch by the one ahead')
      same(await store.save(id, next(kept), 1, ahead), 'gone', 'save by the clock ahead')
      same(await store.load(id, at(0)), kept, 'load by the right clock, after a save by the one ahead')
    },
  }),

  storeCase({
    name: 'a caller whose clock runs behind finds what has expired five minutes ago',
    rule: `${CALLERS_CLOCK} ${BROOM}`,
    async run({ store, start, newId, session, at }) {
      const id = newId()
      const kept = session({ expiresAt: start - 4 * MINUTE })
      same(await store.create(id, kept, at(-5 * MINUTE)), true, 'create by a clock five minutes behind')
      same(await store.load(id, at(0)), undefined, 'load by the right clock')
      same(await store.load(id, at(-4 * MINUTE - 1)), kept, 'load by the clock behind')
      same(await store.touch(id, start + HOUR, at(-4 * MINUTE - 1)), true, 'touch by the clock behind')
    },
  }),

  storeCase({
    name: 'a removal by a clock that runs ahead is still a removal',
    rule: 'remove ends the session for everybody, even where the caller’s clock says that it has expired.',
    async run({ store, start, keep, at }) {
      const [id] = await keep({ expiresAt: start + MINUTE })
      await store.remove(id, at(5 * MINUTE))
      same(await store.load(id, at(0)), undefined, 'load by the right clock, after a removal by the one ahead')
    },
  }),

  storeCase({
    name: 'list leaves out what has expired, and only by the caller’s clock',
    rule: `${ABSENT} ${CALLERS_CLOCK}`,
    needs: ['list'],
    async run({ store, start, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      const [brief] = await keep({ principal, expiresAt: start + MINUTE })
      const [long] = await keep({ principal })
      const both = [brief, long].sort()
      same(await idsOf(store.list(principal, at(MINUTE - 1))), both, 'list 1 ms before the expiry of one')
      same(await idsOf(store.list(principal, at(MINUTE))), [long], 'list at the expiry of one')
      same(await idsOf(store.list(principal, at(0))), both, 'list by the right clock, after one by a clock ahead')
    },
  }),

  storeCase({
    name: 'scan leaves out what has expired, and only by the caller’s clock',
    rule: `${ABSENT} ${CALLERS_CLOCK}`,
    needs: ['scan'],
    async run({ store, start, keep, at }) {
      const [id] = await keep({ expiresAt: start + MINUTE })
      const scanned = async (afterMs: number): Promise<boolean> => (await idsOf(store.scan(at(afterMs)))).includes(id)
      same(await scanned(MINUTE - 1), true, 'whether scan gives it 1 ms before its expiry')
      same(await scanned(MINUTE), false, 'whether scan gives it at its expiry')
      same(await scanned(0), true, 'whether scan gives it by the right clock, after one by a clock ahead')
    },
  }),

  storeCase({
    name: 'removeAll does not count what has expired',
    rule: `${ABSENT} removeAll tells how many it ended.`,
    needs: ['removeAll'],
    async run({ store, start, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      await keep({ principal, expiresAt: start + MINUTE })
      await keep({ principal, expiresAt: start + MINUTE + 1 })
      same(await store.removeAll(principal, {}, at(MINUTE)), 1, 'removeAll of one live session and one expired')
    },
  }),
]
