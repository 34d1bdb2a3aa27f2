/**
 * One request's visit to its session: opened before the handler, committed before the response leaves.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'
import { isResponse, tell } from '../adapters/_middleware.ts'
import { type GateKeeper, headersOf, putGate } from '../adapters/_gate.ts'
import type { Headers } from '../adapters/_headers.ts'
import { type Gated, KEEPER } from '../adapters/_methods.ts'
import { type Data, merge } from '../core/changes.ts'
import type { Awaitable } from '../core/store.ts'
import { isPromise } from '../shell/calls.ts'
import { type Attendance, Attendances } from './attendance.ts'
import { createSession, isRow, type Row } from './create-session.ts'
import { warnOnce } from './deprecations.ts'
import { splitEnd } from './early-head.ts'
import type { Caution, GuardedStore } from './guarded-store.ts'
import { imageOf, isImageOf, sameImage } from './image.ts'
import { Ledger, type Moment } from './ledger.ts'
import { failedToLoad } from './loose-keeper.ts'
import type { Settings } from './options.ts'
import { type ForeignRequest, isSecure, readId } from './request.ts'
import { Session, type SessionKeeper, type SessionRequest } from './session.ts'
import { setCookie } from './set-cookie.ts'
import { type Secret, sign } from './signature.ts'
import { Store } from './store.ts'

export type Next = (error?: unknown) => void
export type VisitedRequest = SessionRequest & ForeignRequest & { [KEEPER]?: object }

export class Visit implements GateKeeper, SessionKeeper {
  gate: Gated | undefined
  readonly #settings: Settings
  readonly #store: GuardedStore
  readonly #request: VisitedRequest
  readonly #response: ServerResponse
  readonly #next: Next
  readonly #secrets: readonly Secret[]
  readonly #ledger: Ledger
  /** What the session held when it was read, or when this request last wrote it: others' changes are told from it. */
  #base: Data | undefined
  /** The session that was last given to the handler. */
  #given: Session | undefined
  /** Who else is at sessions of this store: nobody, for a request that has no end to leave them at. */
  readonly #others: Attendances
  /** What is known of the sessions of this request, by id; and how many of the writes this request has seen. */
  readonly #attendances = new Map<string, Attendance>()
  #writesSeen = 0
  /** What this request has destroyed. */
  readonly #ended = new Set<string>()
  /** What the handler asked for and has not been answered yet. */
  readonly #underWay = new Set<Promise<unknown>>()
  #isTouched = false
  /** Whether a commit has written or touched already. */
  #isKept = false
  #sendsCookie = false
  /** Whether the end of the response has come, which strictCompat waits for. */
  #isEnding = false
  #hasFailed = false

  constructor(
    settings: Settings,
    store: GuardedStore,
    request: VisitedRequest,
    response: ServerResponse,
    next: Next,
    secrets: readonly Secret[],
  ) {
    this.#settings = settings
    this.#store = store
    this.#request = request
    this.#response = response
    this.#next = next
    this.#secrets = secrets
    this.#others = isResponse(response) ? store.attendances : new Attendances()
    this.#ledger = new Ledger(settings, readId(request, settings.name, secrets))
  }

  // --- before the handler ---

  open(): void {
    const request = this.#request
    const id = this.#ledger.cookieId
    request.sessionStore = this.#settings.store
    request.sessionID = id as string
    request[KEEPER] = this
    this.#hold()
    if (id === undefined) {
      this.#begin()
      return this.#next()
    }
    this.#attend(id, this.#others.join(id))
    this.#store.get(id, (error, row) => this.#enter(error, row))
  }

  #hold(): void {
    const response = this.#response
    if (!isResponse(response)) return
    putGate(response, headersOf(response), this)
    response.once('close', () => this.#leave())
    if (!this.#settings.strict) return
    splitEnd(response, {
      isDue: () => this.#isDue(),
      atEnd: () => (this.#isEnding = true),
    })
  }

  #enter(error: unknown, row: unknown): void {
    if (error) return this.#next(error)
    try {
      if (!row || !this.#resume(row)) this.#begin()
    } catch (failure) {
      return this.#next(failure)
    }
    this.#next()
  }

  #begin(): void {
    this.#settings.store.generate!(this.#request)
    this.#ledger.begin(momentOf(this.#request.session!))
  }

  /** Gives whether the row could be made a session. */
  #resume(row: object): boolean {
    const { store, strict } = this.#settings
    if (!strict && !isRow(row)) return warnOfRow()
    const create = store instanceof Store ? store.createSession.bind(store) : createSession
    const session = create(this.#request, row as Row)
    const now = momentOf(session)
    this.#given = session
    this.#base = now.image
    this.#ledger.resume(now)
    return true
  }

  /** Begins a new session as `req.session`. */
  generate(): void {
    this.#given = beginSession(this.#request, this.#settings)
    const { id } = this.#given
    // Nobody else can have changed it, even if one of that id has been.
    this.#base = undefined
    this.#attend(id, this.#others.begin(id))
  }

  // --- what the handler asks for ---

  save(session: Session, isHeard: boolean): Promise<void> {
    return this.#during(isHeard, async () => {
      await this.#set(session, momentOf(session), isHeard)
    })
  }

  async reload({ id }: Session): Promise<void> {
    const row = await this.#store.read(id)
    if (!row) throw failedToLoad()
    this.#given = createSession(this.#request, row as Row)
    this.#base = momentOf(this.#given).image
  }

  destroy({ id }: Session, isHeard: boolean): Promise<void> {
    delete this.#request.session
    return this.#during(isHeard, () => this.#destroy(id))
  }

  regenerate(_: Session, isHeard: boolean): Promise<void> {
    return this.#during(isHeard, async () => {
      try {
        await this.#destroy(this.#request.sessionID)
      } finally {
        // Without one no session can go on, whatever became of the old one.
        this.#settings.store.generate!(this.#request)
      }
    })
  }

  /** The response waits for what is under way, and fails with it if nobody else may hear of that. */
  #during(isHeard: boolean, work: () => Promise<void>): Promise<void> {
    const done = work()
    if (this.#settings.strict) return done
    const waited = isHeard ? done.catch(() => undefined) : done
    const leave = (): boolean => this.#underWay.delete(waited)
    this.#underWay.add(waited)
    waited.then(leave, leave)
    return done
  }

  // --- before the response ---

  commit(headersSent: boolean): Awaitable<Headers> {
    if (this.#hasFailed) return NONE
    try {
      const committed = this.#commit(headersSent)
      return isPromise(committed) ? committed.catch((error: unknown) => this.#failed(error)) : committed
    } catch (error) {
      return Promise.resolve().then(() => this.#failed(error))
    }
  }

  fail(error: unknown): void {
    tell(error, this.#response, this.#next)
  }

  cut(error: unknown): void {
    if (this.#next.length > 0) this.#next(error)
  }

  lastHeaders(): Headers {
    return NONE
  }

  #commit(headersSent: boolean): Awaitable<Headers> {
    if (this.#underWay.size > 0) return Promise.all(this.#underWay).then(() => this.#commit(headersSent))
    const request = this.#request
    const isEarly = this.#settings.strict && !this.#isEnding
    if (!isEarly && this.#mustDestroy()) return this.#destroyOwn().then(() => NONE)
    if (!request.session || typeof request.sessionID !== 'string') return NONE
    const session = this.#adopted(request.session)
    const now = momentOf(session, this.#base)
    if (headersSent && this.#response.destroyed && !this.#isWorthKeeping(now)) return NONE
    const headers = headersSent ? NONE : this.#headers(session, now)
    if (isEarly) return headers
    this.#touchOnce(session)
    if (this.#ledger.mustSave(now)) {
      this.#isKept = true
      return this.#saveOwn(session, now).then((isStored) => (isStored ? headers : NONE))
    }
    if (this.#isKept || !this.#ledger.mustTouch(now)) return headers
    this.#isKept = true
    return this.#touch(session, now).then(() => headers)
  }

  /** Whether the end of the response has to wait for the store. */
  #isDue(): boolean {
    const { session, sessionID } = this.#request
    if (!session || typeof sessionID !== 'string') return this.#mustDestroy()
    const now = momentOf(session, this.#base)
    return this.#ledger.mustSave(now) || (!this.#isKept && this.#ledger.mustTouch(now))
  }

  #mustDestroy(): boolean {
    const { session, sessionID } = this.#request
    if ((session !== undefined && session !== null) || !sessionID || !this.#settings.destroysUnset) return false
    // When its load has failed there is none to destroy.
    return this.#given !== undefined && (this.#settings.strict || !this.#ended.has(sessionID))
  }

  /** Whether anybody can come back to what a client that has gone left behind. */
  #isWorthKeeping(now: Moment): boolean {
    return this.#ledger.isModified(now) && (this.#sendsCookie || this.#ledger.cookieId === now.id)
  }

  #headers(session: Session, now: Moment): Headers {
    const { cookie } = session
    const { name, proxy, strict } = this.#settings
    const isLasting = cookie.expires !== undefined && cookie.expires !== null
    if (!this.#ledger.mustSendCookie(now, isLasting)) return NONE
    if (cookie.secure && !isSecure(this.#request, proxy)) return NONE
    this.#touchOnce(session)
    this.#sendsCookie = true
    try {
      return [['Set-Cookie', setCookie(name, `s:${sign(now.id, this.#secrets[0]!)}`, session.cookie.data)]]
    } catch (error) {
      if (!strict) throw error
      this.#tellLate(error)
      return NONE
    }
  }

  #touchOnce(session: Session): void {
    if (this.#isTouched) return
    this.#isTouched = true
    // Data may have taken the methods' names.
    const methods: unknown[] = [session.touch, session.resetMaxAge]
    if (methods.every((each) => typeof each === 'function')) session.touch()
    else session.cookie.maxAge = session.cookie.originalMaxAge
  }

  /** Takes what a handler assigned to `req.session`, when it is no session, for the session's new data. */
  #adopted(assigned: object): Session {
    if (assigned instanceof Session || typeof (assigned as Partial<Session>).touch === 'function')
      return assigned as Session
    const session = new Session(this.#request, { ...assigned, cookie: this.#given?.cookie })
    this.#request.session = session
    return session
  }

  #failed(error: unknown): never {
    this.#hasFailed = true
    throw error
  }

  /** Behind a response that is none the worse for it. */
  #tellLate(error: unknown): void {
    setImmediate(() => this.cut(error))
  }

  // --- the store ---

  /** Saves through the session's own `save`, if somebody has put one before ours. */
  async #saveOwn(session: Session, now: Moment): Promise<boolean> {
    try {
      if (!Object.hasOwn(session, 'save') || typeof session.save !== 'function') return await this.#set(session, now)
      await new Promise<void>((resolve, reject) => {
        void session.save((error) => (error ? reject(error) : resolve()))
      })
    } catch (error) {
      if (!this.#settings.strict) throw error
      this.#tellLate(error)
    }
    return true
  }

  async #set(session: Session, now: Moment, isHeard = false): Promise<boolean> {
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

  #touch(session: Session, now: Moment): Promise<unknown> {
    return this.#store
      .touch(now.id, session, this.#caution(session, now, false))
      .catch((error: unknown) => this.#tellLate(error))
  }

  #caution(session: Session, now: Moment, isSave: boolean): Caution | undefined {
    const attendance = this.#attendances.get(now.id)
    if (this.#settings.strict || !attendance) return undefined
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

  async #destroyOwn(): Promise<void> {
    try {
      await this.#destroy(this.#request.sessionID)
    } catch (error) {
      if (!this.#settings.strict) throw error
      this.#tellLate(error)
    }
  }

  async #destroy(id: string): Promise<void> {
    this.#ended.add(id)
    try {
      await this.#store.destroy(id)
    } catch (error) {
      this.#ended.delete(id)
      throw error
    }
  }

  #attend(id: string, attendance: Attendance): void {
    this.#writesSeen = attendance.writes
    this.#attendances.set(id, attendance)
  }

  #leave(): void {
    for (const [id, attendance] of this.#attendances) this.#others.leave(id, attendance)
  }
}

/** Begins a new session for a request, whether or not anything else is known of that. */
export function beginSession(request: VisitedRequest, settings: Settings): Session {
  request.sessionID = settings.generateId(request)
  const session = new Session(request)
  request.session = session
  session.cookie = settings.newCookie(request)
  return session
}

// --- internal ---

const NONE: Headers = []

/** @param known the image that it most likely still has */
function momentOf(session: Session, known?: Data): Moment {
  const isKnown = known !== undefined && isImageOf(known, session, 'cookie')
  return { id: session.id, image: isKnown ? known : imageOf(session, 'cookie') }
}

function warnOfRow(): false {
  warnOnce(
    'SOJOURN_UNREADABLE',
    'The session store gave a row that is no session, and the request went on without it; see what else writes into that store',
  )
  return false
}
