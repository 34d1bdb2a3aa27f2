/**
 * What is due at the end of a request, told from what the session was when it began: express-session's own rules.
 *
 * @module
 */
import { isSame, type Moment } from './moment.ts'

/** What the rules depend on. */
export interface Rules {
  readonly resave: boolean
  readonly saveUninitialized: boolean
  readonly rolling: boolean
  readonly hasTouch: boolean
  /** Whether a session that was begun in the request is saved at its end even if it was saved before. */
  readonly strict: boolean
}

export class Ledger {
  readonly #rules: Rules
  /** The id that the browser came with. */
  readonly cookieId: string | undefined
  #original: Moment | undefined
  #saved: Moment | undefined

  constructor(rules: Rules, cookieId: string | undefined) {
    this.#rules = rules
    this.cookieId = cookieId
  }

  /** The request has a new session. */
  begin(now: Moment): void {
    this.#original = now
  }

  /** The request has a session that the store gave. */
  resume(now: Moment): void {
    this.#original = now
    if (!this.#rules.resave) this.#saved = now
  }

  /** Takes down a save; gives what takes that back. */
  save(now: Moment): () => void {
    const before = this.#saved
    this.#saved = now
    return () => void (this.#saved = before)
  }

  isModified(now: Moment): boolean {
    return !this.#original || !isSame(this.#original, now)
  }

  mustSave(now: Moment): boolean {
    if (!this.#rules.saveUninitialized && !this.#saved && this.cookieId !== now.id) return this.isModified(now)
    if (this.#rules.strict && this.#original?.id !== now.id) return true
    return !this.#saved || !isSame(this.#saved, now)
  }

  mustTouch({ id }: Moment): boolean {
    return this.#rules.hasTouch && this.cookieId === id
  }

  /** @param isLasting whether the cookie has an expiry, which a change moves */
  mustSendCookie(now: Moment, isLasting: boolean): boolean {
    const { rolling, saveUninitialized } = this.#rules
    if (this.cookieId !== now.id) return saveUninitialized || this.isModified(now)
    return rolling || (isLasting && this.isModified(now))
  }
}
