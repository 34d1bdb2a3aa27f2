/**
 * The handle: one session object's standing during a request. It knows what the object was opened with, what of it is
 * stored, and what its handler asked for; and it writes the difference.
 *
 * @module
 */
import { changedKeys, type Data, merge, same } from '../core/changes.ts'
import { type Change, firstRecord, nextRecord } from '../core/compose.ts'
import { ConflictError, UsageError } from '../core/errors.ts'
import { endOfLife, isTouchDue, limitsOf, nextExpiry } from '../core/expiry.ts'
import { rotationStep, standing } from '../core/judge.ts'
import { decide, type Plan, type Situation } from '../core/plan.ts'
import { normalisePrincipal } from '../core/principal.ts'
import type { SessionRecord } from '../core/record.ts'
import { assignData, createSession, replaceData, type SessionLimits, type SessionPort } from '../core/session.ts'
import { bindingOf, drawId, drawMark, drawSecret, sealSecret, type Token, unsealSecret } from '../core/token.ts'
import type { Swapped } from './keeper.ts'
import type { Turn } from './queue.ts'
import type { Shell } from './shell.ts'
import type { Visit } from './visit.ts'

/** What opened a session: a save by who holds a token that is no longer current is dropped. */
export interface Opened {
  readonly record: SessionRecord
  readonly token: Token
  readonly hash: string
}

export class Handle implements SessionPort {
  /** The request that it belongs to. */
  readonly visit: Visit
  readonly #shell: Shell
  #session: object | undefined
  #record: SessionRecord | undefined
  #token: Token | undefined
  #hash = ''
  /** The encoded data as they are stored, as far as this handle knows: what a change is told from. */
  #stored: string
  #freshId: string | undefined
  #nextSecret: string | undefined
  #step: 'replace' | 'confirm' | undefined
  #regenerates = false
  #limits: SessionLimits | undefined
  #touched = false
  /** Emptied by `regenerate`: nothing of what others stored is merged in. */
  #whole = false
  #ended = false

  constructor(shell: Shell, visit: Visit, opened?: Opened) {
    this.#shell = shell
    this.visit = visit
    this.#stored = shell.config.format.empty
    if (!opened) return
    this.#stand(opened.record, opened.token, opened.hash)
    if (standing(opened.record.metadata, opened.hash, visit.openedAt) === 'current') {
      this.#step = rotationStep(opened.record.metadata, visit.openedAt, shell.config.rotateEveryMs)
    }
  }

  // --- what a handler can read of its session ---

  get id(): string {
    return this.#record?.id ?? (this.#freshId ??= drawId(this.#shell.random))
  }

  get isNew(): boolean {
    return this.#record === undefined
  }

