/** What can go wrong with a store: each holds for its next call of a kind. */
import { Gate } from '../support/gate.ts'
import type { AnyStore, Method } from './_libraries.ts'

type Call = (...args: unknown[]) => unknown

/** How one call goes, which `go` makes; `done` is its callback. */
type Way = (go: () => unknown, done: (...answer: unknown[]) => void) => unknown

/** The next such call goes this way. */
export function nextCall(store: AnyStore, method: Method, way: Way): void {
  const own = store[method] as Call
  const once: Call = (...args) => {
    ;(store as unknown as Record<Method, Call>)[method] = own
    return way(() => own.apply(store, args), args.at(-1) as (...answer: unknown[]) => void)
  }
  ;(store as unknown as Record<Method, Call>)[method] = once
}

/** The next such call waits before the store. */
export function hold(store: AnyStore, method: Method): Gate {
  const gate = new Gate()
  nextCall(store, method, (go) => void gate.pass().then(go))
  return gate
}

export const BROKEN = Object.assign(new Error('the store is broken'), { code: 'EBROKEN' })

/** Every way for a call to fail. */
export const FAILURES: readonly (readonly [name: string, way: Way])[] = [
  ['calls back with an error', (_, done) => void setImmediate(done, BROKEN)],
  ['calls back with an error at once', (_, done) => done(BROKEN)],
  [
    'throws',
    () => {
      throw BROKEN
    },
  ],
  ['rejects', () => Promise.reject(BROKEN)],
  [
    'calls back with an error, twice, and rejects',
    (_, done) => {
      setImmediate(done, BROKEN)
      setImmediate(done)
      return Promise.reject(BROKEN)
    },
  ],
]
