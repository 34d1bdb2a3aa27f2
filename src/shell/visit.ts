/**
 * The visit: one request's way, from its cookie to its response.
 *
 * @module
 */
import { UsageError } from '../core/errors.ts'
import { decide, type Plan } from '../core/plan.ts'
import type { SessionRecord } from '../core/record.ts'
import { refuseReserved, refuseWrites, replaceData } from '../core/session.ts'
import type { Awaitable } from '../core/store.ts'
import type { Token } from '../core/token.ts'
import { isPromise } from './calls.ts'
import { type Carrier, type Opened, TokenCarrier } from './carrier.ts'
import { keepWithinLimit } from './crowd.ts'
import { Handle } from './handle.ts'
import { Head, type Headers } from './head.ts'
import { Keeper } from './keeper.ts'
import { type Labels, RequestLabels } from './labels.ts'
import { Queue } from './queue.ts'
import { SealedCarrier, Slot } from './sealed.ts'
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
  headers: Headers
  /** A touch that the response does not wait for; await it where the process may freeze after the response. */
  later?: Promise<void>
}

/** Why a sign-in that was stored does not stand. */
export type Objection = 'revoked' | 'evicted'

export class Visit {
  readonly #shell: Shell
  readonly #input: OpenInput
  readonly #carrier: Carrier
  #handle: Handle | undefined
  readonly #head: Head
  #nullified = false
  /** Sessions that this request has ended and whose removal is not yet known to be done. */
  #doomed: readonly Handle[] = []
  /** What the handler began and perhaps did not await. */
  #pending: readonly Promise<unknown>[] = []
  /** Other valid sessions whose tokens came with this request. */
  #rivals: SessionRecord[] = []
  #degradedBy: Error | undefined

  /** When the request was opened, ms since the epoch. */
  readonly openedAt: number
  /** Whether this request counts as activity. */
  touches = true
  /** Whether its touch is under way or made. */
  touched = false
  /** Whether the response's head has left; adapters know. */
  headersSent: () => boolean = () => false

  constructor(shell: Shell, input: OpenInput) {
    const { config, sealed } = shell
    this.#input = input
    this.openedAt = shell.clock()
    const shape = (config.secure === 'auto' ? input.secure : config.secure) ? config.shapes.secure : config.shapes.plain
    if (sealed) {
      const slot = new Slot(sealed, shell.random)
      this.#shell = { ...shell, keeper: new Keeper(slot, shell.calls, shell.events), queue: new Queue() }
      this.#carrier = new SealedCarrier(shell, sealed, slot, shape, input, this.openedAt)
    } else {
      this.#shell = shell
      this.#carrier = new TokenCarrier(shell, shape, input, this.openedAt)
    }
    this.#head = new Head(shell, this.#carrier, input.secure)
  }

  // --- open ---

