/**
 * The session that a handler holds: the data as its own properties, the methods out of their way on the prototype.
 *
 * @module
 */
import type { Data } from './changes.ts'
import { UsageError } from './errors.ts'
import type { SessionLimits } from './session-limits.ts'

/** Augment to give every session of the project its type. */
export interface SessionData {}

/** What a handler holds: its data, every key of which may be missing, and the methods. */
export type Session<T extends object = SessionData> = Partial<T> & SessionMethods<T>

/** A node-style callback, for passport and its kin. */
export type Callback<R = void> = (error: unknown, result?: R) => void

/** What a handler can do beside assigning. Each method takes a node-style callback instead of giving a promise. */
export interface SessionMethods<T extends object = SessionData> {
  /** The public handle: the store's key, what `list` shows and `revoke` takes. Not secret; stays for life. */
  readonly id: string
  /** Whether the store does not know the session yet. */
  readonly isNew: boolean
  /** Changes whenever the token does. Bind what must not outlive the token to it, a form's token say. */
  readonly binding: string
  /** When it was created, ms since the epoch. */
  readonly createdAt: number
  /** When its principal signed in, ms since the epoch; null while it is nobody's. */
  readonly authenticatedAt: number | null
  /** When it will end without another request, ms since the epoch. */
  readonly expiresAt: number

  /**
   * Stores the changes now, rather than before the response leaves.
   * @throws ConflictError `ERR_SOJOURN_GONE` when the session has ended or its token was replaced meanwhile; StoreError
   */
  save(): Promise<void>
  save(callback: Callback): void
  /** Reads the session again, forgetting what was not saved. @throws ConflictError `ERR_SOJOURN_GONE` */
  reload(): Promise<void>
  reload(callback: Callback): void
  /** Ends the session, now. The request goes on with a new, empty one. @throws StoreError */
  destroy(): Promise<void>
  destroy(callback: Callback): void
  /**
   * Replaces the token at the next save or commit. Keeps the data, unless `keep` is false; with a callback it does
   * not, as express-session does not: the request goes on with an empty session object.
   *
   * `authenticated` says that whoever is signed in then has just proved who they are: a sign-in, which
   * `requireRecent` counts from. An emptied session begins as nobody's, so there it is true by default, and else
   * false.
   */
  regenerate(how?: { keep?: boolean; authenticated?: boolean }): Promise<void>
  regenerate(callback: Callback): void
  /**
   * Changes the stored data atomically. `fn` is synchronous, gets the latest data (with this request's own changes)
   * and may run again when somebody else was faster.
   * @throws ConflictError; StoreError; UsageError
   */
  update<R>(fn: (data: Partial<T>) => R): Promise<R>
  update<R>(fn: (data: Partial<T>) => R, callback: Callback<R>): void
  /** Moves the expiry forward at the commit, without waiting for it to lag. */
  touch(callback?: Callback): void
  /** Gives this session tighter limits than the configured ones ("remember me", unticked). Seconds. */
  limit(to: SessionLimits, callback?: Callback): void
}

/** What the shell does for a session object. */
export interface SessionPort {
  readonly id: string
  readonly isNew: boolean
  readonly binding: string
  readonly createdAt: number
  readonly authenticatedAt: number | null
  readonly expiresAt: number
  save(): Promise<void>
  reload(): Promise<void>
  destroy(): Promise<void>
  regenerate(how: { readonly keep: boolean; readonly authenticated: boolean }): void
  /** The manager's clock, ms since the epoch. */
  now(): number
  update<R>(fn: (data: Data) => R): Promise<R>
  touch(): void
  limit(to: SessionLimits): void
}

/** Makes a session object over its port. */
export function createSession<T extends object>(port: SessionPort, data: Data): Session<T> {
  const session = new SessionObject(port)
  assignData(session, data)
  return session as unknown as Session<T>
}

/** The port behind a session object; `undefined` for anything else. */
export function portOf(session: unknown): SessionPort | undefined {
  return SessionObject.portOf(session)
}

/** Puts data onto a session object. Keys that the API owns are inert: they are left out. */
export function assignData(session: object, data: Data): void {
  const target = session as Data
  for (const key in data) if (!RESERVED.has(key)) target[key] = data[key]
}

/** Replaces all data of a session object. */
export function replaceData(session: object, data: Data): void {
  for (const key of Object.keys(session)) if (!Object.hasOwn(data, key)) delete (session as Data)[key]
  assignData(session, data)
}

