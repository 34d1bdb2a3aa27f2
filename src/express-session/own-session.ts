/**
 * The session that a request has: begun, made of a row, put in another's place by the handler, or gone.
 *
 * @module
 */
import type { KEEPER } from '../adapters/_methods.ts'
import { createSession, type Row } from './create-session.ts'
import type { Settings } from './options.ts'
import type { ForeignRequest } from './request.ts'
import { Session, type SessionRequest } from './session.ts'
import { Store } from './store.ts'

export type VisitedRequest = SessionRequest & ForeignRequest & { [KEEPER]?: object }

export class OwnSession {
  readonly request: VisitedRequest
  readonly #settings: Settings
  /** What was last given to the handler. */
  #given: Session | undefined

  constructor(request: VisitedRequest, settings: Settings) {
    this.request = request
    this.#settings = settings
  }

  /** What is there now, a session or what a handler has put in its place. */
  get current(): unknown {
    const { session, sessionID } = this.request
    return session && typeof sessionID === 'string' ? session : undefined
  }

  /** Whether the handler was given a session and has unset it. */
  get isUnset(): boolean {
    const { session, sessionID } = this.request
    // When its load has failed there is none that anybody could have unset.
    return (session === undefined || session === null) && Boolean(sessionID) && this.#given !== undefined
  }

  /** Begins a new one. */
  begin(): Session {
    return (this.#given = beginSession(this.request, this.#settings))
  }

  /** Makes one of a row, as the store does if it is one of ours. @throws TypeError for a row without a cookie */
  make(row: object): Session {
    const { store } = this.#settings
    const maker = store instanceof Store ? store : { createSession }
    return (this.#given = maker.createSession(this.request, row as Row))
  }

  /**
   * Takes what a handler assigned to `req.session`, when it is no session, for the session's new data.
   *
   * @throws TypeError for what is no data either
   */
  adopt(assigned: unknown): Session {
    if (typeof assigned !== 'object' || assigned === null || Array.isArray(assigned)) throw noData(assigned)
    if (assigned instanceof Session || typeof (assigned as Partial<Session>).touch === 'function')
      return assigned as Session
    const session = new Session(this.request, { ...assigned, cookie: this.#given?.cookie })
    this.request.session = session
    return session
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

function noData(assigned: unknown): TypeError {
  const kind = Array.isArray(assigned) ? 'list' : typeof assigned
  return new TypeError(
    `req.session was set to a ${kind}, which holds no data by name; assign an object, or null to unset it`,
  )
}
