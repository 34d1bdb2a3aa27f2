/**
 * The head: what a visit means for the headers of its response: a cookie handed out, or taken away, and what goes with it.
 *
 * @module
 */
import { remainingSeconds } from '../core/expiry.ts'
import type { SessionRecord } from '../core/record.ts'
import type { Awaitable } from '../core/store.ts'
import type { Token } from '../core/token.ts'
import { isPromise } from './calls.ts'
import type { Carrier } from './carrier.ts'
import type { Shell } from './shell.ts'

export type Headers = [name: string, value: string][]

/** @see https://www.w3.org/TR/clear-site-data/ */
const CLEAR_SITE_DATA: Headers[number] = ['Clear-Site-Data', '"cookies", "storage"']

export class Head {
  readonly #shell: Shell
  readonly #carrier: Carrier
  readonly #secure: boolean
  #handOut: { token: Token; record: SessionRecord; at: number } | undefined
  #discarded = false
  #cleared = false

  /** @param secure whether the browser's connection is https */
  constructor(shell: Shell, carrier: Carrier, secure: boolean) {
    this.#shell = shell
    this.#carrier = carrier
    this.#secure = secure
  }

  /** The secret that the response is to carry, if it is already decided. */
  get pendingSecret(): string | undefined {
    return this.#handOut?.token.secret
  }

  /** Whether the handler ended a session: the browser's cookie goes, unless a new one takes its place. */
  get discarded(): boolean {
    return this.#discarded
  }

  /** Whether there is anything to say of cookies. */
  get isDue(): boolean {
    return this.#discarded || this.#handOut !== undefined
  }

  /** The response is to carry this token; the cookie's age counts from `at`. */
  handOut(token: Token, record: SessionRecord, at: number): void {
    this.#handOut = { token, record, at }
  }

  /** The response is to carry no token: its session is not there. */
  withhold(): void {
    this.#handOut = undefined
  }

  /** The response is to take the cookie away. */
  discard(): void {
    this.#discarded = true
    this.#handOut = undefined
  }

  /** Gives the headers, once: what is asked for later is told of what came since. */
  compose(looked: boolean): Awaitable<Headers> {
    const takesAway = this.#takesAway
    const cookies = this.#cookies(takesAway)
    return isPromise(cookies)
      ? cookies.then((lines) => this.#around(lines, looked, takesAway))
      : this.#around(cookies, looked, takesAway)
  }

  /** Gives the headers of an error response for which nothing more can be stored: only what takes a cookie away. */
  composeLast(looked: boolean): Headers {
    this.#handOut = undefined
    return this.#around(this.#discarded ? this.#carrier.takeAway() : [], looked, this.#discarded)
  }

  // --- internal ---

  /** Whether the browser's cookie goes with this response: its session has ended, and no other takes its place. */
  get #takesAway(): boolean {
    return this.#discarded && !this.#cleared && !this.#handOut && this.#carrier.presented
  }

  #cookies(takesAway: boolean): Awaitable<string[]> {
    const { config } = this.#shell
    const handOut = this.#handOut
    this.#handOut = undefined
    if (handOut) {
      const { token, record, at } = handOut
      const persistent = record.metadata.persistent ?? config.persistent
      return this.#carrier.handOut(token, record, persistent ? remainingSeconds(record, at, config.limits) : undefined)
    }
    if (!takesAway) return []
    this.#cleared = true
    return this.#carrier.takeAway()
  }

  /** The head's headers around its cookies. */
  #around(cookies: readonly string[], looked: boolean, takesAway: boolean): Headers {
    const headers = cookies.map((line): Headers[number] => ['Set-Cookie', line])
    if (cookies.length > 0) headers.push(['Cache-Control', 'no-store'])
    if (looked || this.#discarded) headers.push(['Vary', 'Cookie'])
    // Over plain http browsers take no notice of it.
    if (takesAway && this.#shell.config.clearSiteData && this.#secure) headers.push(CLEAR_SITE_DATA)
    if (cookies.length > 0) this.#warnOfPlainHttp()
    return headers
  }

  #warnOfPlainHttp(): void {
    if (this.#secure) return
    this.#shell.warnOnce(
      'SOJOURN_PLAIN_HTTP',
      'A session cookie went out over plain http, where anybody on the way can read it; serve https, or tell the framework of the proxy that does (Express: app.set("trust proxy", 1))',
    )
  }
}
