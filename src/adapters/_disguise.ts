/**
 * The disguise: while a response is held it looks sent, so that nobody answers twice and nobody changes its head.
 *
 * @module
 */
import { ServerResponse } from 'node:http'
import { type Layer, layersOf, restoreLayers } from './_methods.ts'

export class Disguise {
  readonly #response: ServerResponse
  readonly #layers: readonly Layer[]
  readonly #status: number
  readonly #reason: string | undefined
  readonly #drainListeners: (() => void)[] = []
  #dropped = false
  ended: boolean
  drainOwed = false

  constructor(response: ServerResponse, ended: boolean) {
    this.#response = response
    this.ended = ended
    this.#status = response.statusCode
    this.#reason = hasReason(response) ? response.statusMessage : undefined
    const looks = this.#looks(response.on)
    this.#layers = layersOf(response, Object.keys(looks))
    for (const [name, look] of Object.entries(looks))
      Object.defineProperty(response, name, { ...look, configurable: true })
  }

  /** A held write has returned false, and promised a 'drain' by it. */
  oweDrain(): false {
    this.drainOwed = true
    return false
  }

  /** Node emits no 'drain' for what it took at once; and a layer may have put listeners where no emit reaches them. */
  payDrain(): void {
    const reached = this.#response.listeners('drain')
    this.#response.emit('drain')
    for (const listener of this.#drainListeners) if (!reached.includes(listener)) listener.call(this.#response)
  }

  /** Shows the response as it is. Status and reason are plain fields, which error handlers set even when too late. */
  drop(): void {
    if (this.#dropped) return
    this.#dropped = true
    restoreLayers(this.#response, this.#layers)
    this.#response.statusCode = this.#status
    if (hasReason(this.#response)) this.#response.statusMessage = this.#reason as string
  }

  #looks(on: ServerResponse['on']): PropertyDescriptorMap {
    const ended = { get: () => this.ended }
    const tooLate = { value: refuseHeaders }
    const drainListeners = this.#drainListeners
    return {
      headersSent: { get: () => true },
      writableEnded: ended,
      finished: ended,
      setHeader: tooLate,
      appendHeader: tooLate,
      removeHeader: tooLate,
      on: {
        value(this: ServerResponse, event: string, listener: () => void) {
          if (event === 'drain') drainListeners.push(listener)
          return on.call(this, event, listener)
        },
      },
    }
  }
}

/** HTTP/2 has no reason phrase, and its compatibility mode warns of any look at one. */
export function hasReason(response: object): boolean {
  return response instanceof ServerResponse
}

/** An error as Node itself would throw it. */
export function nodeError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

// --- internal ---

function refuseHeaders(): never {
  throw nodeError('ERR_HTTP_HEADERS_SENT', 'Cannot set headers after they are sent to the client')
}
