/**
 * Whether anybody hears of a failure: who gave a callback does, and who asked a promise for its outcome.
 *
 * @module
 */

export interface Hearing {
  isHeard: boolean
}

/** A promise that takes down when it is asked for its outcome, as `await` does too. Nobody has to ask. */
export class HeardPromise extends Promise<void> {
  #hearing: Hearing | undefined

  /** What is made of one is a promise like any other. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  static of(work: Promise<void>, hearing: Hearing): Promise<void> {
    const promise = new HeardPromise((resolve) => resolve(work))
    promise.catch(() => undefined)
    promise.#hearing = hearing
    return promise
  }

  // oxlint-disable-next-line no-thenable -- it is a promise
  override then<A = void, B = never>(
    fulfilled?: ((value: void) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    if (this.#hearing) this.#hearing.isHeard = true
    return super.then(fulfilled, rejected)
  }
}
