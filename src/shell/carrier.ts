/**
 * The carrier: how a session travels in cookies. Usually as a token; {@link file://./sealed.ts} carries the data.
 *
 * @module
 */
import { formatClearing, formatCookie, MAX_CANDIDATES, parseCookies, type CookieShape } from '../core/cookie.ts'
import { judge } from '../core/judge.ts'
import type { SessionRecord } from '../core/record.ts'
import type { Awaitable } from '../core/store.ts'
import { formatToken, parseToken, type Token } from '../core/token.ts'
import { isPromise } from './calls.ts'
import type { OpenInput } from './visit.ts'
import type { Shell } from './shell.ts'

/** A session that a request's cookies open. */
export interface Opened {
  readonly record: SessionRecord
  readonly token: Token
  readonly hash: string
  /** The current secret, to be handed to who came with the one before it. */
  readonly next?: string
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
}

/** Carries a token: the data lie in the store. */
export class TokenCarrier implements Carrier {
  readonly #shell: Shell
  readonly #shape: CookieShape
  readonly #values: string[]
  readonly #signal: AbortSignal | undefined
  readonly #openedAt: number

  constructor(shell: Shell, shape: CookieShape, input: OpenInput, openedAt: number) {
    this.#shell = shell
    this.#shape = shape
    this.#values = input.cookie ? parseCookies(input.cookie, shape.name) : []
    this.#signal = input.signal
    this.#openedAt = openedAt
  }

  get presented(): boolean {
    return this.#values.length > 0
  }

  open(): Awaitable<Opened[]> {
    const tokens = this.#values.map(parseToken).filter((token) => token !== undefined)
    if (tokens.length === 0) return []
    const candidates = tokens.slice(0, MAX_CANDIDATES)
    const records = candidates.map((token) => this.#shell.keeper.load(token.id, this.#signal))
    if (!records.some(isPromise)) return this.#judge(candidates, records as (SessionRecord | undefined)[])
    return Promise.all(records.map(async (record) => record)).then((found) => this.#judge(candidates, found))
  }

  handOut(token: Token, _: SessionRecord, maxAge: number | undefined): string[] {
    return [formatCookie(this.#shape, formatToken(token), maxAge)]
  }

  takeAway(): string[] {
    return [formatClearing(this.#shape)]
  }

  #judge(tokens: Token[], records: (SessionRecord | undefined)[]): Awaitable<Opened[]> {
    const opened = new Map<string, Opened>()
    const endings: Promise<void>[] = []
    for (const [at, token] of tokens.entries()) {
      const record = records[at]
      if (!record) continue
      const hash = this.#shell.hash(token.secret)
      const verdict = judge(record, token, hash, this.#openedAt, this.#shell.config.limits)
      if (!verdict.opens) endings.push(...this.#refuse(record, verdict.because))
      // Of a session's current token and the one before it, the current one.
      else if (verdict.opens === 'current' || !opened.has(record.id)) {
        const { next } = verdict
        opened.set(record.id, { record, token, hash, ...(next !== undefined && { next }) })
      }
    }
    const found = [...opened.values()]
    return endings.length === 0 ? found : Promise.all(endings).then(() => found)
  }

  #refuse({ id, principal }: SessionRecord, because: 'expired' | 'bad-token' | 'token-reuse'): Promise<void>[] {
    const { config, events, queue, keeper } = this.#shell
    // A stranger who knows a selector is told nothing and does nothing; nor is it said whose session it is.
    events.emit(because, { id, ...(because !== 'bad-token' && principal !== null && { principal }) })
    if (because !== 'token-reuse' || config.onTokenReuse !== 'destroy') return []
    const removal = queue.run(id, () => keeper.remove(id, principal))
    // A failure is the keeper's event; the request goes on as anonymous either way.
    return [removal.then(() => events.emit('destroyed', { id, reason: because })).catch(() => undefined)]
  }
}
