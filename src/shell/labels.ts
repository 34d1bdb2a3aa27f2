/**
 * Labels: what an owner can tell one of the own sessions from another by.
 *
 * @module
 */

export interface Labels {
  readonly userAgent?: string | undefined
  readonly address?: string | undefined
}

const MAX_LABEL = 256

/** A request's labels, each cut to what a record is to hold; worked out when asked for, which only a sign-in does. */
export class RequestLabels implements Labels {
  readonly #request: Labels

  constructor(request: Labels) {
    this.#request = request
  }

  get userAgent(): string | undefined {
    return this.#request.userAgent?.slice(0, MAX_LABEL) || undefined
  }

  get address(): string | undefined {
    return this.#request.address?.slice(0, MAX_LABEL) || undefined
  }
}
