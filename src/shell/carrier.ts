/**
 * The carrier: how a session travels in cookies. Usually as a token; {@link file://./sealed.ts} carries the data.
 *
 * @module
 */
import { formatClearing, formatCookie, MAX_CANDIDATES, parseCookies, type CookieShape } from '../core/cookie.ts'
import { judge } from '../core/judge.ts'
import type { SessionRecord } from '../core/record.ts'
import type { Awaitable } from '../core/store.ts'
import type { Claims } from '../core/predecessor.ts'
import { formatToken, parseToken, type Token } from '../core/token.ts'
import { findArrival } from './arrivals.ts'
import { isPromise } from './calls.ts'
import { RequestLabels } from './labels.ts'
import type { OpenInput } from './visit.ts'
import type { Shell } from './shell.ts'

/** A session that a request's cookies open. */
export interface Opened {
  readonly record: SessionRecord
  readonly token: Token
  readonly hash: string
  /** The current secret, to be handed to who came with the one before it. */
  readonly next?: string | undefined
  /** Whether it has just arrived from the predecessor, whose cookie the token was read from. */
  readonly arrives?: boolean
}

export interface Carrier {
  /** Whether the request brought a cookie of ours, whatever it is worth: something to take away. */
  readonly presented: boolean
  /** The sessions that the request's cookies open, each once. What opens nothing is an event. */
  open(): Awaitable<Opened[]>
  /** Gives the `Set-Cookie` lines that hand a session out; `maxAge` in seconds. */
  handOut(token: Token, record: SessionRecord, maxAge: number | undefined): Awaitable<string[]>
  /** Gives the `Set-Cookie` lines that take it away. */
  takeAway(): string[]
  /** Ends the predecessor's sessions that came along: who signs out is not to be signed in again by another cookie. */
  endOthers?(): Promise<void>
}

/** Carries a token: the data lie in the store. */
export class TokenCarrier implements Carrier {
  readonly #shell: Shell
  readonly #shape: CookieShape
  readonly #values: string[]
  readonly #input: OpenInput
  readonly #openedAt: number

  constructor(shell: Shell, shape: CookieShape, input: OpenInput, openedAt: number) {
    this.#shell = shell
    this.#shape = shape
    this.#values = input.cookie ? parseCookies(input.cookie, shape.name) : []
    this.#input = input
    this.#openedAt = openedAt
  }

  get presented(): boolean {
    return this.#values.length > 0 || this.#presentsOld
  }

  /** With a session of our own open, nobody asks what the predecessor has. */
  open(): Awaitable<Opened[]> {
    const opened = this.#openOwn()
    if (!this.#presentsOld) return opened
    const orOld = (own: Opened[]): Awaitable<Opened[]> => (own.length > 0 ? own : this.#openOld())
    return isPromise(opened) ? opened.then(orOld) : orOld(opened)
  }

  handOut(token: Token, _: SessionRecord, maxAge: number | undefined): string[] {
    return [formatCookie(this.#shape, formatToken(token), maxAge), ...this.#takeOldAway()]
  }

  takeAway(): string[] {
    return [formatClearing(this.#shape), ...this.#takeOldAway()]
  }

  async endOthers(): Promise<void> {
    if (!this.#presentsOld) return
    for (const { id } of this.#claims().claims) await this.#shell.keeper.retire(id)
  }

  #openOwn(): Awaitable<Opened[]> {
    const tokens = this.#values.map(parseToken).filter((token) => token !== undefined)
    if (tokens.length > MAX_CANDIDATES) tokens.length = MAX_CANDIDATES
    const records = tokens.map((token) => this.#shell.keeper.load(token.id, this.#input.signal))
    if (!records.some(isPromise)) return this.#judge(tokens, records as (SessionRecord | undefined)[])
    return Promise.all(records.map(async (record) => record)).then((found) => this.#judge(tokens, found))
  }

  /** Opens what the old cookies lead to, each of them judged by the token that it is. */
  async #openOld(): Promise<Opened[]> {
    const { claims, forged } = this.#claims()
    for (let at = 0; at < forged; at++) this.#shell.events.emit('bad-token', { reason: 'predecessor' })
    const labels = new RequestLabels(this.#input)
    const candidates = claims.slice(0, MAX_CANDIDATES)
    const arrivals = await Promise.all(candidates.map((claim) => findArrival(this.#shell, claim, labels)))
    const opened = await this.#judge(
      arrivals.map(({ token }) => token),
      arrivals.map(({ record }) => record),
    )
    for (const { record, hash } of opened) {
      // Ours already. What it came from is there still if a request came to grief before it had ended that.
      if (record.metadata.hash !== hash && record.metadata.origin)
        await this.#shell.keeper.retire(record.metadata.origin.id)
    }
    return opened.map((one) => (one.record.metadata.hash === one.hash ? { ...one, arrives: true } : one))
  }

  get #presentsOld(): boolean {
    const { from } = this.#shell.config
    return (
      from !== undefined && this.#input.cookie !== null && parseCookies(this.#input.cookie, from.cookieName).length > 0
    )
  }

  #claims(): Claims {
    return this.#shell.config.from!.read(this.#input.cookie!)
  }

  #takeOldAway(): string[] {
    return this.#presentsOld ? [this.#shell.config.from!.takeAway(this.#input.secure)] : []
  }

  #judge(tokens: Token[], records: (SessionRecord | undefined)[]): Awaitable<Opened[]> {
    const opened: Opened[] = []
    const endings: Promise<void>[] = []
    for (const [at, token] of tokens.entries()) {
      const record = records[at]
      if (!record) continue
      const hash = this.#shell.hash(token.secret)
      const verdict = judge(record, token, hash, this.#openedAt, this.#shell.config.limits)
      if (!verdict.opens) endings.push(...this.#refuse(record, verdict.because))
      else {
        const other = opened.findIndex((each) => each.record.id === record.id)
        // Of a session's current token and the one before it, the current one.
        if (other === -1 || verdict.opens === 'current') {
          opened[other === -1 ? opened.length : other] = { record, token, hash, next: verdict.next }
        }
      }
    }
    return endings.length === 0 ? opened : Promise.all(endings).then(() => opened)
  }

  #refuse(record: SessionRecord, because: 'expired' | 'bad-token' | 'token-reuse'): Promise<void>[] {
    const { config, events, queue, keeper } = this.#shell
    const { id, principal } = record
    // A stranger who knows a selector is told nothing and does nothing; nor is it said whose session it is.
    events.emit(because, { id, ...(because !== 'bad-token' && principal !== null && { principal }) })
    if (because !== 'token-reuse' || config.onTokenReuse !== 'destroy') return []
    const removal = queue.run(id, () => keeper.end(record))
    // A failure is the keeper's event; the request goes on as anonymous either way.
    return [removal.then(() => events.emit('destroyed', { id, reason: because })).catch(() => undefined)]
  }
}
