/**
 * Events: what a manager tells of sessions, to listeners and to `node:diagnostics_channel` as `sojourn:<type>`.
 *
 * @module
 */
import diagnostics from 'node:diagnostics_channel'

export type EventName =
  | 'created'
  | 'signed-in'
  | 'rotated'
  | 'destroyed'
  | 'revoked'
  /** Found by the manager itself: a sealed cookie, or a lifetime shortened since. To a store an expired session is absent. */
  | 'expired'
  | 'evicted'
  | 'conflict'
  | 'dropped-write'
  | 'bad-token'
  | 'token-reuse'
  | 'ambiguous-cookie'
  | 'unreadable'
  | 'store-error'
  | 'warning'

/** One event. Never has a token in it: `id` is the session's public handle. */
export interface SessionEvent {
  type: EventName
  /** When, ms since the epoch. */
  at: number
  id?: string
  principal?: string
  /** Which of several causes it was, in one word or few. */
  reason?: string
  error?: Error
}

export type Listener = (event: SessionEvent) => void

/** Hands events to who listens. */
export class Events {
  readonly #listeners = new Map<EventName, Set<Listener>>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  on(type: EventName, fn: Listener): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(fn))
    return () => void listeners.delete(fn)
  }

  emit(type: EventName, details: Omit<SessionEvent, 'type' | 'at'> = {}): void {
    const listeners = this.#listeners.get(type)
    const channel = diagnostics.channel(`sojourn:${type}`)
    if (!listeners?.size && !channel.hasSubscribers) return
    const event: SessionEvent = { type, at: this.#clock(), ...details }
    channel.publish(event)
    for (const fn of listeners ?? []) callListener(`"${type}"`, () => fn(event))
  }
}

/** Calls what an application gave to be told by: its failure is nobody else's, and does not go unheard. */
export function callListener(what: string, listener: () => void): void {
  try {
    listener()
  } catch (error) {
    process.emitWarning(`A listener for ${what} threw: ${String(error)}; mend the listener`, {
      code: 'SOJOURN_LISTENER',
    })
  }
}
