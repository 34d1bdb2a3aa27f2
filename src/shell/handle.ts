/**
 * The handle: what a session object's facts and methods come to.
 *
 * @module
 */
import { changedKeys, type Data, merge, same } from '../core/changes.ts'
import { ConflictError, UsageError } from '../core/errors.ts'
import { isTouchDue, limitsOf, nextExpiry } from '../core/expiry.ts'
import { rotationStep, standing as standingOf } from '../core/judge.ts'
import type { Plan, Situation } from '../core/plan.ts'
import { normalisePrincipal } from '../core/principal.ts'
import type { SessionRecord } from '../core/record.ts'
import { assignData, createSession, replaceData, type SessionPort } from '../core/session.ts'
import { checkedLimits, type SessionLimits } from '../core/session-limits.ts'
import { bindingOf } from '../core/token.ts'
import type { Opened } from './carrier.ts'
import type { Shell } from './shell.ts'
import { Standing } from './standing.ts'
import type { Visit } from './visit.ts'
import { Writer } from './writer.ts'

export class Handle implements SessionPort {
  /** The request that it belongs to. */
  readonly visit: Visit
  readonly #shell: Shell
  readonly #standing: Standing
  #session: object | undefined
  #ended = false

  constructor(shell: Shell, visit: Visit, standing: Standing) {
    this.#shell = shell
    this.visit = visit
    this.#standing = standing
  }

  /** The handle of a session that a token opened. */
  static opened(shell: Shell, visit: Visit, { record, token, hash, arrives }: Opened): Handle {
    const standing = new Standing(shell)
    standing.on(record, token, hash)
    if (arrives) standing.arrive()
    else if (hash === record.metadata.hash) {
      standing.step = rotationStep(record.metadata, visit.openedAt, shell.config.rotateEveryMs)
    }
    return new Handle(shell, visit, standing)
  }

  // --- what a handler can read of its session ---

  get id(): string {
    return this.#standing.id
  }

  get isNew(): boolean {
    return this.#standing.record === undefined
  }

