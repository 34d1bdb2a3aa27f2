/**
 * Administration and sweeping: `scan` and `prune`.
 *
 * `prune` reaches beyond the case's own sessions. So every case's sessions expire after the start less ten minutes,
 * but those that are to be pruned, and nobody prunes by a later clock than the start.
 *
 * @module
 */

import { ok, same } from '../_check.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { DAY, HOUR, idsOf, MINUTE, type Workbench } from '../_workbench.ts'

export const upkeepCases: readonly StoreCase[] = [
  storeCase({
    name: 'scan gives every live session once, whosever it is',
    rule: 'scan gives every live session.',
    needs: ['scan'],
    async run({ store, keep, newPrincipal, at }) {
      const own = [await keep(), await keep({ principal: newPrincipal() }), await keep({ body: 'another' })]
      const found = (await idsOf(store.scan(at(0)))).filter((id) => own.some(([ownId]) => ownId === id))
      same(found, own.map(([id]) => id).sort(), 'what scan gives of the sessions just created')
      for await (const [id, scanned] of store.scan(at(0))) {
        const kept = own.find(([ownId]) => ownId === id)
        if (kept) same(scanned, kept[1], 'a session that scan gives')
      }
    },
  }),

  storeCase({
    name: 'prune removes what expired long ago, no more at a time than it may, and tells how many',
    rule: 'prune removes at most `limit` expired sessions and tells how many.',
    needs: ['prune'],
    async run(bench) {
      const { store, at } = bench
      const ids = [await keepPast(bench, -DAY), await keepPast(bench, -DAY), await keepPast(bench, -DAY)]
      let pruned = await store.prune(2, at(0))
      ok(pruned <= 2, `prune(2) must remove two at most; it says that it removed ${pruned}.`)
      for (let rounds = 0; pruned > 0; rounds++) {
        ok(rounds < 10_000, 'prune must come to an end, and say 0 when there is nothing left to remove.')
        pruned = await store.prune(100, at(0))
        ok(pruned <= 100, `prune(100) must remove a hundred at most; it says that it removed ${pruned}.`)
      }
      for (const id of ids) same(await isKept(bench, id), false, 'whether it is still kept when prune says 0')
    },
  }),

  storeCase({
    name: 'prune leaves the living, and what expired within the last ten minutes',
    rule: 'Nothing removes a session earlier than ten minutes after its expiry: another’s clock may be behind.',
    needs: ['prune'],
    async run(bench) {
      const { store, start, keep, at } = bench
      const [living, kept] = await keep({ expiresAt: start + 1 })
      const expired = await keepPast(bench, -9 * MINUTE)
      for (let rounds = 0; (await store.prune(100, at(0))) > 0; rounds++) {
        ok(rounds < 10_000, 'prune must come to an end, and say 0 when there is nothing left to remove.')
      }
      same(await store.load(living, at(0)), kept, 'load of a session with 1 ms to live, after prune')
      same(await isKept(bench, expired), true, 'whether a session that expired nine minutes ago is still kept')
    },
  }),
]

/** Creates a session, an hour before it expires, by a clock of that time. */
async function keepPast({ store, start, newId, session, at }: Workbench, expiresAfterMs: number): Promise<string> {
  const id = newId()
  const expired = session({ expiresAt: start + expiresAfterMs })
  same(await store.create(id, expired, at(expiresAfterMs - HOUR)), true, 'create by a clock of the past')
  return id
}

/** Tells whether the store has it still, seen by a clock of the time when it was live. */
async function isKept({ store, at }: Workbench, id: string): Promise<boolean> {
  return (await store.load(id, at(-2 * DAY))) !== undefined
}
