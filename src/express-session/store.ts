/**
 * The base that stores are built on, in either way there is: `class extends Store`, or `Store.call(this)` and
 * `util.inherits`, which a class would refuse.
 *
 * @module
 */
import { EventEmitter } from 'node:events'
import { inherits } from 'node:util'
import { createSession, type Row } from './create-session.ts'
import type { Session, SessionRequest } from './session.ts'
import type { Done, GeneratingStore } from './store-contract.ts'

/** What the base gives a store, which itself has `get`, `set`, `destroy` and better `touch` too. */
export interface Store extends EventEmitter, GeneratingStore {
  on(event: string, listener: (...values: unknown[]) => void): this
  /** Ends the request's session and begins another. */
  regenerate(request: SessionRequest, done: Done): void
  /** Gives the session of an id, outside of any request. */
  load(id: string, loaded: (error?: unknown, session?: Session) => void): void
  /** Makes a stored row the request's session. */
  createSession(request: SessionRequest, row: Row): Session
}

export interface StoreConstructor {
  readonly prototype: Store
  new (): Store
  (this: Store): void
}

export const Store: StoreConstructor = function Store(this: Store): void {
  EventEmitter.call(this)
} as unknown as StoreConstructor

inherits(Store, EventEmitter)

Object.assign(Store.prototype, {
  regenerate(this: Store, request: SessionRequest, done: Done): void {
    this.destroy(request.sessionID, (error) => {
      this.generate!(request)
      done(error)
    })
  },

  load(this: Store, id: string, loaded: (error?: unknown, session?: Session) => void): void {
    this.get(id, (error, row) => {
      if (error) return loaded(error)
      if (!row) return loaded()
      const request = { sessionID: id, sessionStore: this } as unknown as SessionRequest
      loaded(null, this.createSession(request, row as Row))
    })
  },

  createSession,
})