/** Refuses an object for a session's data as the assignment of its keys would be. @throws UsageError */
export function refuseReserved(data: object): void {
  for (const key of Object.keys(data)) if (RESERVED.has(key)) throw reservedKey(key)
}

/** Makes every write to a session an error: the store could not be read, and nothing can be stored. */
export function refuseWrites(session: object, error: Error): void {
  const refuse = (): never => {
    throw error
  }
  Object.setPrototypeOf(session, new Proxy(SessionObject.prototype, { set: refuse }))
  Object.preventExtensions(session)
}

// --- internal ---

class SessionObject {
  readonly #port: SessionPort

  constructor(port: SessionPort) {
    this.#port = port
  }

  static portOf(session: unknown): SessionPort | undefined {
    return typeof session === 'object' && session !== null && #port in session ? session.#port : undefined
  }
}

type Port = SessionPort
const facts = {
  id: (port: Port) => port.id,
  isNew: (port: Port) => port.isNew,
  binding: (port: Port) => port.binding,
  createdAt: (port: Port) => port.createdAt,
  authenticatedAt: (port: Port) => port.authenticatedAt,
  expiresAt: (port: Port) => port.expiresAt,
}

const methods = {
  save(this: SessionObject, callback?: Callback): Promise<void> | void {
    return answer(own(this).save(), callback)
  },
  reload(this: SessionObject, callback?: Callback): Promise<void> | void {
    return answer(own(this).reload(), callback)
  },
  destroy(this: SessionObject, callback?: Callback): Promise<void> | void {
    return answer(own(this).destroy(), callback)
  },
  regenerate(this: SessionObject, how?: { keep?: boolean; authenticated?: boolean } | Callback): Promise<void> | void {
    const callback = typeof how === 'function' ? how : undefined
    const { keep = true, authenticated = !keep } = typeof how === 'function' ? { keep: false } : (how ?? {})
    return answer(
      attempt(() => own(this).regenerate({ keep, authenticated })),
      callback,
    )
  },
  update(this: SessionObject, fn: (data: Data) => unknown, callback?: Callback<unknown>): Promise<unknown> | void {
    return answer(own(this).update(fn), callback)
  },
  touch(this: SessionObject, callback?: Callback): void {
    own(this).touch()
    if (callback) void answer(Promise.resolve(), callback)
  },
  limit(this: SessionObject, to: SessionLimits, callback?: Callback): void {
    own(this).limit(to)
    if (callback) void answer(Promise.resolve(), callback)
  },
}

const RESERVED: ReadonlySet<string> = new Set([
  ...Object.keys(facts),
  ...Object.keys(methods),
  'constructor',
  '__proto__',
])

// Accessors rather than plain methods: an assignment onto one of these names (`Object.assign(session, req.body)`) is
// an error that names the key, where it would otherwise shadow the method, or swap the prototype.
for (const key of RESERVED) {
  const fact = facts[key as keyof typeof facts] as ((port: Port) => unknown) | undefined
  const method = Object.hasOwn(methods, key) ? methods[key as keyof typeof methods] : undefined
  Object.defineProperty(SessionObject.prototype, key, {
    configurable: true,
    enumerable: false,
    get(this: object) {
      const port = SessionObject.portOf(this)
      if (fact && Object.hasOwn(facts, key)) return port && fact(port)
      if (method) return method
      return key === '__proto__' ? (Object.getPrototypeOf(this) as object) : SessionObject
    },
    set() {
      throw reservedKey(key)
    },
  })
}

function reservedKey(key: string): UsageError {
  return new UsageError(
    'ERR_SOJOURN_RESERVED_KEY',
    `"${key}" belongs to the session itself and cannot be a key of its data; choose another key`,
  )
}

function own(session: SessionObject): SessionPort {
  const port = SessionObject.portOf(session)
  if (!port)
    throw new TypeError('This method was called on something that is not a session; call it as session.method()')
  return port
}

async function attempt(fn: () => void): Promise<void> {
  fn()
}

/** Gives the promise, or turns it into a call of a node-style callback, outside of any promise's reach. */
function answer<R>(promise: Promise<R>, callback: Callback<R> | undefined): Promise<R> | void {
  if (typeof callback !== 'function') return promise
  const call = (error: unknown, result?: R): void => queueMicrotask(() => callback(error, result))
  promise.then((result) => call(null, result), call)
}
