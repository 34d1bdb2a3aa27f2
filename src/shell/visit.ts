/**
 * The visit: one request's way, from its cookie to its response.
 *
 * @module
 */
import { formatClearing, formatCookie, MAX_CANDIDATES, parseCookies, type CookieShape } from '../core/cookie.ts'
import { UsageError } from '../core/errors.ts'
import { remainingSeconds } from '../core/expiry.ts'
import { judge, type Verdict } from '../core/judge.ts'
import { decide, type Plan } from '../core/plan.ts'
import type { SessionRecord } from '../core/record.ts'
import { refuseWrites, replaceData } from '../core/session.ts'
import type { Awaitable } from '../core/store.ts'
import { formatToken, parseToken, type Token } from '../core/token.ts'
import { isPromise } from './calls.ts'
import { Handle } from './handle.ts'
import type { Shell } from './shell.ts'
import { Standing } from './standing.ts'

/** What an adapter knows of a request. */
export interface OpenInput {
  /** The `Cookie` header, several lines joined with `; `; null when there is none. */
  cookie: string | null
  /** Whether the browser's connection is https. */
  secure: boolean
  /** Labels for the owner's list of sessions. */
  userAgent?: string
  address?: string
  /** Ends the lookup when the client has gone. Changes already made are still stored. */
  signal?: AbortSignal
}

/** What a commit came to: the plan that was carried out, and the headers for the response's head. */
export interface Committed {
  plan: Plan
  headers: [name: string, value: string][]
  /** A touch that the response does not wait for; await it where the process may freeze after the response. */
  later?: Promise<void>
}

const MAX_LABEL = 256

export class Visit {
  readonly #shell: Shell
  readonly #input: OpenInput
  readonly #shape: CookieShape
  readonly #presented: string[]
  #handle: Handle | undefined
  #handOut: { token: Token; record: SessionRecord; at: number } | undefined
  /** The handler ended a session: the browser's cookie goes, unless a new one takes its place. */
  #discarded = false
  #cleared = false
  #nullified = false
  /** Sessions that this request has ended and whose removal is not yet known to be done. */
  readonly #doomed = new Set<Handle>()
  /** What the handler began and perhaps did not await. */
  readonly #pending = new Set<Promise<unknown>>()
  /** Other valid sessions whose tokens came with this request. */
  #rivals: SessionRecord[] = []
  #degradedBy: Error | undefined

  /** When the request was opened, ms since the epoch. */
  readonly openedAt: number
  /** Whether this request counts as activity. */
  touches = true
  /** Whether the response's head has left; adapters know. */
  headersSent: () => boolean = () => false

  constructor(shell: Shell, input: OpenInput) {
    const { config } = shell
    this.#shell = shell
    this.#input = input
    this.openedAt = shell.clock()
    this.#shape = (config.secure === 'auto' ? input.secure : config.secure) ? config.shapes.secure : config.shapes.plain
    this.#presented = input.cookie ? parseCookies(input.cookie, this.#shape.name) : []
  }

  // --- open ---

