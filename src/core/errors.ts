/**
 * Every error that Sojourn throws, in one table.
 *
 * Few classes, by who must act; one stable code each, to switch on. Hostile or stale input is never an error: it is
 * a value, and an event. No message ever contains a token or a secret.
 *
 * @module
 */

/** The stable codes. They never change their meaning. */
export type SojournErrorCode =
  | 'ERR_SOJOURN_CONFIG'
  | 'ERR_SOJOURN_STORE'
  | 'ERR_SOJOURN_STORE_TIMEOUT'
  | 'ERR_SOJOURN_CONFLICT'
  | 'ERR_SOJOURN_GONE'
  | 'ERR_SOJOURN_HEADERS_SENT'
  | 'ERR_SOJOURN_RESERVED_KEY'
  | 'ERR_SOJOURN_DESTROYED'
  | 'ERR_SOJOURN_TOO_LARGE'
  | 'ERR_SOJOURN_UNSUPPORTED'
  | 'ERR_SOJOURN_NOT_RECENT'
  | 'ERR_SOJOURN_CSRF'

/**
 * What all errors of Sojourn have in common.
 *
 * @example
 * ```ts
 * app.use((error, req, res, next) => {
 *   if (error instanceof SojournError) res.status(error.status).send('Please try again.')
 *   else next(error)
 * })
 * ```
 */
export class SojournError extends Error {
  /** Which error it is; never changes between releases. */
  readonly code: SojournErrorCode
  /** The HTTP status that fits; frameworks' error handlers read it. */
  readonly status: number
  /** The message is for the log and its remedy for the developer: frameworks that ask do not show it to visitors. */
  declare readonly expose: false

  constructor(code: SojournErrorCode, status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.status = status
  }

  static {
    // On the prototype, so that printing an error does not repeat them as properties.
    Object.defineProperty(this.prototype, 'name', { value: 'SojournError', configurable: true, writable: true })
    Object.defineProperty(this.prototype, 'expose', { value: false })
  }
}

/** The configuration is contradictory or weak. Thrown at start; the message ends with the remedy. Status 500. */
export class ConfigError extends SojournError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SOJOURN_CONFIG', 500, message, options)
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'ConfigError', configurable: true, writable: true })
  }
}

/** The store's backend failed, or did not answer in time; `cause` has the driver's error. Status 503. */
export class StoreError extends SojournError {
  constructor(message: string, options?: ErrorOptions & { timeout?: boolean }) {
    super(options?.timeout ? 'ERR_SOJOURN_STORE_TIMEOUT' : 'ERR_SOJOURN_STORE', 503, message, options)
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'StoreError', configurable: true, writable: true })
  }
}

/** Somebody else's change stands in the way: the session was changed too often, or ended meanwhile. Status 409. */
export class ConflictError extends SojournError {
  constructor(code: 'ERR_SOJOURN_CONFLICT' | 'ERR_SOJOURN_GONE', message: string, options?: ErrorOptions) {
    super(code, 409, message, options)
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'ConflictError', configurable: true, writable: true })
  }
}

/** The person has to sign in, or to prove anew who they are; no mistake of anybody's. Status 401. */
export class SignInError extends SojournError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SOJOURN_NOT_RECENT', 401, message, options)
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'SignInError', configurable: true, writable: true })
  }
}

/** The codes of mistakes in the application's own code. */
export type UsageErrorCode = Exclude<
  SojournErrorCode,
  | 'ERR_SOJOURN_CONFIG'
  | 'ERR_SOJOURN_STORE'
  | 'ERR_SOJOURN_STORE_TIMEOUT'
  | 'ERR_SOJOURN_CONFLICT'
  | 'ERR_SOJOURN_GONE'
  | 'ERR_SOJOURN_NOT_RECENT'
  | 'ERR_SOJOURN_CSRF'
>

/** The API was used in a way that cannot work; the message says what to do instead. Status 500. */
export class UsageError extends SojournError {
  constructor(code: UsageErrorCode, message: string, options?: ErrorOptions) {
    super(code, 500, message, options)
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'UsageError', configurable: true, writable: true })
  }
}

/**
 * Why a request was refused: its page is of another site (`cross-site`), of a neighbouring host (`same-site`) or of
 * another origin by its `Origin` header (`origin`); nothing tells, and it has no token (`unknown`); or it has a wrong
 * token, or none where one is required (`token`).
 */
export type CsrfReason = 'cross-site' | 'same-site' | 'origin' | 'unknown' | 'token'

/** A request that may be forged: another page than one of ours may have sent it. Status 403; nothing is wrong with us. */
export class CsrfError extends SojournError {
  readonly reason: CsrfReason

  constructor(reason: CsrfReason, message: string, options?: ErrorOptions) {
    super('ERR_SOJOURN_CSRF', 403, message, options)
    this.reason = reason
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'CsrfError', configurable: true, writable: true })
  }
}
