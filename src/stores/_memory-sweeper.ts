/**
 * Gives the memory of expired sessions back, a little at a time.
 *
 * @module
 */

import type { SessionTable } from './_memory-table.ts'

const EVERY_MS = 1000
/** Requests wait behind a slice: it is far shorter than anybody notices. */
const SLICE_MS = 2
/** A request judges by the instant at which it was opened, and may be slow. */
const MARGIN_MS = 2000
/** A caller's clock further off than this is not the machine's, but a test's. */
const STRANGE_MS = 60_000

/** Sweeps a table for as long as there is something in it. Keeps no process alive. */
export class Sweeper {
  readonly #table: SessionTable
  #scheduled = false
  #latest = 0
  #heard = false
  #heardAt = 0

  constructor(table: SessionTable) {
    this.#table = table
  }

  /** Takes note of the caller's clock. */
  hear(now: number): void {
    this.#latest = now
    this.#heard = true
  }

  /** Sees to it that a sweep will come, if the table needs one. */
  schedule(): void {
    if (this.#scheduled || this.#table.entries === 0) return
    this.#scheduled = true
    later(new WeakRef(this))
  }

  run(): void {
    this.#slice(this.#table.sweep(this.#horizon()))
  }

  #slice(sweep: Generator<void>): void {
    const until = performance.now() + SLICE_MS
    while (!sweep.next().done) {
      if (performance.now() >= until) return void setImmediate(() => this.#slice(sweep)).unref()
    }
    this.#scheduled = false
    this.schedule()
  }

  /**
   * Tells up to which instant sessions may go: those that no caller can still take for alive.
   *
   * Expiry is judged by the callers' clock, and that may be a test's: in the past, in the future, or standing still.
   * So the horizon is never later than the machine's clock, and never later than the callers' own: what they last
   * said, plus the time gone by since then if theirs goes along with the machine's.
   */
  #horizon(): number {
    // Called "now", not when it was heard: reading the clock at each call would cost more than the call itself.
    if (this.#heard) this.#heardAt = performance.now()
    this.#heard = false
    const machine = Date.now()
    const callers = this.#latest + (performance.now() - this.#heardAt)
    return Math.min(machine, Math.abs(machine - callers) < STRANGE_MS ? callers : this.#latest) - MARGIN_MS
  }
}

/** Wakes the sweeper, unless its store has been let go of meanwhile: a waiting timer must not keep that. */
function later(sweeper: WeakRef<Sweeper>): void {
  setTimeout(() => sweeper.deref()?.run(), EVERY_MS).unref()
}
