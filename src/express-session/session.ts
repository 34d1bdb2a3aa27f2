/**
 * One request's session as handlers see it: the data as its own properties, the methods on its prototype.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { KEEPER } from '../adapters/_methods.ts'
import type { Cookie } from './cookie.ts'
import { type Hearing, HeardPromise } from './hearing.ts'
import { looseKeeper } from './loose-keeper.ts'
import type { Done, GeneratingStore } from './store-contract.ts'

/** A request as this middleware leaves it; what `store.load` makes up has only id and store. */
export interface SessionRequest extends IncomingMessage {
  session?: Session | null | undefined
  sessionID: string
  sessionStore: GeneratingStore
}

/** Who carries out what a session's methods ask for. */
export interface SessionKeeper {
  save(session: Session, hearing: Hearing): Promise<void>
  reload(session: Session): Promise<void>
  destroy(session: Session, hearing: Hearing): Promise<void>
  regenerate(session: Session, hearing: Hearing): Promise<void>
}

/**
 * Each method that asks the store for something takes a callback and gives a promise. A promise that nobody waits for
 * harms nobody: applications that were written for callbacks call these methods and go on.
 */
export class Session {
  declare readonly req: SessionRequest
  declare readonly id: string
  declare cookie: Cookie

  /** Takes the data, but for keys that a session has of itself. */
  constructor(request: SessionRequest, data?: object | null) {
    Object.defineProperty(this, 'req', { value: request })
    Object.defineProperty(this, 'id', { value: request.sessionID })
    if (typeof data !== 'object' || data === null) return
    // oxlint-disable-next-line guard-for-in -- inherited keys count too, as in express-session
    for (const key in data) if (!(key in this)) Reflect.set(this, key, Reflect.get(data, key))
  }

  /** Begins the session's lifetime anew. The middleware does so at the end of each request. */
  touch(): this {
    return this.resetMaxAge()
  }

  resetMaxAge(): this {
    this.cookie.maxAge = this.cookie.originalMaxAge
    return this
  }

  /** Stores the session now, rather than at the end of the request. */
  save(done?: Done): Promise<void> {
    return telling(done, (hearing) => keeperOf(this).save(this, hearing))
  }

  /** Loads the session anew into `req.session`, which is another object then. */
  reload(done?: Done): Promise<void> {
    return telling(done, () => keeperOf(this).reload(this))
  }

  /** Ends the session; `req.session` is gone at once. */
  destroy(done?: Done): Promise<void> {
    return telling(done, (hearing) => keeperOf(this).destroy(this, hearing))
  }

  /** Ends the session and begins an empty one with a new id, as `req.session`. */
  regenerate(done?: Done): Promise<void> {
    return telling(done, (hearing) => keeperOf(this).regenerate(this, hearing))
  }
}

const { save } = Session.prototype

/** Whether somebody has put another `save` before ours, on the session or on the prototype of all. */
export function hasOtherSave(session: Session): boolean {
  return typeof session.save === 'function' && session.save !== save
}

// --- internal ---

function keeperOf({ req }: Session): SessionKeeper {
  return (req as { [KEEPER]?: { sessionKeeper?: SessionKeeper } })[KEEPER]?.sessionKeeper ?? looseKeeper
}

function telling(done: Done | undefined, begin: (hearing: Hearing) => Promise<void>): Promise<void> {
  // Applications pass on what they were given: null too is nobody to tell.
  const isHeard = typeof done === 'function'
  const hearing: Hearing = { isHeard }
  const work = begin(hearing)
  // What a callback throws is nobody's rejection: it is thrown where it would have been without a promise.
  const tell = (...failure: unknown[]): void => {
    if (isHeard) queueMicrotask(() => done(...failure))
  }
  work.then(
    () => tell(),
    (error: unknown) => tell(error),
  )
  return HeardPromise.of(work, hearing)
}
