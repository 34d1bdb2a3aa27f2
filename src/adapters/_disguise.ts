/**
 * The disguise: while a response is held it looks sent, so that nobody answers twice and nobody changes its head.
 *
 * @module
 */
import { ServerResponse } from 'node:http'
import { type Layer, layersOf, restoreLayers } from './_layers.ts'

/** The names by which a response tells whether it was sent, and those that refuse then. */
export const LOOKS = [
  'headersSent',
  'writableEnded',
  'finished',
  'setHeader',
  'appendHeader',
  'removeHeader',
  'on',
] as const

export class Disguise {
  readonly #response: ServerResponse
  readonly #layers: readonly Layer[]
  readonly #status: number
  readonly #reason: string | undefined
  /** Whether `finished` is a plain field, as in HTTP/1. */
  readonly #hasField: boolean
  readonly #drainListeners: (() => void)[] = []
  #dropped = false
  #ended = false
  drainOwed = false

  /** @param names the looks that the response has to wear itself: its prototype does not, or something lies over it */
  constructor(response: ServerResponse, ended: boolean, names: readonly string[]) {
    this.#response = response
    this.#status = response.statusCode
    this.#reason = hasReason(response) ? response.statusMessage : undefined
    this.#hasField = Object.getOwnPropertyDescriptor(response, 'finished')?.writable === true
    this.ended = ended
    const own = this.#hasField ? names.filter((name) => name !== 'finished') : names
    this.#layers = layersOf(response, own)
    if (own.length > 0) layLooks(response, own, () => (this.#dropped ? undefined : this))
  }

  get ended(): boolean {
    return this.#ended
  }

  set ended(ended: boolean) {
    this.#ended = ended
    if (this.#hasField) this.#response.finished = ended
  }

  /** A held write has returned false, and promised a 'drain' by it. */
  oweDrain(): false {
    this.drainOwed = true
    return false
  }

  /** Somebody waits for that 'drain'. */
  noteDrain(listener: () => void): void {
    this.#drainListeners.push(listener)
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
    if (this.#hasField) this.#response.finished = false
    this.#response.statusCode = this.#status
    // Not assigned in vain: until somebody does, a response has no such property of its own.
    if (hasReason(this.#response) && this.#response.statusMessage !== this.#reason)
      this.#response.statusMessage = this.#reason as string
  }
}

/** Lays the looks on a response, or on the prototype of many: each shows what `worn` gives for it, or what lies below. */
export function layLooks(
  holder: object,
  names: readonly string[],
  worn: (response: ServerResponse) => Disguise | undefined,
): void {
  const lies = layersOf(holder, names).filter(([, descriptor]) => descriptor !== undefined)
  const below = Object.create(
    Object.getPrototypeOf(holder) as object,
    Object.fromEntries(lies) as PropertyDescriptorMap,
  ) as ServerResponse
  const looks = looksOver(below, worn)
  for (const name of names) Object.defineProperty(holder, name, looks[name]!)
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

/** What lies below is looked up at each call: others may patch Node's own later. */
function looksOver(
  below: ServerResponse,
  worn: (response: ServerResponse) => Disguise | undefined,
): PropertyDescriptorMap {
  const shown = (name: string, look: (disguise: Disguise) => boolean): PropertyDescriptor => ({
    configurable: true,
    get(this: ServerResponse) {
      const disguise = worn(this)
      return disguise ? look(disguise) : Reflect.get(below, name, this)
    },
  })
  const called = (name: 'setHeader' | 'appendHeader' | 'removeHeader' | 'on', look: Look): PropertyDescriptor => ({
    configurable: true,
    writable: true, // others lay their own over it by assignment
    value(this: ServerResponse, ...args: never[]) {
      const disguise = worn(this)
      if (disguise) look(disguise, ...args)
      return (below[name] as (...args: never[]) => unknown).apply(this, args)
    },
  })
  return {
    headersSent: shown('headersSent', () => true),
    writableEnded: shown('writableEnded', ({ ended }) => ended),
    finished: shown('finished', ({ ended }) => ended),
    setHeader: called('setHeader', refuse),
    appendHeader: called('appendHeader', refuse),
    removeHeader: called('removeHeader', refuse),
    on: called('on', (disguise, event: string, listener: () => void) => {
      if (event === 'drain') disguise.noteDrain(listener)
    }),
  }
}

type Look = (disguise: Disguise, ...args: never[]) => void

function refuse(): never {
  throw nodeError('ERR_HTTP_HEADERS_SENT', 'Cannot set headers after they are sent to the client')
}
