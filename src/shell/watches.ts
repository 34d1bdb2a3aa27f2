/**
 * Watches: who keeps a connection open on a session hears when that session has ended, in whichever process.
 *
 * Word comes in four ways, each where the others are silent: this manager's own events, at once; the store's `changes`,
 * where it has them; a timer at the session's expiry; and a look now and then, for stores that tell nothing, and for
 * news that got lost on the way.
 *
 * @module
 */
import { endsAt } from '../core/expiry.ts'
import type { Store } from '../core/store.ts'
import { isId } from '../core/token.ts'
import { callListener } from './events.ts'
import { isAlive, type Shell } from './shell.ts'

/** How long a watched session's end stays unnoticed at most, when nothing tells of it. */
export const LOOK_EVERY_MS = 30_000

export class Watches {
  readonly #shell: Shell
  readonly #changes: Store['changes']
  readonly #watches = new Map<string, Set<Watch>>()
  /** What ends the listening to events and changes, while there is anything to listen for. */
  #listening: (() => void)[] = []

  constructor(shell: Shell, store: Store) {
    this.#shell = shell
    this.#changes = store.changes?.bind(store)
  }

  /** Calls `ended`, once, when the session has ended; gives the function that stops watching. */
  add(id: string, ended: () => void): () => void {
    const watch = new Watch(this.#shell, id, () => {
      this.#forget(watch)
      callListener('the end of a session', ended)
    })
    if (this.#watches.size === 0) this.#listen()
    this.#watches.set(id, (this.#watches.get(id) ?? new Set()).add(watch))
    watch.look()
    return () => this.#forget(watch)
  }

  /** Stops all. Nobody is told: nothing has ended. */
  close(): void {
    for (const watch of this.#all()) this.#forget(watch)
  }

  #forget(watch: Watch): void {
    watch.stop()
    const others = this.#watches.get(watch.id)
    if (!others?.delete(watch) || others.size > 0) return
    this.#watches.delete(watch.id)
    if (this.#watches.size > 0) return
    for (const stop of this.#listening) stop()
    this.#listening = []
  }

  #listen(): void {
    const { events } = this.#shell
    const look = (id = ''): void => this.#of(id).forEach((watch) => watch.look())
    const end = (id = ''): void => this.#of(id).forEach((watch) => watch.end())
    this.#listening = [
      events.on('destroyed', ({ id }) => end(id)),
      events.on('evicted', ({ id }) => end(id)),
      events.on('revoked', ({ id, principal }) => {
        if (id !== undefined) return end(id)
        // All of somebody's but one, perhaps.
        for (const watch of this.#all()) if (watch.mayBeOf(principal)) watch.look()
      }),
      events.on('rotated', ({ id }) => look(id)),
    ]
    if (this.#changes) this.#listening.push(this.#changes(look))
  }

  #of(id: string): Watch[] {
    return [...(this.#watches.get(id) ?? [])]
  }

  #all(): Watch[] {
    return [...this.#watches.values()].flatMap((watches) => [...watches])
  }
}

// --- internal ---

class Watch {
  readonly id: string
  readonly #shell: Shell
  readonly #ended: () => void
  /** Whose session it was at the first look; undefined before. */
  #principal: string | null | undefined
  #timer: NodeJS.Timeout | undefined
  #looking = false
  /** There was news while a look was under way, which may have come too early to see it. */
  #again = false
  #over = false

  constructor(shell: Shell, id: string, ended: () => void) {
    this.#shell = shell
    this.id = id
    this.#ended = ended
  }

  mayBeOf(principal: string | undefined): boolean {
    return this.#principal === undefined || this.#principal === principal
  }

  stop(): void {
    this.#over = true
    clearTimeout(this.#timer)
  }

  end(): void {
    if (!this.#over) this.#ended()
  }

  /** Sees whether the session is still there; one look at a time. */
  look(): void {
    this.#again = this.#looking
    if (!this.#looking) void this.#lookOn()
  }

  async #lookOn(): Promise<void> {
    this.#looking = true
    clearTimeout(this.#timer)
    let wait: number | undefined
    do {
      this.#again = false
      wait = await this.#nextLook()
    } while (this.#again && !this.#over)
    this.#looking = false
    if (this.#over) return
    if (wait === undefined) this.end()
    // Not longer than to its expiry. By then it may have been touched: that is what the look will see.
    else this.#timer = setTimeout(() => this.look(), wait).unref()
  }

  /** Looks once; gives how long the next look can wait, ms, or undefined when the session is no longer there. */
  async #nextLook(): Promise<number | undefined> {
    const { keeper, clock, config } = this.#shell
    try {
      const record = isId(this.id) ? await keeper.load(this.id) : undefined
      if (!record || !isAlive(this.#shell, record)) return undefined
      if (this.#principal === undefined) this.#principal = record.principal
      // Another person's now, or nobody's: what was opened for one is not to serve the other.
      if (record.principal !== this.#principal) return undefined
      return Math.min(LOOK_EVERY_MS, endsAt(record, config.limits) - clock())
    } catch {
      // Told of as an event. A store that cannot be asked has ended nobody's session.
      return LOOK_EVERY_MS
    }
  }
}
