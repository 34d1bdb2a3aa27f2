/**
 * What becomes of a request's session before its response leaves: destroyed, saved, touched or left, and whether the
 * browser is sent a cookie.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'
import type { Headers } from '../adapters/_headers.ts'
import type { Awaitable } from '../core/store.ts'
import type { Dealings } from './dealings.ts'
import type { Ledger } from './ledger.ts'
import type { Moment } from './moment.ts'
import type { Settings } from './options.ts'
import type { OwnSession } from './own-session.ts'
import { isSecure } from './request.ts'
import { hasOtherSave, type Session } from './session.ts'
import { setCookie } from './set-cookie.ts'
import { type Secret, sign } from './signature.ts'

/** No header is due. */
export const NONE: Headers = []

/** What a commit is made of. */
export interface Parties {
  readonly settings: Settings
  readonly secret: Secret
  readonly response: ServerResponse
  readonly ledger: Ledger
  readonly own: OwnSession
  readonly dealings: Dealings
  /** Tells of an error behind a response that is none the worse for it. */
  tellLate(error: unknown): void
}

/** A request's commit, which may be made more than once: with the head, and with the end that comes after it. */
export class Commit {
  /** Whether the end of the response has come, which strictCompat waits for. */
  isEnding = false
  readonly #parties: Parties
  #isTouched = false
  /** Whether it has written or touched already. */
  #isKept = false
  #sendsCookie = false

  constructor(parties: Parties) {
    this.#parties = parties
  }

  /** Whether the end of the response has to wait for the store. */
  get isDue(): boolean {
    const { own, dealings, ledger } = this.#parties
    if (!own.current) return this.#mustDestroy()
    const now = dealings.momentOf(own.current as Session)
    return ledger.mustSave(now) || (!this.#isKept && ledger.mustTouch(now))
  }

  /** Gives the headers that the response needs, at once when nothing is written. */
  make(headersSent: boolean): Awaitable<Headers> {
    const { settings, own, dealings, ledger, response } = this.#parties
    const isEarly = settings.strict && !this.isEnding
    if (!isEarly && this.#mustDestroy()) return this.#destroy().then(() => NONE)
    if (!own.current) return NONE
    const session = own.adopt(own.current)
    const now = dealings.momentOf(session)
    if (headersSent && response.destroyed && !this.#isWorthKeeping(now)) return NONE
    const headers = headersSent ? NONE : this.#headers(session, now)
    if (isEarly) return headers
    this.#beginLifetime(session)
    if (ledger.mustSave(now)) {
      this.#isKept = true
      return this.#save(session, now).then((isStored) => (isStored ? headers : NONE))
    }
    if (this.#isKept || !ledger.mustTouch(now)) return headers
    this.#isKept = true
    return this.#touch(session, now).then(() => headers)
  }

  #mustDestroy(): boolean {
    const { settings, own, dealings } = this.#parties
    if (!settings.destroysUnset || !own.isUnset) return false
    return settings.strict || !dealings.hasDestroyed(own.request.sessionID)
  }

  /** Whether anybody can come back to what a client that has gone left behind. */
  #isWorthKeeping(now: Moment): boolean {
    const { ledger } = this.#parties
    return ledger.isModified(now) && (this.#sendsCookie || ledger.cookieId === now.id)
  }

  // --- the cookie ---

  #headers(session: Session, now: Moment): Headers {
    const { settings, secret, own, ledger } = this.#parties
    const { cookie } = session
    const isLasting = cookie.expires !== undefined && cookie.expires !== null
    if (!ledger.mustSendCookie(now, isLasting)) return NONE
    if (cookie.secure && !isSecure(own.request, settings.proxy)) return NONE
    this.#beginLifetime(session)
    this.#sendsCookie = true
    try {
      return [['Set-Cookie', setCookie(settings.name, `s:${sign(now.id, secret)}`, session.cookie.data)]]
    } catch (error) {
      this.#forgive(error)
      return NONE
    }
  }

  /** Once, however often the commit is made. */
  #beginLifetime(session: Session): void {
    if (this.#isTouched) return
    this.#isTouched = true
    // Data may have taken the methods' names.
    const methods: unknown[] = [session.touch, session.resetMaxAge]
    if (methods.every((each) => typeof each === 'function')) session.touch()
    else session.cookie.maxAge = session.cookie.originalMaxAge
  }

  // --- the store ---

  async #destroy(): Promise<void> {
    const { own, dealings } = this.#parties
    try {
      await dealings.destroy(own.request.sessionID)
    } catch (error) {
      this.#forgive(error)
    }
  }

  /** Saves through `save`, if that is another than ours. */
  async #save(session: Session, now: Moment): Promise<boolean> {
    const { dealings } = this.#parties
    try {
      if (!hasOtherSave(session)) return await dealings.save(session, now)
      await new Promise<void>((resolve, reject) => {
        void session.save((error) => (error ? reject(error) : resolve()))
      })
    } catch (error) {
      this.#forgive(error)
    }
    return true
  }

  /** It never spoils a response. */
  #touch(session: Session, now: Moment): Promise<unknown> {
    const { dealings, tellLate } = this.#parties
    return dealings.touch(session, now).catch(tellLate)
  }

  /** strictCompat: the response leaves as if nothing had failed. */
  #forgive(error: unknown): void {
    const { settings, tellLate } = this.#parties
    if (!settings.strict) throw error
    tellLate(error)
  }
}
