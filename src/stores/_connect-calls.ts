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
 * Calls, and hands on what the callback is given first: every later answer is ignored, and so is what is thrown then.
 *
 * Who hears the answer never runs on the store's own stack, where an exception would become the store's: an answer
 * given at once is handed on after the call has returned, any other in a turn of its own.
 */
export function ask(
  method: string,
  call: (answer: Answer) => unknown,
  hear: Answer,
  maxMs: number = ANSWER_MAX_MS,
): void {
  let timer: NodeJS.Timeout | undefined
  let isCalling = true
  let first: [error?: unknown, value?: unknown] | undefined
  const answer: Answer = (...given) => {
    if (first) return
    first = given
    clearTimeout(timer)
    if (!isCalling) queueMicrotask(() => hear(...given))
  }
  const fail = (cause: unknown): void => answer(cause || new Error(`The store failed at ${method} without an error`))
  try {
    const promise = call(answer)
    // Only its failure is an answer: it may be fulfilled before the callback is called.
    if (promise instanceof Promise) promise.catch(fail)
  } catch (error) {
    fail(error)
  }
  isCalling = false
  if (first) return hear(...first)
  timer = setTimeout(() => answer(silence(method)), maxMs)
  timer.unref()
}

/** The same as a promise. @throws the store's own error; StoreError `ERR_SOJOURN_STORE_TIMEOUT` when there is no answer */
export function told(method: string, call: (answer: Answer) => unknown, maxMs?: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    ask(method, call, (error, value) => (isError(error) ? reject(error) : resolve(value)), maxMs)
  })
}

/** The same for those who want one kind of error. @throws StoreError with the store's error as its cause */
export async function answered(method: string, call: (answer: Answer) => unknown): Promise<unknown> {
  try {
    return await told(method, call)
  } catch (error) {
    throw error instanceof StoreError ? error : failure(method, error)
  }
}

/** How a store of files says that there is none; express-session takes it so too. */
export function absentIfNoFile(error: unknown): undefined {
  if (((error as Error).cause as { code?: unknown } | undefined)?.code !== 'ENOENT') throw error
}

/** One line for each session: whoever reads in order to write does both before the next one reads. */
export class Lines {
  readonly #ends = new Map<string, Promise<void>>()

  /** Whether somebody's work for this session is under way. */
  isBusy(id: string): boolean {
    return this.#ends.has(id)
  }

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

/** The lines of a store: one set, however often it is wrapped. */
export function linesOf(store: object): Lines {
  const lines = allLines.get(store) ?? new Lines()
  allLines.set(store, lines)
  return lines
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

const allLines = new WeakMap<object, Lines>()

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
