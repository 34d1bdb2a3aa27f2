/**
 * Pruning: expired sessions removed now and then, in small batches, while a manager is in use.
 *
 * @module
 */

const EVERY_MS = 60_000
const BATCH = 100

export class Pruning {
  readonly #prune: (limit: number) => Promise<number>
  #timer: NodeJS.Timeout | undefined

  /** @param prune removes so many, and tells how many it found */
  constructor(prune: (limit: number) => Promise<number>) {
    this.#prune = prune
  }

  /** Begins a round, unless one is due already. Never keeps a process alive. */
  start(): void {
    if (this.#timer) return
    const wait = EVERY_MS * (0.5 + Math.random())
    this.#timer = setTimeout(() => {
      this.#round()
        // The failure has been told as an event; the next request starts another round.
        .catch(() => undefined)
        .finally(() => (this.#timer = undefined))
    }, wait).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #round(): Promise<void> {
    while ((await this.#prune(BATCH)) === BATCH) await new Promise((resolve) => setImmediate(resolve))
  }
}
