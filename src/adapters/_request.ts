/**
 * The type of `req.session`, which more than one library may want to give: the native adapter, the drop-in for
 * express-session, and `@types/express-session` if anything in the program brings that in.
 *
 * Each of ours enters itself in `Express.SessionTypes`, and `req.session` is inherited from here, since two interfaces
 * that declare one property differently are an error and one that overrides what it inherits is not. Where
 * `@types/express-session` is there too, its own declaration overrides ours, and `req.session` is what that says.
 *
 * @module
 */

declare global {
  // oxlint-disable-next-line no-namespace -- Express's own way to be augmented
  namespace Express {
    /** What `req.session` can be, by who puts it there. */
    interface SessionTypes {}
  }
}

/** What a request inherits. */
export interface RequestWithSession {
  /** The session of this request's browser. Assign to it; it is stored before the response leaves. */
  session: UnlessDeclared<All<Express.SessionTypes[keyof Express.SessionTypes]>>
}

/** On the type of our `req.sessionStore`, so that it can be told from that of `@types/express-session`. */
export declare const OURS: unique symbol

// --- internal ---

/** What each of them has: a program on its way from one to the other has both, on different paths. */
type All<Each> = (Each extends unknown ? (each: Each) => void : never) extends (all: infer Both) => void ? Both : never

type UnlessDeclared<Session> = Express.Request extends { sessionStore: infer Store }
  ? typeof OURS extends keyof Store
    ? Session
    : // oxlint-disable-next-line no-explicit-any -- the one type that any declaration may override
      any
  : Session
