/**
 * The longest pause of the event loop: turn after turn, how long was it until the next?
 *
 * Beside the time on the clock stands the same without the time in which this thread could have run and the machine
 * ran something else (Linux tells it), so that a busy machine is not held against the store.
 *
 * @module
 */
import { openSync, readSync } from 'node:fs'

export class Pauses {
  #running = false
  #longest = { ms: 0, ownMs: 0 }

  start() {
    this.#running = true
    this.#longest = { ms: 0, ownMs: 0 }
    let [at, waited] = [performance.now(), waitedMs()]
    const turn = () => {
      const [now, waitedNow] = [performance.now(), waitedMs()]
      const ms = now - at
      const ownMs = Math.max(0, ms - (waitedNow - waited))
      if (ms > this.#longest.ms) this.#longest.ms = ms
      if (ownMs > this.#longest.ownMs) this.#longest.ownMs = ownMs
      ;[at, waited] = [now, waitedNow]
      if (this.#running) setImmediate(turn)
    }
    setImmediate(turn)
  }

  /** Ends the watch; gives the longest pause in ms, by the clock and of this process's own doing. */
  stop() {
    this.#running = false
    return this.#longest
  }
}

const scheduler = openScheduler()
const text = Buffer.alloc(64)

/** How long the main thread has waited for a core, in ms; 0 where nobody tells. */
function waitedMs() {
  if (scheduler === undefined) return 0
  const size = readSync(scheduler, text, 0, text.length, 0)
  return Number(text.latin1Slice(0, size).split(' ')[1]) / 1e6
}

function openScheduler() {
  try {
    return openSync('/proc/self/schedstat')
  } catch {
    return undefined
  }
}
