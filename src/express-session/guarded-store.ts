/**
 * Somebody else's store behind guards: it may throw, call back twice or never, or reject, and is answered for; and
 * within this process a session's writes take turns, none of them after its end.
 *
 * @module
 */
import { ask, type Lines, linesOf, told } from '../stores/_connect-calls.ts'
import { type Attendance, Attendances } from './attendance.ts'
import type { Found, StoreLike } from './store-contract.ts'

/** How a write goes about what others may have done to the session since it was read. */
export interface Caution {
  readonly attendance: Attendance
  /** Whether to look first what is there. Asked when the write's turn has come. */
  mustRead(): boolean
  /** Gives what to write when this is there. */
  reconcile(row: object): object
}

export class GuardedStore {
  readonly attendances: Attendances
  readonly #store: StoreLike
  readonly #lines: Lines
  readonly #maxMs: number | undefined
  readonly #takesTurns: boolean

  /**
   * @param maxMs so long each call may take
   * @param takesTurns whether a session's writes wait for each other, as express-session's do not
   */
  constructor(store: StoreLike, maxMs?: number, takesTurns = true) {
    this.#store = store
    this.#takesTurns = takesTurns
    this.#lines = linesOf(store)
    this.#maxMs = maxMs
    this.attendances = allAttendances.get(store) ?? new Attendances()
    allAttendances.set(store, this.attendances)
  }

  /** Gives what is there as soon as the store does, perhaps at once: nothing for what the store cannot find. */
  get(id: string, found: Found): void {
    const hear: Found = (error, row) => {
      if (error && !isNotFound(error)) found(error)
      else found(undefined, error ? undefined : row)
    }
    ask('get', (answer) => this.#store.get(id, answer), hear, this.#maxMs)
  }

  read(id: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.get(id, (error, row) => (error ? reject(error) : resolve(row)))
    })
  }

  /** Writes; gives whether it did: not when the session has ended. @throws the store's own error, as all below */
  set(id: string, session: object, caution?: Caution): Promise<boolean> {
    return this.#write('set', id, session, caution)
  }

  /** Keeps the session for longer, unless a write that is under way does so anyway. */
  async touch(id: string, session: object, caution?: Caution): Promise<boolean> {
    if (caution && this.#lines.isBusy(id)) return false
    return this.#write('touch', id, session, caution)
  }

  /** Ends a session: from this moment no write of this process follows. */
  async destroy(id: string): Promise<void> {
    const end = this.attendances.end(id)
    try {
      await this.#inTurn(id, () => this.#told('destroy', (answer) => this.#store.destroy(id, answer)))
      end.done()
    } catch (error) {
      end.undo()
      throw error
    }
  }

  #write(method: 'set' | 'touch', id: string, session: object, caution?: Caution): Promise<boolean> {
    return this.#inTurn(id, async () => {
      const given = caution?.mustRead() ? await this.#reconciled(id, caution) : session
      if (!given || caution?.attendance.hasEnded) return false
      if (caution) caution.attendance.writes += method === 'set' ? 1 : 0
      await this.#told(method, (answer) => this.#store[method]!(id, given, answer))
      return true
    })
  }

  #inTurn<V>(id: string, work: () => Promise<V>): Promise<V> {
    return this.#takesTurns ? this.#lines.run(id, work) : work()
  }

  async #reconciled(id: string, caution: Caution): Promise<object | undefined> {
    if (caution.attendance.hasEnded) return undefined
    const row = await this.read(id)
    if (row && typeof row === 'object') return caution.reconcile(row)
    // Somebody else has ended it: a touch, which looks for nothing, must not follow either.
    caution.attendance.hasEnded = true
    return undefined
  }

  #told(method: string, call: (answer: Found) => unknown): Promise<unknown> {
    return told(method, call, this.#maxMs)
  }
}

// --- internal ---

/** By store, however many middlewares share it. */
const allAttendances = new WeakMap<object, Attendances>()

/** How a store of files says that there is none. */
function isNotFound(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT'
}