  /** Looks the cookie's session up. Answers at once when the store does, or when there is nothing to look up. */
  open(): Awaitable<this> {
    const tokens = this.#presented.map(parseToken).filter((token) => token !== undefined)
    if (tokens.length === 0) return this
    try {
      const records = tokens
        .slice(0, MAX_CANDIDATES)
        .map((token) => this.#shell.keeper.load(token.id, this.#input.signal))
      if (!records.some(isPromise)) return this.#settle(tokens, records as (SessionRecord | undefined)[])
      return Promise.all(records.map(async (record) => record)).then(
        (found) => this.#settle(tokens, found),
        (error: unknown) => this.#degrade(error),
      )
    } catch (error) {
      return this.#degrade(error)
    }
  }

  // --- what the handler sees ---

  /** The handle of the session that the request goes on with: a new session's, until a token opened one. */
  get handle(): Handle {
    return (this.#handle ??= new Handle(this.#shell, this, new Standing(this.#shell)))
  }

  /** The session object; null after the handler assigned null. */
  look(): object | null {
    if (this.#nullified) return null
    if (this.#degradedBy && !this.handle.looked) refuseWrites(this.handle.look(), this.#degradedBy)
    return this.handle.look()
  }

  /** Whether anything may have to be done before the head: without that, the response need not be watched. */
  get isIdle(): boolean {
    if (!this.#handle) return true
    if (this.#handle.looked || this.#discarded || this.#handOut) return false
    return decide(this.#handle.situation(this.#handle.encode())) === 'nothing'
  }

  /** `req.session = …`: null ends the session at the commit, an object replaces its data. */
  replace(value: unknown): void {
    if (value === null || value === undefined) {
      this.#discard(this.handle)
      this.#nullified = true
      return
    }
    if (typeof value !== 'object')
      throw new UsageError(
        'ERR_SOJOURN_UNSUPPORTED',
        `A session is an object or null, not a ${typeof value}; assign to its properties instead`,
      )
    this.#nullified = false
    if (value !== this.look()) replaceData(this.look()!, value as Record<string, unknown>)
  }

  // --- what handles ask of their visit ---

  get labels(): { userAgent?: string; address?: string } {
    const { userAgent, address } = this.#input
    return {
      ...(userAgent && { userAgent: userAgent.slice(0, MAX_LABEL) }),
      ...(address && { address: address.slice(0, MAX_LABEL) }),
    }
  }

  /** The secret that the response is to carry, if it is already decided. */
  get pendingSecret(): string | undefined {
    return this.#handOut?.token.secret
  }

  /** The response is to carry this token; the cookie's age counts from `at`. */
  handOut(token: Token, record: SessionRecord, at: number): void {
    this.#handOut = { token, record, at }
  }

  /** Keeps sight of what a handler began, so that the commit waits for it. */
  async track<R>(work: Promise<R>): Promise<R> {
    this.#pending.add(work)
    try {
      return await work
    } finally {
      this.#pending.delete(work)
    }
  }

  async destroy(handle: Handle): Promise<void> {
    this.#discard(handle)
    await this.track(this.#carryOff(handle))
  }

  /** The request goes on with `successor`, or a new session, in the place of `handle`. */
  succeed(handle: Handle, successor: Handle | undefined): void {
    handle.end()
    this.#handle = successor
  }

  /**
   * Whether a sign-in just stored may stand: not when everything of that principal was revoked while it was under
   * way. `removeAll` marks first and lists second, and this reads the mark last: one of the two sees the other.
   */
  async admit(record: SessionRecord, principal: string): Promise<boolean> {
    const { keeper } = this.#shell
    const revokedAt = await keeper.revokedAt(principal)
    if (revokedAt !== undefined && revokedAt >= this.openedAt) {
      await keeper.remove(record.id, principal)
      return false
    }
    for (const rival of this.#rivals) await keeper.remove(rival.id, rival.principal)
    this.#rivals = []
    return true
  }

  // --- commit ---

  /**
   * Decides, and carries out. Answers at once when the store has nothing to do, or only to be touched.
   *
   * @throws what stands in the way of storing the change; the handle is then back at what was last stored
   */
  commit(headersSent = false): Awaitable<Committed> {
    if (this.#degradedBy) return { plan: 'nothing', headers: this.#headers(headersSent) }
    if (this.#pending.size > 0 || this.#doomed.size > 0) return this.#carryOut(headersSent)
    try {
      const encoded = this.handle.encode()
      const plan = decide(this.handle.situation(encoded))
      if (plan === 'nothing') return { plan: this.#discarded ? 'remove' : plan, headers: this.#headers(headersSent) }
      if (plan === 'touch') return { plan, headers: this.#headers(headersSent), later: this.handle.moveExpiry() }
      return this.#carryOut(headersSent, encoded)
    } catch (error) {
      this.handle.rollBack()
      return Promise.reject(error)
    }
  }

  /** The headers of an error response for which nothing more can be stored: only what takes a cookie away. */
  lastHeaders(): [string, string][] {
    this.#handOut = undefined
    return this.#headers(false)
  }

  async #carryOut(headersSent: boolean, encoded?: string): Promise<Committed> {
    try {
      await this.#finishBegun()
      const plan = await this.#persist(headersSent, encoded ?? this.handle.encode())
      return { plan: plan === 'nothing' && this.#discarded ? 'remove' : plan, headers: this.#headers(headersSent) }
    } catch (error) {
      this.#doomed.clear()
      this.handle.rollBack()
      throw error
    }
  }

  /** What the handler began is done first, and a removal that failed is tried once more. */
  async #finishBegun(): Promise<void> {
    if (this.#pending.size > 0) await Promise.allSettled(this.#pending)
    for (const handle of this.#doomed) await this.#carryOff(handle)
  }

  /** A step of periodic rotation alone spoils no response: the next request takes it. */
  async #persist(headersSent: boolean, encoded: string): Promise<Plan> {
    const { changed, asked } = this.handle.situation(encoded)
    try {
      return await this.handle.persist(headersSent, encoded)
    } catch (error) {
      if (changed || asked) throw error
      return 'nothing'
    }
  }

  #headers(headersSent: boolean): [string, string][] {
    if (headersSent) return []
    const cookie = this.#cookie()
    const headers: [string, string][] =
      cookie === undefined
        ? []
        : [
            ['Set-Cookie', cookie],
            ['Cache-Control', 'no-store'],
          ]
    if (this.#handle?.looked || this.#discarded) headers.push(['Vary', 'Cookie'])
    if (cookie !== undefined) this.#warnOfPlainHttp()
    return headers
  }

  #cookie(): string | undefined {
    const { config } = this.#shell
    const handOut = this.#handOut
    this.#handOut = undefined
    if (handOut) {
      const { token, record, at } = handOut
      const persistent = record.metadata.persistent ?? config.persistent
      return formatCookie(
        this.#shape,
        formatToken(token),
        persistent ? remainingSeconds(record, at, config.limits) : undefined,
      )
    }
    if (!this.#discarded || this.#cleared || this.#presented.length === 0) return undefined
    this.#cleared = true
    return formatClearing(this.#shape)
  }

  #warnOfPlainHttp(): void {
    if (this.#input.secure) return
    this.#shell.warnOnce(
      'SOJOURN_PLAIN_HTTP',
      'A session cookie went out over plain http, where anybody on the way can read it; serve https, or tell the framework of the proxy that does (Express: app.set("trust proxy", 1))',
    )
  }

  // --- internal: opening ---

  #settle(tokens: Token[], records: (SessionRecord | undefined)[]): this {
    const valid = new Map<string, { record: SessionRecord; token: Token; hash: string; verdict: Verdict }>()
    records.forEach((record, at) => {
      const token = tokens[at]!
      if (!record) return
      const hash = this.#shell.hash(token.secret)
      const verdict = judge(record, token, hash, this.openedAt, this.#shell.config.limits)
      if (!verdict.opens) this.#refuse(record, verdict.because)
      else if (verdict.opens === 'current' || !valid.has(token.id))
        valid.set(token.id, { record, token, hash, verdict })
    })
    const [only] = valid.values()
    if (valid.size === 1 && only) {
      this.#handle = Handle.opened(this.#shell, this, only)
      const { verdict, record, token } = only
      if (verdict.opens && verdict.next !== undefined)
        this.handOut({ id: token.id, secret: verdict.next }, record, this.openedAt)
    } else if (valid.size > 1) {
      this.#rivals = [...valid.values()].map(({ record }) => record)
      this.#shell.events.emit('ambiguous-cookie', { reason: `${valid.size} valid sessions` })
    }
    return this
  }

  #refuse({ id, principal }: SessionRecord, because: 'expired' | 'bad-token' | 'token-reuse'): void {
    const { config, events, keeper } = this.#shell
    events.emit(because, { id, ...(because !== 'bad-token' && principal !== null && { principal }) })
    if (because !== 'token-reuse' || config.onTokenReuse !== 'destroy') return
    const removal = this.#shell.queue.run(id, () => keeper.remove(id, principal))
    // A failure is the keeper's event; the request goes on as anonymous either way.
    this.#pending.add(removal)
    removal.then(() => events.emit('destroyed', { id, reason: 'token-reuse' })).catch(() => undefined)
    removal.finally(() => this.#pending.delete(removal)).catch(() => undefined)
  }

  #degrade(error: unknown): this {
    if (this.#shell.config.onStoreFailure === 'error') throw error
    this.#degradedBy = error as Error
    return this
  }

  // --- internal: ending ---

  #discard(handle: Handle): void {
    this.succeed(handle, undefined)
    this.#discarded = true
    this.#handOut = undefined
    if (handle.record || this.#shell.queue.isBusy(handle.id)) this.#doomed.add(handle)
  }

  /** Ends a session in the store, after whatever was still being written to it. */
  async #carryOff(handle: Handle): Promise<void> {
    if (!this.#doomed.has(handle)) return
    await this.#shell.queue.run(handle.id, async () => {
      const { record } = handle
      if (!record || !this.#doomed.has(handle)) return
      await this.#shell.keeper.remove(record.id, record.principal)
      this.#shell.events.emit('destroyed', {
        id: record.id,
        ...(record.principal !== null && { principal: record.principal }),
      })
    })
    this.#doomed.delete(handle)
  }
}
