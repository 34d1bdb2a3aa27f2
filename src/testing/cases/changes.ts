/**
 * News of what others did: `changes`.
 *
 * @module
 */

import type { Store } from '../../core/store.ts'
import { ok, same } from '../_check.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { next, type Workbench } from '../_workbench.ts'

const TELLS = 'changes tells of saves and removals made elsewhere, by id.'

export const changesCases: readonly StoreCase[] = [
  storeCase({
    name: 'a save and a removal made elsewhere are told',
    rule: TELLS,
    needs: ['changes'],
    async run(bench) {
      const { store, keep, at } = bench
      const another = await bench.another()
      const news = await listen(bench, another)
      const [saved, first] = await keep()
      const [removed] = await keep()
      await another.save(saved, next(first), 1, at(0))
      await news.of(saved, 'a save')
      await another.remove(removed, at(0))
      await news.of(removed, 'a removal')
      same(await store.load(removed, at(0)), undefined, 'load of a session whose removal was told')
      news.end()
    },
  }),

  storeCase({
    name: 'each session that removeAll ends elsewhere is told',
    rule: `${TELLS} removeAll removes.`,
    needs: ['changes', 'removeAll'],
    async run(bench) {
      const { keep, newPrincipal, at } = bench
      const another = await bench.another()
      const news = await listen(bench, another)
      const principal = newPrincipal()
      const ids = [await keep({ principal }), await keep({ principal })].map(([id]) => id)
      await another.removeAll(principal, {}, at(0))
      for (const id of ids) await news.of(id, 'a removal by removeAll')
      news.end()
    },
  }),

  storeCase({
    name: 'nothing is told to who no longer listens',
    rule: 'changes gives the function that ends the telling.',
    needs: ['changes'],
    async run(bench) {
      const { store, keep, at } = bench
      const another = await bench.another()
      const told: string[] = []
      const end = store.changes((id) => told.push(id))
      const news = await listen(bench, another)
      end()
      told.length = 0
      // Two rounds: when the second has come to who listens, the first has come to everybody.
      for (let round = 0; round < 2; round++) {
        const [id, kept] = await keep()
        await another.save(id, next(kept), 1, at(0))
        await news.of(id, 'a save')
      }
      same(told, [], 'what was told after the end')
      news.end()
    },
  }),
]

/** What has been told, as a case waits for it. */
interface News {
  /** Waits until a change of that session is told. */
  of(id: string, what: string): Promise<void>
  end(): void
}

/** How long to wait before one more save, while an engine may not have subscribed yet. */
const AGAIN_MS = 50

/** Listens on the store; returns once news from the other handle arrive, since some engines take time to subscribe. */
async function listen({ store, keep, at, limits }: Workbench<'changes'>, another: Store): Promise<News> {
  const told = new Set<string>()
  const waiting = new Map<string, () => void>()
  const end = store.changes((id) => {
    told.add(id)
    waiting.get(id)?.()
  })
  const comes = async (id: string, withinMs: number): Promise<boolean> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs)
      const arrived = (): void => {
        clearTimeout(timer)
        resolve(true)
      }
      if (told.has(id)) arrived()
      else waiting.set(id, arrived)
    })
  const of = async (id: string, what: string): Promise<void> =>
    ok(await comes(id, limits.patienceMs), `changes must tell of ${what} by another handle.`)

  let [id, session] = await keep()
  for (let waitedMs = 0; waitedMs < limits.patienceMs; waitedMs += AGAIN_MS) {
    session = next(session)
    await another.save(id, session, session.version - 1, at(0))
    if (await comes(id, AGAIN_MS)) return { of, end }
  }
  end()
  throw new Error(`changes told of no save by another handle within ${limits.patienceMs} ms.`)
}
