/**
 * Express 5 and 4, Connect, and a bare `node:http` server: `app.use(session(sessions))`, and `req.session` is there.
 *
 * @module
 */
import { IncomingMessage, type ServerResponse } from 'node:http'
import { ConfigError } from '../core/errors.ts'
import type { Options } from '../core/options.ts'
import type { Session, SessionData } from '../core/session.ts'
import type { Awaitable } from '../core/store.ts'
import { createSessions, type Manager, type Sessions } from '../sessions.ts'
import { isPromise } from '../shell/calls.ts'
import type { OpenInput, Visit } from '../shell/visit.ts'
import { type Blank, blankOf, frameworkPrototype, type GateKeeper, type Headers, putGate } from './_gate.ts'
import { clientAddress, isSecure, type TrustFunction, trustFunction, type TrustProxy } from './_proxy.ts'

declare global {
  // oxlint-disable-next-line no-namespace -- Express's own way to be augmented
  namespace Express {
    interface Request {
      /** The session of this request's browser. Assign to it; it is stored before the response leaves. */
      session: Session
    }
  }
}

/** What the adapter itself can be told. */
export interface AdapterOptions {
  /** Whether a request counts as activity; give `false` for polling that must not keep a session alive. Default: all do. */
  touch?: (request: IncomingMessage) => boolean
  /** The proxies to believe, where there is no Express to ask for its "trust proxy". Default false: none. */
  trustProxy?: TrustProxy
}

/** A middleware as Express and Connect call it. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/**
 * Gives the middleware that attaches `req.session` and stores it before the response leaves.
 *
 * Takes a manager, the options to make one of, or nothing for the defaults. When the session cannot be stored nothing
 * of the handler's response leaves, and the error goes to the error handlers; a bare server whose callback takes no
 * error is answered for.
 *
 * @throws ConfigError when the options contradict each other
 * @example
 * ```ts
 * app.use(session(createSessions({ store: sqliteStore({ path: 'sessions.sqlite' }) })))
 * app.post('/session', async (req, res) => {
 *   req.session.user = await authenticate(req.body)
 *   res.redirect('/users') // leaves after the store has it
 * })
 * ```
 */
export function session<T extends object = SessionData>(
  sessions?: Sessions<T> | Options<T>,
  options: AdapterOptions = {},
): Middleware {
  const manager = managerOf(sessions)
  const { touch } = options
  const trusts = trustFunction(options.trustProxy ?? false)
  return (request, response, next) => {
    const there = requests.get(request)
    if (there) {
      // Mounted twice: one session a request.
      if (there.manager === manager) next()
      else next(takenTwice())
      return
    }
    let opened: Awaitable<Visit>
    try {
      opened = manager.visit(inputOf(request, trusts))
    } catch (error) {
      next(error)
      return
    }
    const enter = (visit: Visit): void => {
      if (touch && !touch(request)) visit.touches = false
      new Attachment(manager, visit, response, next).attach(request)
      next()
    }
    if (isPromise(opened)) opened.then(enter, next)
    else enter(opened)
  }
}

// --- internal ---

const requests = new WeakMap<object, Attachment>()

/** A request, its response, and the visit that the session belongs to. */
class Attachment implements GateKeeper {
  readonly manager: object
  readonly #visit: Visit
  readonly #response: ServerResponse
  readonly #next: (error?: unknown) => void
  readonly #blank: Blank
  #gated = false

  constructor(manager: object, visit: Visit, response: ServerResponse, next: (error?: unknown) => void) {
    this.manager = manager
    this.#visit = visit
    this.#response = response
    this.#next = next
    this.#blank = blankOf(response)
  }

  attach(request: IncomingMessage): void {
    requests.set(request, this)
    giveSession(request)
    if (!this.#visit.isIdle) this.#gate()
  }

  /** A request whose handler never looks pays for no gate. */
  look(): object | null {
    this.#gate()
    return this.#visit.look()
  }

  replace(value: unknown): void {
    this.#gate()
    this.#visit.replace(value)
  }

  commit(headersSent: boolean): Awaitable<Headers> {
    const committed = this.#visit.commit(headersSent)
    return isPromise(committed) ? committed.then(({ headers }) => headers) : committed.headers
  }

  fail(error: unknown): void {
    // A callback without a parameter has no way to hear of an error: it would answer as if there were none.
    if (this.#next.length > 0) this.#next(error)
    else answerError(this.#response, error)
  }

  cut(error: unknown): void {
    if (this.#next.length > 0) this.#next(error)
  }

  lastHeaders(): Headers {
    return this.#visit.lastHeaders()
  }

  #gate(): void {
    if (this.#gated) return
    this.#gated = true
    this.#visit.headersSent = () => this.#response.headersSent
    putGate(this.#response, this.#blank, this)
  }
}

/** `req.session`, laid once on the prototype that the framework put above Node's, or on a bare request itself. */
function giveSession(request: IncomingMessage): void {
  const holder = frameworkPrototype(request, IncomingMessage.prototype) ?? request
  if (Object.getOwnPropertyDescriptor(holder, 'session')?.get === sessionProperty.get) return
  Object.defineProperty(holder, 'session', sessionProperty)
}

const sessionProperty = {
  configurable: true,
  enumerable: true,
  get(this: object): object | null | undefined {
    return attachmentOf(this)?.look()
  },
  set(this: object, value: unknown): void {
    const attachment = attachmentOf(this)
    if (attachment) attachment.replace(value)
    // Somebody else's property of that name, on a request that is none of ours.
    else Object.defineProperty(this, 'session', { value, configurable: true, enumerable: true, writable: true })
  },
}

/** Also for an object that has the request for its prototype. */
function attachmentOf(request: object | null): Attachment | undefined {
  const own = request && requests.get(request)
  return own || request === null ? (own ?? undefined) : attachmentOf(Object.getPrototypeOf(request) as object | null)
}

function managerOf<T extends object>(given: Sessions<T> | Options<T> | undefined): Manager<T> {
  const manager = given && 'open' in given ? given : createSessions<T>(given)
  if (typeof (manager as Partial<Manager<T>>).visit === 'function') return manager as Manager<T>
  throw new ConfigError(
    'session() was given something that is no manager; give what createSessions() returned, its options, or nothing',
  )
}

/** Labels are read only at a sign-in: what they cost, other requests do not pay. */
function inputOf(request: IncomingMessage, ownTrust: TrustFunction): OpenInput {
  const trust = (): TrustFunction => expressTrust(request) ?? ownTrust
  return {
    cookie: request.headers.cookie ?? null,
    secure: isSecure(request, trust),
    get userAgent() {
      return request.headers['user-agent'] ?? ''
    },
    get address() {
      return clientAddress(request, trust()) ?? ''
    },
  }
}

function expressTrust(request: IncomingMessage): TrustFunction | undefined {
  const { app } = request as { app?: { get?: (name: string) => unknown } }
  return app?.get?.('trust proxy fn') as TrustFunction | undefined
}

function answerError(response: ServerResponse, error: unknown): void {
  const status = (error as { status?: number }).status ?? 500
  response.statusCode = status
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  response.end(status === 503 ? 'Service Unavailable\n' : status === 409 ? 'Conflict\n' : 'Internal Server Error\n')
}

function takenTwice(): ConfigError {
  return new ConfigError(
    'Two session managers are mounted on one request, and both want req.session; mount one, or mount them on different paths',
  )
}
