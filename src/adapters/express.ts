/**
 * Express 5 and 4, Connect, and a bare `node:http` server: `app.use(session(sessions))`, and `req.session` is there.
 *
 * @module
 */
import { IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import { ConfigError } from '../core/errors.ts'
import type { Options } from '../core/options.ts'
import type { Session, SessionData } from '../core/session.ts'
import type { Awaitable } from '../core/store.ts'
import type { Sessions } from '../sessions.ts'
import { isPromise } from '../shell/calls.ts'
import type { OpenInput, Visit } from '../shell/visit.ts'
import { claimCookie } from './_claims.ts'
import { type GateKeeper, headersOf, isTooLate, putGate } from './_gate.ts'
import type { Headers } from './_headers.ts'
import { frameworkPrototype, type Gated, gatePrototype, KEEPER, type Methods } from './_methods.ts'
import { isResponse, type Middleware, tell } from './_middleware.ts'
import type { RequestWithSession } from './_request.ts'
import { clientAddress, isSecure, type TrustFunction, trustOf } from './_proxy.ts'
import { type AdapterOptions, settingsOf } from './_settings.ts'

export type { Middleware } from './_middleware.ts'
export type { AdapterOptions } from './_settings.ts'

declare global {
  // oxlint-disable-next-line no-namespace -- Express's own way to be augmented
  namespace Express {
    interface SessionTypes {
      native: Session
    }
    interface Request extends RequestWithSession {}
  }
}

/**
 * Gives the middleware that attaches `req.session` and stores it before the response leaves.
 *
 * Takes a manager, the options to make one of, or nothing for the defaults; the adapter's own options beside a manager,
 * or among the others. When the session cannot be stored nothing
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
  sessions?: Sessions<T> | (Options<T> & AdapterOptions),
  options?: AdapterOptions,
): Middleware {
  const { manager, touch, trust } = settingsOf(sessions, options)
  let claimedIn: object | undefined
  return (request: Kept, response, next) => {
    const there = attachmentOf(request)
    if (there?.manager === manager) {
      // Mounted twice: one session a request. The second may be in an app of another copy of Express.
      there.attach(request)
      next()
      return
    }
    const enter = (visit: Visit): void => {
      visit.touches = touches
      new Attachment(manager, visit, response, next).attach(request)
      next()
    }
    const refuse = (error: unknown): void => tell(error, response, next)
    let touches: boolean
    let opened: Awaitable<Visit>
    try {
      if (request[KEEPER]) throw takenTwice()
      if (claimedIn === undefined || claimedIn !== (request as { app?: object }).app) {
        claimedIn = claimCookie(request, manager)
      }
      touches = touch?.(request) ?? true
      opened = manager.visit(new Input(request, trust))
    } catch (error) {
      refuse(error)
      return
    }
    if (isPromise(opened)) opened.then(enter, refuse)
    else enter(opened)
  }
}

// --- internal ---

/** Whoever keeps its response: an attachment of ours, or express-session's drop-in, whose `session` is its own property. */
type Kept = IncomingMessage & { [KEEPER]?: Attachment | GateKeeper }

function attachmentOf(request: Kept): Attachment | undefined {
  const keeper = request[KEEPER]
  return keeper instanceof Attachment ? keeper : undefined
}

/** A request, its response, and the visit that the session belongs to. */
class Attachment implements GateKeeper {
  readonly manager: object
  gate: Gated | undefined
  readonly #visit: Visit
  readonly #response: ServerResponse
  readonly #next: (error?: unknown) => void
  readonly #headers: OutgoingHttpHeaders | undefined
  #methods: Methods | undefined
  #gated = false

  constructor(manager: object, visit: Visit, response: ServerResponse, next: (error?: unknown) => void) {
    this.manager = manager
    this.#visit = visit
    this.#response = response
    this.#next = next
    this.#headers = isResponse(response) ? headersOf(response) : undefined
    visit.headersSent = () => !isResponse(response) || isTooLate(response)
  }

  attach(request: Kept): void {
    request[KEEPER] = this
    giveSession(request)
    if (!this.#headers) return
    this.#methods = gatePrototype(this.#response)
    // A first look may stand within a call, `response.end(session.views++)`, and finds the method that was there before.
    if (!this.#methods || !this.#visit.isIdle) this.#putGate()
  }

  /** A request whose handler never looks pays for no gate, where its prototype has gated methods. */
  look(): object | null {
    this.#putGate()
    return this.#visit.look()
  }

  replace(value: unknown): void {
    this.#putGate()
    this.#visit.replace(value)
  }

  commit(headersSent: boolean): Awaitable<Headers> {
    const committed = this.#visit.commit(headersSent)
    return isPromise(committed) ? committed.then(({ headers }) => headers) : committed.headers
  }

  fail(error: unknown): void {
    tell(error, this.#response, this.#next)
  }

  cut(error: unknown): void {
    if (this.#next.length > 0) this.#next(error)
  }

  lastHeaders(): Headers {
    return this.#visit.lastHeaders()
  }

  #putGate(): void {
    if (this.#gated || !this.#headers) return
    this.#gated = true
    putGate(this.#response, this.#headers, this, this.#methods)
  }
}

/** Lays `req.session` once on the prototype that the framework put above Node's, or on a bare request itself. */
function giveSession(request: IncomingMessage): void {
  // Another session library's property on this very request would hide ours.
  const shadowed = Object.hasOwn(request, 'session')
  const holder = (!shadowed && frameworkPrototype(request, IncomingMessage.prototype)) || request
  if (Object.getOwnPropertyDescriptor(holder, 'session')?.get === sessionProperty.get) return
  Object.defineProperty(holder, 'session', sessionProperty)
}

const sessionProperty = {
  configurable: true,
  enumerable: true,
  get(this: Kept): object | null | undefined {
    return attachmentOf(this)?.look()
  },
  set(this: Kept, value: unknown): void {
    const attachment = attachmentOf(this)
    if (attachment) attachment.replace(value)
    // Somebody else's property of that name, on a request that is none of ours.
    else Object.defineProperty(this, 'session', { value, configurable: true, enumerable: true, writable: true })
  },
}

/** What a visit may ask of a request. Getters of a class: those of an object literal are made anew each time. */
class Input implements OpenInput {
  readonly cookie: string | null
  readonly secure: boolean
  readonly #request: IncomingMessage
  readonly #trust: TrustFunction | undefined

  constructor(request: IncomingMessage, trust: TrustFunction | undefined) {
    this.#request = request
    this.#trust = trust
    this.cookie = request.headers.cookie ?? null
    this.secure = isSecure(request, () => this.#trusts)
  }

  // Labels are read only at a sign-in: what they cost, other requests do not pay.
  get userAgent(): string {
    return this.#request.headers['user-agent'] ?? ''
  }

  get address(): string {
    return clientAddress(this.#request, this.#trusts)
  }

  get #trusts(): TrustFunction {
    return trustOf(this.#request, this.#trust)
  }
}

function takenTwice(): ConfigError {
  return new ConfigError(
    'Two session managers are mounted on one request, and both want req.session; mount one, or mount them on different paths',
  )
}