  /** Of the token that the browser will hold after this response. */
  get binding(): string {
    const secret = this.#willReplaceToken() ? this.#standing.nextSecret : this.visit.pendingSecret
    return bindingOf(secret === undefined ? this.#standing.hash : this.#shell.hash(secret))
  }

  /** Of the tokens whose forms still hold: the stored one, and the one before it that periodic rotation replaced. */
  get formBindings(): string[] {
    const { hash, previous } = this.#standing.record?.metadata ?? {}
    return [hash, previous?.hash].filter((each) => each !== undefined).map(bindingOf)
  }

  get createdAt(): number {
    return this.#standing.record?.metadata.createdAt ?? this.visit.openedAt
  }

  get authenticatedAt(): number | null {
    return this.#standing.record?.metadata.authenticatedAt ?? null
  }

  get expiresAt(): number {
    const { record, limits } = this.#standing
    const life = { startedAt: this.visit.openedAt, ...limits }
    return record?.expiresAt ?? nextExpiry(this.visit.openedAt, life, limitsOf(life, this.#shell.config.limits))
  }

  now(): number {
    this.#assertOpen()
    return this.#shell.clock()
  }

  // --- what a handler can do with its session ---

  async save(): Promise<void> {
    this.#assertOpen()
    this.visit.assertReadable()
    const plan = await this.visit.track(this.#persistNow())
    if (plan === 'dropped') throw gone(this.id)
  }

  async reload(): Promise<void> {
    this.#assertOpen()
    const { token, hash } = this.#standing
    const record = await this.#shell.keeper.load(this.id)
    if (!record || !token || !standingOf(record.metadata, hash, this.#shell.clock())) throw gone(this.id)
    this.#standing.clearRequests()
    this.#standing.on(record, token, hash)
    replaceData(this.look(), this.#decoded())
  }

  async destroy(): Promise<void> {
    this.#assertOpen()
    this.visit.assertReadable()
    await this.visit.destroy(this)
  }

  regenerate({ keep, authenticated }: { keep: boolean; authenticated: boolean }): void {
    this.#assertOpen()
    this.visit.assertReadable()
    const standing = keep ? this.#standing : this.#standing.emptied()
    standing.regenerates = true
    standing.authenticates = authenticated
    if (!keep) this.visit.succeed(this, this.#over(standing))
  }

  async update<R>(fn: (data: Data) => R): Promise<R> {
    this.#assertOpen()
    this.visit.assertReadable()
    const updated = await this.visit.track(this.#writer().update(fn, this.visit.headersSent()))
    if (updated === 'dropped') throw gone(this.id)
    return updated.result
  }

  touch(): void {
    this.#assertOpen()
    this.#standing.touched = true
  }

  limit(to: SessionLimits): void {
    this.#assertOpen()
    this.visit.assertReadable()
    this.#standing.limits = { ...this.#standing.limits, ...checkedLimits(to) }
  }

  // --- the session object ---

  /** The object that the handler gets; its data are decoded at the first look. */
  look(): object {
    return (this.#session ??= createSession(this, this.#decoded()))
  }

  get looked(): boolean {
    return this.#session !== undefined
  }

  /** The record that this handle stands on. */
  get record(): SessionRecord | undefined {
    return this.#standing.record
  }

  /** The data as they are now, encoded. Without a look at them, what is stored. @throws UsageError */
  encode(): string {
    return this.#session ? this.#shell.config.format.encode(this.#session) : this.#standing.text
  }

  /** Puts data into the handler's object. */
  assign(data: Data): void {
    replaceData(this.look(), data)
  }

  /** Brings what others stored into the handler's object, without undoing what it changed since it was encoded. */
  refresh(sent: string, stored: string): void {
    const session = this.#session as Data | undefined
    if (!session || sent === stored) return
    const { format } = this.#shell.config
    const before = format.decode(sent) ?? {}
    const after = format.decode(stored) ?? {}
    for (const key of changedKeys(before, after)) {
      const [base, mine, theirs] = [before, session, after].map((data) => only(key, data)) as [Data, Data, Data]
      const merged = merge(base, mine, theirs)
      if (Object.hasOwn(merged, key)) assignData(session, merged)
      else delete session[key]
    }
  }

  /** No further use of this object: it keeps its data for reading, its methods refuse. */
  end(): void {
    this.#ended = true
    if (this.#session) Object.freeze(this.#session)
  }

  /** Takes everything back to what was last stored: the commit failed, and the error handler sees the truth. */
  rollBack(): void {
    if (this.#session) replaceData(this.#session, this.#shell.config.format.decode(this.#standing.text) ?? {})
    this.#standing.clearRequests()
  }

  // --- the commit ---

  /** What there is to do, for the plan, with the data encoded as they are now. */
  situation(encoded: string): Situation {
    const { record, text, asks, step, touched } = this.#standing
    const { touches, touched: once } = this.visit
    return {
      stored: record !== undefined,
      changed: encoded !== text,
      asked: asks,
      rotating: step !== undefined,
      touchDue: record !== undefined && touches && !once && (touched || this.#lags(record)),
    }
  }

  /** Moves the stored expiry. The response does not wait, and a failure does not spoil it: it is an event. */
  async moveExpiry(): Promise<void> {
    const record = this.#standing.record!
    this.#standing.touched = false
    try {
      const expiresAt = this.#earnedExpiry(record)
      await this.#shell.keeper.touch(record, expiresAt)
      if (this.#shell.sealed) this.visit.handOut(this.#standing.token!, { ...record, expiresAt }, this.#shell.clock())
    } catch {
      // The keeper has told of it; the read that this request made was right all the same.
    }
  }

  /** Stores what differs, in this session's turn. */
  persist(headersSent: boolean, encoded: string = this.encode()): Promise<Plan> {
    return this.#writer().persist(headersSent, encoded)
  }

  // --- internal ---

  /** Encodes within the promise, so that what cannot be encoded rejects. */
  async #persistNow(): Promise<Plan> {
    return this.persist(this.visit.headersSent())
  }

  /** The same session under a new object, which is empty whether or not the handler looks at it. */
  #over(emptied: Standing): Handle {
    const successor = new Handle(this.#shell, this.visit, emptied)
    successor.#session = createSession(successor, {})
    return successor
  }

  #writer(): Writer {
    return new Writer(this.#shell, this, this.#standing)
  }

  #decoded(): Data {
    const { config, events } = this.#shell
    const { record } = this.#standing
    if (!record) return {}
    const loaded = config.format.load(this.#standing.text)
    if (!loaded) {
      events.emit('unreadable', { id: record.id, reason: 'data' })
      this.#standing.onNothing()
      return {}
    }
    this.#standing.text = loaded.text
    return loaded.data
  }

  #willReplaceToken(): boolean {
    const { record, regenerates, step, text } = this.#standing
    if (!record || regenerates || step === 'replace') return true
    const encoded = this.encode()
    if (encoded === text) return false
    const { principal, rotateOn, format } = this.#shell.config
    const data = format.readBack(encoded)
    if (normalisePrincipal(principal(data)) !== record.principal) return true
    return rotateOn !== undefined && !same(rotateOn(format.decode(text) ?? {}), rotateOn(data))
  }

  #lags(record: SessionRecord): boolean {
    return isTouchDue(
      record.expiresAt,
      this.#earnedExpiry(record),
      limitsOf(record.metadata, this.#shell.config.limits),
    )
  }

  #earnedExpiry(record: SessionRecord): number {
    const { clock, config } = this.#shell
    return nextExpiry(clock(), record.metadata, limitsOf(record.metadata, config.limits))
  }

  #assertOpen(): void {
    if (!this.#ended) return
    throw new UsageError(
      'ERR_SOJOURN_DESTROYED',
      "This session object has ended with destroy() or regenerate(); use the request's new one, req.session",
    )
  }
}

// --- internal ---

function only(key: string, data: Data): Data {
  return Object.hasOwn(data, key) ? { [key]: data[key] } : {}
}

function gone(id: string): ConflictError {
  return new ConflictError(
    'ERR_SOJOURN_GONE',
    `Session ${id} has ended or its token was replaced meanwhile, so the change was not stored; answer as to somebody signed out`,
  )
}
