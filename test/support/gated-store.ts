/** A store in front of another, whose next call of a kind can be held, failed, or sent twice. */
import type { Awaitable, Store } from '../../src/core/store.ts'
import { aroundStore, type Call } from './around-store.ts'
import { Gate } from './gate.ts'

/** How one call goes, which `go` makes. */
export type Way = (go: () => Awaitable<unknown>) => Awaitable<unknown>

export interface GatedStore extends Store {
  /** The names of the calls made, in order. */
  readonly calls: Call[]
  /** The next such call goes this way. */
  next(method: Call, way: Way): void
  /** The next such call waits in front of the store. */
  hold(method: Call): Gate
  /** The next such call is made, and its answer waits. */
  holdAnswer(method: Call): Gate
  /** The next such calls fail. */
  fail(method: Call, times?: number, error?: Error): void
  /** The next such call is made twice, as by a driver that lost the first answer; `between` happens between. */
  resend(method: Call, between?: () => unknown): void
}

/** @param slow whether each answer is a promise, as over a network */
export function gatedStore(inner: Store, slow = false): GatedStore {
  const calls: Call[] = []
  const ways: { method: Call; way: Way }[] = []
  const outer = aroundStore(inner, {
    call({ method }, go) {
      calls.push(method)
      const at = ways.findIndex((each) => each.method === method)
      if (at !== -1) return ways.splice(at, 1)[0]!.way(go)
      return slow ? Promise.resolve().then(go) : go()
    },
    listing: (_, go) => go(),
  })
  const next = (method: Call, way: Way): void => void ways.push({ method, way })
  return Object.assign(outer, {
    calls,
    next,
    hold(method: Call) {
      const gate = new Gate()
      next(method, (go) => gate.pass().then(go))
      return gate
    },
    holdAnswer(method: Call) {
      const gate = new Gate()
      next(method, async (go) => {
        const answer = await go()
        await gate.pass()
        return answer
      })
      return gate
    },
    fail(method: Call, times = 1, error = new Error('connection lost')) {
      for (let left = times; left > 0; left--) next(method, () => Promise.reject(error))
    },
    resend(method: Call, between: () => unknown = () => {}) {
      next(method, async (go) => {
        await go()
        await between()
        return go()
      })
    },
  })
}
