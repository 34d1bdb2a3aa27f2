/**
 * Calls to somebody else's store, which may throw, answer twice or never, and answer with a promise besides.
 *
 * @module
 */
import { StoreError } from '../core/errors.ts'

/** A callback as these stores take it. */
export type Answer = (error?: unknown, value?: unknown) => void

/** So long (ms) a store may take. A write that is answered after that may undo a later one: nobody waits longer. */
export const ANSWER_MAX_MS = 60_000

/**
 * Calls, and gives what the callback is given first: every later answer is ignored, and so is what is thrown then.
 *
 * @throws StoreError with the store's error as its cause; `ERR_SOJOURN_STORE_TIMEOUT` when it has not answered in time
 */
export function answered(method: string, call: (answer: Answer) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      clearTimeout(timer)
      reject(failure(method, cause))
    }
    const timer = setTimeout(() => reject(silence(method)), ANSWER_MAX_MS)
    timer.unref()
    try {
      const promise = call((error, value) => {
        if (isError(error)) return fail(error)
        clearTimeout(timer)
        resolve(value)
      })
      // Only its failure is an answer: it may be fulfilled before the callback is called.
      if (promise instanceof Promise) promise.catch(fail)
    } catch (error) {
      fail(error)
    }
  })
}

/** One line for each session: whoever reads in order to write does both before the next one reads. */
export class Lines {
  readonly #ends = new Map<string, Promise<void>>()

  /**
   * Works when those before have come to their end, whether or not anybody still waits for them: a write that is still
   * under way would otherwise come after a removal that was asked for later.
   */
  run<V>(id: string, work: () => Promise<V>): Promise<V> {
    const before = this.#ends.get(id)
    const result = before ? before.then(work) : work()
    const leave = (): void => {
      if (this.#ends.get(id) === end) this.#ends.delete(id)
    }
    const end: Promise<void> = result.then(leave, leave)
    this.#ends.set(id, end)
    return result
  }
}

/** Waits for work, until the signal aborts. @throws the signal's reason */
export async function unlessAborted<V>(work: Promise<V>, signal: AbortSignal | undefined): Promise<V> {
  if (!signal) return work
  let abort!: () => void
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error)
  })
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

// --- internal ---

function isError(error: unknown): boolean {
  return error !== undefined && error !== null && error !== false
}

function failure(method: string, cause: unknown): StoreError {
  return new StoreError(
    `The express-session store failed at ${method} (see cause). See that its backend is up and that it is configured rightly.`,
    { cause },
  )
}

function silence(method: string): StoreError {
  return new StoreError(
    `The express-session store never called back from ${method}. See that its backend is up; a store that does so when all is well cannot be used.`,
    { timeout: true },
  )
}
