/** A gate: somebody arrives at it and waits until the test opens it. Races are ordered by these, never by time. */

export class Gate {
  /** Fulfilled when somebody has arrived. */
  readonly reached: Promise<void>
  readonly #opened: Promise<void>
  #arrive!: () => void
  #open!: () => void

  constructor() {
    this.reached = new Promise((resolve) => (this.#arrive = resolve))
    this.#opened = new Promise((resolve) => (this.#open = resolve))
  }

  /** Arrives, and waits. */
  pass(): Promise<void> {
    this.#arrive()
    return this.#opened
  }

  /** Lets everybody through, from now on. */
  open(): void {
    this.#open()
  }
}

/** A place where so many must have arrived before any of them goes on. */
export class Barrier {
  readonly #gate = new Gate()
  #missing: number

  constructor(count: number) {
    this.#missing = count
  }

  pass(): Promise<void> {
    if (--this.#missing === 0) this.#gate.open()
    return this.#gate.pass()
  }
}
