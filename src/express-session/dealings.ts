/**
 * One request's dealings with the store: what it has read there tells what others have written since, and what it
 * writes brings back no session that has ended.
 *
 * @module
 */
import { type Data, merge } from '../core/changes.ts'
import { type Attendance, Attendances } from './attendance.ts'
import type { Caution, GuardedStore } from './guarded-store.ts'
import { imageOf, sameImage } from './image.ts'
import type { Ledger } from './ledger.ts'
import { type Moment, momentOf } from './moment.ts'
import { Session } from './session.ts'
import type { Found } from './store-contract.ts'

export class Dealings {
  readonly #store: GuardedStore
  readonly #ledger: Ledger
  readonly #isCautious: boolean
  /** Who else is at sessions of this store. */
  readonly #others: Attendances
  /** What is known of the sessions of this request, by id; and how many of the writes this request has seen. */
  readonly #attendances = new Map<string, Attendance>()
  #writesSeen = 0
  /** What the session held when it was read, or when this request last wrote it: others' changes are told from it. */
  #base: Data | undefined
  /** What this request has destroyed. */
  readonly #ended = new Set<string>()

  /**
   * @param isCautious whether a write looks at what others have done
   * @param canLeave whether the request has an end: without one it is never among those who are at a session
   */
  constructor(store: GuardedStore, ledger: Ledger, isCautious: boolean, canLeave: boolean) {
    this.#store = store
    this.#ledger = ledger
    this.#isCautious = isCautious
    this.#others = canLeave ? store.attendances : new Attendances()
  }

  // --- what is there ---

  /** Gives the row of a session that the request is at from now on. */
  load(id: string, found: Found): void {
    this.#attend(id, this.#others.join(id))
    this.#store.get(id, found)
  }

  reload(id: string): Promise<unknown> {
    return this.#store.read(id)
  }

  /** The request has a session that was read, as it is at this moment. */
  resume(now: Moment): void {
    this.#base = now.image
  }

  /** The request has a new session: nobody else can have changed it, even if one of that id has been. */
  begin(id: string): void {
    this.#base = undefined
    this.#attend(id, this.#others.begin(id))
  }

  momentOf(session: Session): Moment {
    return momentOf(session, this.#base)
  }

  /** The request has come to its end. */
  leave(): void {
    for (const [id, attendance] of this.#attendances) this.#others.leave(id, attendance)
  }

  #attend(id: string, attendance: Attendance): void {
    this.#writesSeen = attendance.writes
    this.#attendances.set(id, attendance)
  }

  // --- what is written ---

  /** Gives whether it was saved: not when the session has ended. @param isHeard whether somebody is told of a failure */
  async save(session: Session, now: Moment, isHeard = false): Promise<boolean> {
    const undo = this.#ledger.save(now)
    try {
      const isStored = await this.#store.set(now.id, session, this.#caution(session, now, true))
      this.#base = now.image
      if (isStored) this.#writesSeen++
      return isStored
    } catch (error) {
      // Nobody may have heard of it: the response must.
      if (!isHeard) undo()
      throw error
    }
  }

  touch(session: Session, now: Moment): Promise<unknown> {
    return this.#store.touch(now.id, session, this.#caution(session, now, false))
  }

  async destroy(id: string): Promise<void> {
    this.#ended.add(id)
    try {
      await this.#store.destroy(id)
    } catch (error) {
      this.#ended.delete(id)
      throw error
    }
  }

  hasDestroyed(id: string): boolean {
    return this.#ended.has(id)
  }

  #caution(session: Session, now: Moment, isSave: boolean): Caution | undefined {
    const attendance = this.#attendances.get(now.id)
    if (!this.#isCautious || !attendance) return undefined
    const base = this.#base
    return {
      attendance,
      mustRead: () =>
        base !== undefined && now.id === this.#ledger.cookieId && (isSave || attendance.writes !== this.#writesSeen),
      reconcile: (row) => {
        const theirs = imageOf(row, 'cookie')
        if (sameImage(theirs, base)) return session
        const merged = merge(base!, now.image, theirs)
        return sameImage(merged, now.image) ? session : new Session(session.req, { cookie: session.cookie, ...merged })
      },
    }
  }
}