  /** Of the token that the browser will hold after this response. */
  get binding(): string {
    const pending = this.visit.pendingSecret ?? (this.#willReplaceToken() ? this.#drawnSecret() : undefined)
    return bindingOf(pending === undefined ? this.#hash : this.#shell.hash(pending))
  }

  get createdAt(): number {
    return this.#record?.metadata.createdAt ?? this.visit.openedAt
  }

  get authenticatedAt(): number | null {
    return this.#record?.metadata.authenticatedAt ?? null
  }

  get expiresAt(): number {
    const life = { startedAt: this.visit.openedAt, ...this.#limits }
    return this.#record?.expiresAt ?? nextExpiry(this.visit.openedAt, life, limitsOf(life, this.#shell.config.limits))
  }

  /** The record that this handle stands on. */
  get record(): SessionRecord | undefined {
    return this.#record
  }

  // --- the session object ---

  /** The object that the handler gets; its data are decoded at the first look. */
  look(): object {
    return (this.#session ??= createSession(this, this.#decoded()))
  }

  get looked(): boolean {
    return this.#session !== undefined
  }

  /** No further use of this object: it keeps its data for reading, its methods refuse. */
  end(): void {
    this.#ended = true
    if (this.#session) Object.freeze(this.#session)
  }

  /** Takes everything back to what was last stored: the commit failed, and the error handler sees the truth. */
  rollBack(): void {
    if (this.#session) replaceData(this.#session, this.#shell.config.format.decode(this.#stored) ?? {})
    this.#regenerates = this.#whole = this.#touched = false
    this.#limits = this.#step = this.#nextSecret = undefined
  }

  // --- what a handler can do with its session ---

  async save(): Promise<void> {
    this.#assertOpen()
    if ((await this.visit.track(this.persist(this.visit.headersSent()))) === 'dropped') throw gone(this.id)
  }

  async reload(): Promise<void> {
    this.#assertOpen()
    const record = await this.#shell.keeper.load(this.id)
    if (!record || !this.#token || !standing(record.metadata, this.#hash, this.#shell.clock())) throw gone(this.id)
    this.#stand(record, this.#token, this.#hash)
    replaceData(this.look(), this.#decoded())
  }

  async destroy(): Promise<void> {
    this.#assertOpen()
    await this.visit.destroy(this)
  }

  regenerate(keep: boolean): void {
    this.#assertOpen()
    if (keep) this.#regenerates = true
    else this.visit.succeed(this, this.#emptied())
  }

  async update<R>(fn: (data: Data) => R): Promise<R> {
    this.#assertOpen()
    return this.visit.track(this.#shell.queue.run(this.id, (turn) => this.#update(fn, turn)))
  }

  touch(): void {
    this.#assertOpen()
    this.#touched = true
  }

  limit(to: SessionLimits): void {
    this.#assertOpen()
    this.#limits = { ...this.#limits, ...checkedLimits(to) }
  }

  // --- the commit ---

  /** The encoded data as they are now. Without a look at them, what is stored. @throws UsageError */
  encode(): string {
    return this.#session ? this.#shell.config.format.encode(this.#session) : this.#stored
  }

  /** What there is to do, for the plan. */
  situation(text: string): Situation {
    const stored = this.#record !== undefined
    return {
      stored,
      changed: text !== this.#stored,
      asked: this.#regenerates || this.#limits !== undefined,
      rotating: this.#step !== undefined,
      touchDue: stored && this.visit.touches && (this.#touched || this.#lags()),
    }
  }

  /** Moves the stored expiry. The response does not wait, and a failure does not spoil it: it is an event. */
  async moveExpiry(): Promise<void> {
    const record = this.#record!
    this.#touched = false
    try {
      await this.#shell.keeper.touch(record, this.#earnedExpiry(record))
    } catch {
      // The keeper has told of it; the read that this request made was right all the same.
    }
  }

  /** Stores what differs, in this session's turn. */
  async persist(headersSent: boolean): Promise<Plan> {
    const { queue } = this.#shell
    // Alone in line: what is encoded for the decision is what is stored.
    return queue.run(this.id, async (turn) => {
      const text = this.encode()
      const situation = this.situation(text)
      const plan = decide(situation)
      if (plan === 'create') return this.#create(text, headersSent)
      return plan === 'save' ? this.#save(text, headersSent, turn) : 'nothing'
    })
  }

  // --- internal: writing ---

  async #create(text: string, headersSent: boolean): Promise<Plan> {
    const { config, keeper, events, random, clock, hash } = this.#shell
    if (headersSent) throw tooLateForCookie()
    const secret = this.#drawnSecret()
    const principal = this.#principalOf(config.format.readBack(text))
    const change = {
      mark: drawMark(random),
      text,
      principal,
      hash: hash(secret),
      limits: this.#limits,
      labels: this.visit.labels,
    }
    const record = await keeper.create(firstRecord(this.id, change, clock(), config.limits), () => drawId(random))
    if (principal !== null && !(await this.visit.admit(record))) return this.#dropped(text, 'revoked')
    this.#adopt(record, { id: record.id, secret })
    events.emit('created', { id: record.id, ...named(principal) })
    if (principal !== null) events.emit('signed-in', { id: record.id, principal })
    return 'create'
  }

  async #save(text: string, headersSent: boolean, turn: Turn): Promise<Plan> {
    const { config, keeper } = this.#shell
    const before = this.#record!
    const base = config.format.decode(this.#stored) ?? {}
    const mine = text === this.#stored ? base : config.format.readBack(text)
    const changed = text !== this.#stored && changedKeys(base, mine).length > 0
    const asked = this.#regenerates || this.#limits !== undefined
    if (!changed && !asked && !this.#step) return 'nothing'
    const moved = changed && this.#principalOf(mine) !== before.principal
    const write = this.#write(base, headersSent)
    const start = config.onConflict === 'merge' ? latest(turn.latest, before) : before
    const outcome = await keeper.swap(
      start,
      write.mark,
      (current) =>
        write.over(current, () => {
          if (!changed) return { data: undefined, text: current.text }
          if (current === before || this.#whole) return { data: mine, text }
          return this.#encoded(merge(base, mine, this.#decode(current), moved))
        }),
      config.onConflict === 'reject' ? 'reject' : 'retry',
    )
    if (typeof outcome === 'object') return this.#settle(outcome.record, write, text, turn)
    if (moved && before.principal === null) return this.#signInAnew(text, headersSent)
    return changed || asked ? this.#dropped(text, outcome) : 'nothing'
  }

  async #update<R>(fn: (data: Data) => R, turn: Turn): Promise<R> {
    const { config, keeper } = this.#shell
    let result!: R
    const apply = (data: Data): Data => {
      result = synchronous(fn(data))
      return data
    }
    if (!this.#record) {
      replaceData(this.look(), apply(config.format.readBack(this.encode())))
      if ((await this.#create(this.encode(), this.visit.headersSent())) === 'dropped') throw gone(this.id)
      return result
    }
    const base = config.format.decode(this.#stored) ?? {}
    const sent = this.encode()
    const write = this.#write(base, this.visit.headersSent())
    const start = turn.latest ?? (await keeper.load(this.id))
    const outcome: Swapped = start
      ? await keeper.swap(
          start,
          write.mark,
          (current) =>
            write.over(current, () => {
              const mine = config.format.readBack(sent)
              return this.#encoded(apply(this.#whole ? mine : merge(base, mine, this.#decode(current))))
            }),
          'retry',
        )
      : 'gone'
    if (typeof outcome === 'string') {
      this.#shell.events.emit('dropped-write', { id: this.id, reason: outcome })
      throw gone(this.id)
    }
    if ((await this.#settle(outcome.record, write, sent, turn)) === 'dropped') throw gone(this.id)
    return result
  }

  /** One write: its mark, and what it makes of the record that it finds. */
  #write(base: Data, headersSent: boolean): Write {
    const { config, clock, random } = this.#shell
    const write: Write = {
      mark: drawMark(random),
      over: (current, next) => {
        const now = clock()
        const stands = standing(current.metadata, this.#hash, now)
        if (!stands) return 'superseded'
        const { data, text } = next()
        const principal = data ? this.#principalOf(data) : current.principal
        const change: Change = { mark: write.mark, text, principal, limits: this.#limits, labels: this.visit.labels }
        const rotation =
          principal !== current.principal || this.#regenerates || (data !== undefined && this.#turns(base, data))
            ? this.#replacement(headersSent)
            : this.#periodic(current, stands, headersSent)
        write.token = rotation.token
        return nextRecord(current, { ...change, ...rotation }, now, config.limits)
      },
      token: undefined,
    }
    return write
  }

  #replacement(headersSent: boolean): Rotation {
    if (headersSent) throw tooLateForCookie()
    const token = { id: this.id, secret: this.#drawnSecret() }
    return { token, hash: this.#shell.hash(token.secret) }
  }

  /** Periodic rotation: the new token sealed for who holds the old one, until it has been seen. */
  #periodic(current: SessionRecord, stands: 'current' | 'previous', headersSent: boolean): Rotation {
    const { previous } = current.metadata
    const token = this.#token!
    if (stands === 'previous') {
      // Somebody else's response replaced it meanwhile: this one hands out the same new token.
      const secret = previous?.sealed === undefined ? undefined : unsealSecret(previous.sealed, token)
      return { token: secret === undefined ? undefined : { id: current.id, secret } }
    }
    if (this.#step === 'confirm' && previous && previous.confirmedAt === undefined) {
      return { token: undefined, previous: { hash: previous.hash, confirmedAt: this.#shell.clock() } }
    }
    if (this.#step !== 'replace' || headersSent) return { token: this.#resent() }
    const secret = this.#drawnSecret()
    const sealed = sealSecret(secret, token, this.#shell.random)
    return { token: { id: current.id, secret }, hash: this.#shell.hash(secret), previous: { hash: this.#hash, sealed } }
  }

  /** Limits of its own change the cookie's age: the same token is sent again. */
  #resent(): Token | undefined {
    return this.#limits ? this.#token : undefined
  }

  /** What follows a write that holds. */
  async #settle(record: SessionRecord, write: Write, sent: string, turn: Turn): Promise<Plan> {
    const before = this.#record!
    const signedIn = record.principal !== null && record.principal !== before.principal
    turn.latest = record
    if (signedIn && !(await this.visit.admit(record))) {
      turn.latest = undefined
      return this.#dropped(sent, 'revoked')
    }
    this.#adopt(record, write.token)
    if (record.metadata.hash !== before.metadata.hash)
      this.#shell.events.emit('rotated', { id: record.id, ...named(record.principal) })
    if (signedIn) this.#shell.events.emit('signed-in', { id: record.id, ...named(record.principal) })
    if (record.text !== sent) this.#refresh(sent, record.text)
    return 'save'
  }

  /** The session went away under a sign-in: it stands on its own, in a new session. */
  #signInAnew(text: string, headersSent: boolean): Promise<Plan> {
    this.#record = undefined
    this.#freshId = undefined
    this.#stored = this.#shell.config.format.empty
    return this.#create(text, headersSent)
  }

  #dropped(text: string, reason: string): Plan {
    this.#stored = text
    this.#shell.events.emit('dropped-write', { id: this.id, reason })
    return 'dropped'
  }

  // --- internal: state ---

  /** Stands on a record that this request's own write left; the token is the one to hand out, if it is a new one. */
  #adopt(record: SessionRecord, token: Token | undefined): void {
    this.#regenerates = this.#whole = this.#touched = false
    this.#step = this.#nextSecret = undefined
    this.#stand(record, token ?? this.#token!, token ? this.#shell.hash(token.secret) : this.#hash)
    if (token) this.visit.handOut(token, record)
    this.#limits = undefined
  }

  #stand(record: SessionRecord, token: Token, hash: string): void {
    this.#record = record
    this.#token = token
    this.#hash = hash
    this.#stored = record.text
  }

  /** Brings what others stored into the handler's object, without undoing what it changed since. */
  #refresh(sent: string, stored: string): void {
    const { format } = this.#shell.config
    const before = format.decode(sent) ?? {}
    const after = format.decode(stored) ?? {}
    const session = this.#session as Data | undefined
    if (!session) return
    for (const key of changedKeys(before, after)) {
      const merged = merge(
        { [key]: before[key] },
        { [key]: session[key] },
        Object.hasOwn(after, key) ? { [key]: after[key] } : {},
      )
      if (Object.hasOwn(merged, key) && merged[key] !== undefined) assignData(session, { [key]: merged[key] })
      else delete session[key]
    }
  }

  /** The successor after an emptying `regenerate`: the same session, a new object, a new token at the next write. */
  #emptied(): Handle {
    const successor = new Handle(this.#shell, this.visit)
    if (this.#record) successor.#stand(this.#record, this.#token!, this.#hash)
    successor.#stored = this.#stored
    successor.#freshId = this.#freshId
    successor.#limits = this.#limits
    successor.#regenerates = successor.#whole = true
    return successor
  }

  #decoded(): Data {
    if (!this.#record) return {}
    const { config, events } = this.#shell
    const data = config.format.decode(this.#stored)
    if (!data) {
      events.emit('unreadable', { id: this.#record.id, reason: 'data' })
      this.#record = this.#step = undefined
      this.#stored = config.format.empty
      return {}
    }
    if (config.reencode) this.#stored = config.format.encode(data)
    return data
  }

  #decode(record: SessionRecord): Data {
    return this.#shell.config.format.decode(record.text) ?? {}
  }

  #encoded(data: Data): { data: Data; text: string } {
    const { format } = this.#shell.config
    const text = format.encode(data)
    return { data: format.readBack(text), text }
  }

  #principalOf(data: Data): string | null {
    return normalisePrincipal(this.#shell.config.principal(data))
  }

  #turns(before: Data, after: Data): boolean {
    const { rotateOn } = this.#shell.config
    return rotateOn !== undefined && !same(rotateOn(before), rotateOn(after))
  }

  #willReplaceToken(): boolean {
    if (!this.#record || this.#regenerates || this.#step === 'replace') return true
    if (!this.#session) return false
    const data = this.#shell.config.format.readBack(this.encode())
    return this.#principalOf(data) !== this.#record.principal || this.#turns(this.#decode(this.#record), data)
  }

  #drawnSecret(): string {
    return (this.#nextSecret ??= drawSecret(this.#shell.random))
  }

  #lags(): boolean {
    const record = this.#record!
    const limits = limitsOf(record.metadata, this.#shell.config.limits)
    return isTouchDue(record.expiresAt, this.#earnedExpiry(record), limits)
  }

  #earnedExpiry(record: SessionRecord): number {
    return nextExpiry(this.#shell.clock(), record.metadata, limitsOf(record.metadata, this.#shell.config.limits))
  }

  #assertOpen(): void {
    if (!this.#ended) return
    throw new UsageError(
      'ERR_SOJOURN_DESTROYED',
      "This session object has ended with destroy() or regenerate(); use the request's new one, req.session",
    )
  }
}

/** The seconds that a cookie set at `now` may live: what remains of the session's life. */
export function remainingSeconds(record: SessionRecord, now: number, shell: Shell): number {
  const end = endOfLife(record.metadata, limitsOf(record.metadata, shell.config.limits))
  return Math.max(0, Math.floor((end - now) / 1000))
}

// --- internal ---

interface Write {
  readonly mark: string
  over(current: SessionRecord, next: () => { data: Data | undefined; text: string }): SessionRecord | 'superseded'
  /** The token to hand out, if the latest proposal has one. */
  token: Token | undefined
}

interface Rotation extends Pick<Change, 'hash' | 'previous'> {
  readonly token: Token | undefined
}

function latest(there: SessionRecord | undefined, mine: SessionRecord): SessionRecord {
  return there && there.version > mine.version ? there : mine
}

function named(principal: string | null): { principal?: string } {
  return principal === null ? {} : { principal }
}

function synchronous<R>(result: R): R {
  if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') return result
  throw new UsageError(
    'ERR_SOJOURN_UNSUPPORTED',
    'The function given to update() returned a promise; make it synchronous: it may run again, and await before or after',
  )
}

function checkedLimits(to: SessionLimits): SessionLimits {
  for (const key of ['idleTimeout', 'lifetime'] as const) {
    const seconds = to[key]
    if (seconds === undefined || (Number.isFinite(seconds) && seconds > 0)) continue
    throw new UsageError(
      'ERR_SOJOURN_UNSUPPORTED',
      `limit({ ${key} }) must be a number of seconds above 0, got ${String(seconds)}; give for example 3600`,
    )
  }
  const { idleTimeout, lifetime, persistent } = to
  return Object.fromEntries(
    Object.entries({ idleTimeout, lifetime, persistent }).filter(([, value]) => value !== undefined),
  )
}

function gone(id: string): ConflictError {
  return new ConflictError(
    'ERR_SOJOURN_GONE',
    `Session ${id} has ended or its token was replaced meanwhile, so the change was not stored; answer as to somebody signed out`,
  )
}

function tooLateForCookie(): UsageError {
  return new UsageError(
    'ERR_SOJOURN_HEADERS_SENT',
    "The change needs a cookie and the response's head has left, so nothing was stored; change the session before the first byte",
  )
}