  /** Looks the cookie's session up. Answers at once when the store does, or when there is nothing to look up. */
  open(): Awaitable<this> {
    try {
      const opened = this.#carrier.open()
      if (!isPromise(opened)) return this.#settle(opened)
      return opened.then(
        (found) => this.#settle(found),
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
    if (this.#handle.looked || this.#head.isDue) return false
    return decide(this.#handle.situation(this.#handle.encode())) === 'nothing'
  }

  /** `req.session = …`: null ends the session at the commit, an object replaces its data. */
  replace(value: unknown): void {
    this.assertReadable()
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
    refuseReserved(value)
    this.#nullified = false
    if (value !== this.look()) replaceData(this.look()!, value as Record<string, unknown>)
  }

  // --- what handles ask of their visit ---

  /** A session that could not be read is not to be ended or replaced either. @throws StoreError */
  assertReadable(): void {
    if (this.#degradedBy) throw this.#degradedBy
  }

  get labels(): Labels {
    return new RequestLabels(this.#input)
  }

  /** The secret that the response is to carry, if it is already decided. */
  get pendingSecret(): string | undefined {
    return this.#head.pendingSecret
  }

  /** The response is to carry this token; the cookie's age counts from `at`. */
  handOut(token: Token, record: SessionRecord, at: number): void {
    // A save that was under way when its session was destroyed hands nothing out.
    for (const { record: doomed } of this.#doomed) if (doomed === record) return
    this.#head.handOut(token, record, at)
  }

  /** The response is to carry no token: its session is not there. */
  withhold(): void {
    this.#head.withhold()
  }

  /** Keeps sight of what a handler began, so that the commit waits for it. */
  async track<R>(work: Promise<R>): Promise<R> {
    this.#pending = [...this.#pending, work]
    try {
      return await work
    } finally {
      this.#pending = this.#pending.filter((each) => each !== work)
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
   * What stands against a sign-in just stored, which is then ended: that everything of that principal was revoked while
   * it was under way, or that the principal has too many sessions.
   *
   * @param over what the sign-in was written over
   * @throws ConflictError when newcomers are refused; after any failure the sign-in is undone
   */
  async admit(record: SessionRecord, principal: string, over?: SessionRecord): Promise<Objection | undefined> {
    const { keeper } = this.#shell
    let objection: Objection | undefined
    try {
      objection = await this.#objectionTo(record, principal)
    } catch (error) {
      // Should that fail too, the store has been told of as failing, and the caller is about to be.
      await keeper.undo(record, over).catch(() => undefined)
      throw error
    }
    if (objection) await keeper.end(record)
    return objection
  }

  /** `removeAll` marks first and lists second, and this reads the mark after the write: one of the two sees the other. */
  async #objectionTo(record: SessionRecord, principal: string): Promise<Objection | undefined> {
    const { keeper } = this.#shell
    const revokedAt = await keeper.revokedAt(principal)
    if (revokedAt !== undefined && revokedAt >= this.openedAt) return 'revoked'
    for (const rival of this.#rivals) {
      await keeper.end(rival)
      this.#tellOfEnd(rival)
    }
    this.#rivals = []
    return (await keepWithinLimit(this.#shell, record, principal)) ? undefined : 'evicted'
  }

  // --- commit ---

  /**
   * Decides, and carries out. Answers at once when the store has nothing to do, or only to be touched.
   *
   * @throws what stands in the way of storing the change; the handle is then back at what was last stored
   */
  commit(headersSent = false): Awaitable<Committed> {
    if (this.#degradedBy) return this.#done('nothing', headersSent)
    if (this.#hasBegun) return this.#carryOut(headersSent)
    try {
      const encoded = this.handle.encode()
      const plan = decide(this.handle.situation(encoded))
      if (plan === 'nothing') return this.#done(plan, headersSent)
      if (plan === 'touch') return this.#touch(headersSent)
      return this.#carryOut(headersSent, encoded)
    } catch (error) {
      this.handle.rollBack()
      return Promise.reject(error)
    }
  }

  /** The headers of an error response for which nothing more can be stored: only what takes a cookie away. */
  lastHeaders(): Headers {
    return this.#head.composeLast(this.#looked)
  }

  async #carryOut(headersSent: boolean, encoded?: string): Promise<Committed> {
    try {
      if (this.#hasBegun) await this.#finishBegun()
      return await this.#done(await this.#persist(headersSent, encoded ?? this.handle.encode()), headersSent)
    } catch (error) {
      this.#doomed = []
      this.handle.rollBack()
      throw error
    }
  }

  /** The response does not wait for the store; but where the cookie is the store, it carries the new expiry. */
  #touch(headersSent: boolean): Awaitable<Committed> {
    const { sealed } = this.#shell
    if (sealed && headersSent) return this.#done('nothing', headersSent)
    const moved = this.handle.moveExpiry()
    // A response that is streamed is committed twice: at its head and at its end.
    this.touched = true
    if (sealed) return moved.then(() => this.#done('touch', headersSent))
    // A token may be due all the same: of an earlier save(), or for who came with the one before.
    const done = this.#done('touch', headersSent)
    return isPromise(done) ? done : { ...done, later: moved }
  }

  /** Whether the handler began what is not known to be done. */
  get #hasBegun(): boolean {
    return this.#pending.length > 0 || this.#doomed.length > 0
  }

  /** What the handler began is done first, and a removal that failed is tried once more. */
  async #finishBegun(): Promise<void> {
    await Promise.allSettled(this.#pending)
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

  #done(plan: Plan, headersSent: boolean): Awaitable<Committed> {
    const done = plan === 'nothing' && this.#head.discarded ? 'remove' : plan
    if (headersSent) return { plan: done, headers: [] }
    const headers = this.#head.compose(this.#looked)
    return isPromise(headers) ? headers.then((lines) => ({ plan: done, headers: lines })) : { plan: done, headers }
  }

  get #looked(): boolean {
    return this.#handle?.looked === true
  }

  // --- internal: opening ---

  /** Exactly one valid session is the request's. Of several none is: somebody may have planted one. */
  #settle(opened: Opened[]): this {
    const [only] = opened
    if (opened.length === 1 && only) {
      this.#handle = Handle.opened(this.#shell, this, only)
      const { next, record, token } = only
      if (next !== undefined) this.handOut({ id: token.id, secret: next }, record, this.openedAt)
    } else if (opened.length > 1) {
      this.#rivals = opened.map(({ record }) => record)
      this.#shell.events.emit('ambiguous-cookie', { reason: `${opened.length} valid sessions` })
    }
    return this
  }

  #degrade(error: unknown): this {
    if (this.#shell.config.onStoreFailure === 'error') throw error
    this.#degradedBy = error as Error
    return this
  }

  // --- internal: ending ---

  #discard(handle: Handle): void {
    this.succeed(handle, undefined)
    this.#head.discard()
    if (handle.record || this.#shell.queue.isBusy(handle.id)) this.#doomed = [...this.#doomed, handle]
  }

  /** Ends a session in the store, after whatever was still being written to it. */
  async #carryOff(handle: Handle): Promise<void> {
    if (!this.#doomed.includes(handle)) return
    await this.#shell.queue.run(handle.id, async () => {
      const { record } = handle
      if (!record || !this.#doomed.includes(handle)) return
      await this.#carrier.endOthers?.()
      await this.#shell.keeper.end(record)
      this.#tellOfEnd(record)
    })
    this.#doomed = this.#doomed.filter((each) => each !== handle)
  }

  #tellOfEnd({ id, principal }: SessionRecord): void {
    this.#shell.events.emit('destroyed', { id, ...(principal !== null && { principal }) })
  }
}
