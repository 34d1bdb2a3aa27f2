/**
 * Calls to the store: each within its time, each failure a `StoreError` and an event.
 *
 * @module
 */
import { SojournError, StoreError } from '../core/errors.ts'
import type { Awaitable, Store, StoreCall } from '../core/store.ts'
import type { Events } from './events.ts'

/** What may come with a call. */
export interface CallContext {
  readonly id?: string
  readonly principalBefore?: string | null
  /** Ends the call when the one who asked has gone. Never for writes: a change already made is still saved. */
  readonly signal?: AbortSignal | undefined
}

/** Makes the calls of one manager. */
export class Calls {
  readonly #clock: () => number
  readonly #timeoutMs: number
  readonly #events: Events

  constructor(clock: () => number, timeoutMs: number, events: Events) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#events = events
  }

  /** Makes one call. What answers at once is answered at once; what throws, rejects or stays away is a StoreError. */
  make<V>(
    operation: keyof Store | 'take over' | 'retire',
    context: CallContext,
    run: (call: StoreCall) => Awaitable<V>,
  ): Awaitable<V> {
    const call = new Call(this.#clock(), context)
    let answer: Awaitable<V>
    try {
      answer = run(call)
    } catch (error) {
      throw this.#failure(operation, context, error)
    }
    return isPromise(answer) ? this.#bounded(operation, context, call, answer) : answer
  }

  /** The same for a listing: each step within its time. */
  async *iterate<V>(operation: 'list' | 'scan', run: (call: StoreCall) => AsyncIterable<V>): AsyncGenerator<V> {
    const call = new Call(this.#clock(), {})
    let steps: AsyncIterator<V> | undefined
    const next = async (): Promise<IteratorResult<V>> => (steps ??= run(call)[Symbol.asyncIterator]()).next()
    let open: AsyncIterator<V> | undefined
    try {
      for (;;) {
        const step = await this.#bounded(operation, {}, call, next())
        if (step.done) return
        open = steps
        yield step.value
        open = undefined
      }
    } finally {
      // Closed between two steps only: whoever waits behind a step that is never answered waits for ever.
      await open?.return?.()
    }
  }

  async #bounded<V>(operation: string, context: CallContext, call: Call, answer: PromiseLike<V>): Promise<V> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const seconds = this.#timeoutMs / 1000
        const remedy = 'see that the store is up and reachable, or raise storeTimeout'
        reject(
          new StoreError(`The session store did not answer ${operation} within ${seconds} s; ${remedy}`, {
            timeout: true,
          }),
        )
      }, this.#timeoutMs)
    })
    try {
      return await Promise.race([answer, late])
    } catch (error) {
      call.abort()
      throw this.#failure(operation, context, error)
    } finally {
      clearTimeout(timer)
    }
  }

  #failure(operation: string, { id }: CallContext, cause: unknown): SojournError {
    const error =
      cause instanceof SojournError
        ? cause
        : new StoreError(
            `The session store failed at ${operation} (see cause); see that it is up and that its client is configured rightly`,
            { cause },
          )
    this.#events.emit('store-error', { ...(id === undefined ? {} : { id }), reason: operation, error })
    return error
  }
}

/** Whether an answer is still to come. */
export function isPromise<V>(answer: Awaitable<V>): answer is Promise<V> {
  return typeof (answer as Promise<V> | undefined)?.then === 'function'
}

// --- internal ---

/** A `StoreCall` whose signal is made only for a store that looks at it. */
class Call implements StoreCall {
  readonly now: number
  readonly principalBefore?: string | null
  readonly #outer: AbortSignal | undefined
  #controller: AbortController | undefined

  constructor(now: number, { principalBefore, signal }: CallContext) {
    this.now = now
    if (principalBefore !== undefined) this.principalBefore = principalBefore
    this.#outer = signal
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#outer ? AbortSignal.any([this.#outer, this.#controller.signal]) : this.#controller.signal
  }

  /** For a store that has looked at the signal, and for one that will: it may be waiting for a connection still. */
  abort(): void {
    this.#controller ??= new AbortController()
    this.#controller.abort()
  }
}
