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
import type { Awaitable } from '../core/store.ts'
import { isPromise } from '../shell/calls.ts'
import { Commit, NONE } from './commit.ts'
import { isRow } from './create-session.ts'
import { Dealings } from './dealings.ts'
import { warnOnce } from './deprecations.ts'
import { splitEnd } from './early-head.ts'
import type { GuardedStore } from './guarded-store.ts'
import { Ledger } from './ledger.ts'
import { type Moment, momentOf } from './moment.ts'
import type { Settings } from './options.ts'
import { OwnSession, type VisitedRequest } from './own-session.ts'
import { readId } from './request.ts'
import { RequestKeeper } from './request-keeper.ts'
import type { Session, SessionKeeper } from './session.ts'
import type { Secret } from './signature.ts'

export class Visit implements GateKeeper {
  gate: Gated | undefined
  readonly sessionKeeper: SessionKeeper
  readonly #settings: Settings
  readonly #response: ServerResponse
  readonly #next: (error?: unknown) => void
  readonly #ledger: Ledger
  readonly #own: OwnSession
  readonly #dealings: Dealings
  readonly #keeper: RequestKeeper
  readonly #commit: Commit
  #hasFailed = false

  constructor(
    settings: Settings,
    store: GuardedStore,
    request: VisitedRequest,
    response: ServerResponse,
    next: (error?: unknown) => void,
    secrets: readonly Secret[],
  ) {
    const ledger = new Ledger(settings, readId(request, settings.name, secrets))
    const own = new OwnSession(request, settings)
    const dealings = new Dealings(store, ledger, !settings.strict, isResponse(response))
    const tellLate = (error: unknown): void => void setImmediate(() => this.cut(error))
    this.#settings = settings
    this.#response = response
    this.#next = next
    this.#ledger = ledger
    this.#own = own
    this.#dealings = dealings
    this.sessionKeeper = this.#keeper = new RequestKeeper(settings, own, dealings)
    this.#commit = new Commit({ settings, secret: secrets[0]!, response, ledger, own, dealings, tellLate })
  }

  // --- before the handler ---

  open(): void {
    const { request } = this.#own
    const id = this.#ledger.cookieId
    request.sessionStore = this.#settings.store
    request.sessionID = id as string
    request[KEEPER] = this
    this.#hold()
    if (id !== undefined) return this.#dealings.load(id, (error, row) => this.#enter(error, row))
    this.#begin()
    this.#next()
  }

  #hold(): void {
    const response = this.#response
    if (!isResponse(response)) return
    putGate(response, headersOf(response), this)
    response.once('close', () => this.#dealings.leave())
    if (this.#settings.strict) splitEnd(response, this.#commit)
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
    const { request } = this.#own
    this.#settings.store.generate!(request)
    this.#ledger.begin(momentOf(request.session!))
  }

  /** Gives whether the row could be made a session. */
  #resume(row: object): boolean {
    if (!this.#settings.strict && !isRow(row)) return warnOfRow()
    const now = this.#momentOf(this.#own.make(row))
    if (!now) return warnOfRow()
    this.#dealings.resume(now)
    this.#ledger.resume(now)
    return true
  }

  /** Nothing for data that no moment can be told of, nested too deep, say: neither could it at the end of the request. */
  #momentOf(session: Session): Moment | undefined {
    try {
      return momentOf(session)
    } catch (error) {
      if (this.#settings.strict) throw error
      return undefined
    }
  }

  /** Begins a new session as `req.session`. */
  generate(): void {
    this.#dealings.begin(this.#own.begin().id)
  }

  // --- before the response ---

  commit(headersSent: boolean): Awaitable<Headers> {
    if (this.#hasFailed) return NONE
    try {
      const committed = this.#committed(headersSent)
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

  #committed(headersSent: boolean): Awaitable<Headers> {
    const { underWay } = this.#keeper
    if (underWay) return underWay.then(() => this.#committed(headersSent))
    if (!this.#settings.strict) this.#keeper.check()
    return this.#commit.make(headersSent)
  }

  #failed(error: unknown): never {
    this.#hasFailed = true
    throw error
  }
}

// --- internal ---

function warnOfRow(): false {
  warnOnce(
    'SOJOURN_UNREADABLE',
    'The session store gave a row that is no session, and the request went on without it; see what else writes into that store',
  )
  return false
}
