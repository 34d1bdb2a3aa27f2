/** A store that writes down each call, and whose chosen calls wait at a gate. */
import type { Store } from '../../src/core/store.ts'
import { aroundStore, type Call, type Listing } from './around-store.ts'
import { Gate } from './gate.ts'

/** Where a call is held: before the engine has heard of it, or when the engine has done it and its answer is on the way. */
export type Moment = 'asked' | 'answered'

interface Hold {
  readonly methods: readonly (Call | Listing)[]
  readonly moment: Moment
  readonly gate: Gate
}

export class WatchedStore {
  /** To be given to a manager. */
  readonly store: Store
  /** The names of the calls that the engine received, in order. */
  calls: (Call | Listing)[] = []
  /** Everything that was ever given to the engine, as JSON. */
  readonly given: string[] = []
  readonly #holds = new Set<Hold>()
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(engine: Store) {
    this.store = aroundStore(engine, {
      call: ({ method, args }, work) => {
        this.#note(method, args)
        const hold = this.#take(method)
        return this.#track(hold ? held(hold, work) : work())
      },
      listing: ({ method, args }, work) => {
        this.#note(method, args)
        const hold = this.#take(method)
        return hold ? heldListing(hold, work) : work()
      },
    })
  }

  /** The next call of one of these methods waits at the gate that this gives. */
  hold(methods: readonly (Call | Listing)[], moment: Moment): Gate {
    const gate = new Gate()
    this.#holds.add({ methods, moment, gate })
    return gate
  }

  /** Forgets the holds that nobody has come to, and the calls that will never be answered. */
  reset(): void {
    this.#holds.clear()
    this.#underWay.clear()
  }

  /** When no call is under way any more, those included that no response waits for. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
  }

  /** What was called since the last time, in order. */
  takeCalls(): (Call | Listing)[] {
    const { calls } = this
    this.calls = []
    return calls
  }

  #note(method: Call | Listing, args: readonly unknown[]): void {
    this.calls.push(method)
    this.given.push(JSON.stringify(args))
  }

  #take(method: Call | Listing): Hold | undefined {
    for (const hold of this.#holds) {
      if (!hold.methods.includes(method)) continue
      this.#holds.delete(hold)
      return hold
    }
    return undefined
  }

  #track(answer: unknown): unknown {
    if (!(answer instanceof Promise)) return answer
    this.#underWay.add(answer)
    const forget = (): void => void this.#underWay.delete(answer)
    answer.then(forget, forget)
    return answer
  }
}

// --- internal ---

async function held({ moment, gate }: Hold, work: () => unknown): Promise<unknown> {
  if (moment === 'asked') await gate.pass()
  const answer = await work()
  if (moment === 'answered') await gate.pass()
  return answer
}

async function* heldListing<V>({ gate }: Hold, work: () => AsyncIterable<V>): AsyncGenerator<V> {
  await gate.pass()
  yield* work()
}
