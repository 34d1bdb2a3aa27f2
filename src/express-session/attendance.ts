/**
 * Which sessions the requests of this process are at, and what became of them meanwhile.
 *
 * @module
 */

/** What is known of one session while requests are at it: all of them hold the same. */
export class Attendance {
  /** Whether it has been ended, or is about to be: what is written after that would bring it back. */
  hasEnded = false
  /** How many writes it has seen. */
  writes = 0
  requests = 1
}

/** The sessions of one store that requests are at. */
export class Attendances {
  readonly #sessions = new Map<string, Attendance>()

  /** For a request that is about to load a session. */
  join(id: string): Attendance {
    const there = this.#sessions.get(id)
    if (!there) return this.begin(id)
    there.requests++
    return there
  }

  /** For a session that is new, even if one of that id has been. */
  begin(id: string): Attendance {
    const begun = new Attendance()
    this.#sessions.set(id, begun)
    return begun
  }

  leave(id: string, attendance: Attendance): void {
    attendance.requests--
    if (attendance.requests <= 0) this.#forget(id, attendance)
  }

  /** Ends a session for all who are at it; gives back how to say that it was, and that it was not. */
  end(id: string): { done(): void; undo(): void } {
    const ended = this.#sessions.get(id)
    if (ended) ended.hasEnded = true
    return {
      // Who comes now finds nothing, or a new session.
      done: () => ended && this.#forget(id, ended),
      undo: () => ended && (ended.hasEnded = false),
    }
  }

  #forget(id: string, attendance: Attendance): void {
    if (this.#sessions.get(id) === attendance) this.#sessions.delete(id)
  }
}
