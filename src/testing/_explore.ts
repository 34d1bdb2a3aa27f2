/**
 * Makes races happen in every order instead of waiting for a lucky one.
 *
 * {@link explore} takes the operations of a race as indivisible and runs each order of them; {@link overlap} lets them
 * run at the same time, so that what a store does in several steps inside one operation is interleaved as well.
 *
 * @module
 */

/** One operation of a race. */
export type Step = () => unknown

/** A race, set up anew: who takes part, what each does in which order, and what must hold when all are done. */
export interface Race {
  /** By the name of who takes part: the steps, by name, in order. Every race of one kind has the same ones. */
  lanes: Record<string, Record<string, Step>>
  /** Throws when the outcome is not what it must be. */
  check: () => Promise<void>
}

/** More orders than this take too long on an engine behind a network; a race that has more must be cut smaller. */
export const MOST_ORDERS = 300

/** Runs every order of the race's steps, each order on a fresh race. The message of a failure tells the order. */
export async function explore(setUp: () => Promise<Race>): Promise<void> {
  const { lanes } = await setUp()
  const all = orders(
    Object.entries(lanes).map(([who, steps]) => Object.keys(steps).map((step) => [who, step] as const)),
  )
  if (all.length > MOST_ORDERS) throw new Error(`This race has ${all.length} orders; keep it to ${MOST_ORDERS}.`)
  for (const order of all) {
    const race = await setUp()
    await telling(`In the order ${order.map((step) => step.join(': ')).join(' → ')}`, async () => {
      for (const [who, step] of order) await race.lanes[who]?.[step]?.()
      await race.check()
    })
  }
}

/**
 * By how many ticks one of an overlapping race is ahead of the next: up to what a removal in several steps takes. The
 * near ones come more than once, since behind a network no two runs are alike.
 */
const AHEAD = [0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8]

/**
 * Lets all who take part run at the same time: each in turn goes first, and the next follow some ticks later.
 *
 * @param tick - lets a little time pass. Cases give a read of the store under test: on an in-process store that is a
 *   microtask and on one behind a network a round trip, which is just how finely that store's work can interleave.
 */
export async function overlap(setUp: () => Promise<Race>, tick: () => unknown): Promise<void> {
  const names = Object.keys((await setUp()).lanes)
  for (const first of names.keys()) {
    const order = [...names.slice(first), ...names.slice(0, first)]
    for (const ahead of AHEAD) {
      const race = await setUp()
      await telling(`With ${order.join(' before ')} by ${ahead} ticks`, async () => {
        await atOnce(order.map((who, place) => () => runLate(race.lanes[who] ?? {}, place * ahead, tick)))
        await race.check()
      })
    }
  }
}

/** The same race without one of those who take part. */
export function without(who: string, setUp: () => Promise<Race>): () => Promise<Race> {
  return async () => {
    const { lanes, check } = await setUp()
    return { lanes: Object.fromEntries(Object.entries(lanes).filter(([name]) => name !== who)), check }
  }
}

/** Starts all at once, waits until every one of them has come to an end, and only then throws what one threw. */
export async function atOnce<V>(tasks: readonly (() => Promise<V>)[]): Promise<V[]> {
  const ends = await Promise.allSettled(tasks.map((task) => task()))
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason
    return end.value
  })
}

async function runLate(steps: Record<string, Step>, ticks: number, tick: () => unknown): Promise<void> {
  for (let i = 0; i < ticks; i++) await tick()
  for (const step of Object.values(steps)) await step()
}

/** Every way to shuffle the lists into one that keeps the order within each. */
function orders<V>(lists: V[][]): V[][] {
  const left = lists.filter((list) => list.length > 0)
  if (left.length === 0) return [[]]
  return left.flatMap(([next, ...rest], i) => orders(left.toSpliced(i, 1, rest)).map((order) => [next as V, ...order]))
}

async function telling(where: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
