/**
 * The gate: holds a Node response back until its session is stored. The one place that stands before its methods.
 *
 * At the first of the calls that send a byte the gate asks its keeper what is due. Nothing: the call goes through, in
 * the same tick. A write: the calls wait in line, and the response looks sent to everybody, until the store has the
 * change. `end` after the head is asked about once more. When the change cannot be stored, nothing of the response
 * leaves: it is made blank again for the framework's error handler, whose response passes a second gate.
 *
 * @module
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Awaitable } from '../core/store.ts'
import { isPromise } from '../shell/calls.ts'
import { Disguise, hasReason, LOOKS, nodeError } from './_disguise.ts'
import { type Headers, putHeaders, spreadHead } from './_headers.ts'
import { type Layer, layersOf, restoreLayers } from './_layers.ts'
import { type Gated, gatePrototype, gateResponse, LAYERED, type Method, type Methods, methodsOf } from './_methods.ts'

/** Who decides what a response waits for. */
export interface GateKeeper {
  /** The gate that gated methods on a prototype find. */
  gate: Gated | undefined
  /** Commits; gives the headers that the head needs, at once when the response need not wait. Never throws. */
  commit(headersSent: boolean): Awaitable<Headers>
  /** The commit failed before a byte left, and the response is blank again: somebody has to answer. */
  fail(error: unknown): void
  /** The commit failed with the head already out, and the connection has been cut: somebody may want to know. */
  cut(error: unknown): void
  /** The headers of a bare error response. */
  lastHeaders(): Headers
}

/**
 * Puts a gate before a response.
 *
 * @param headers what the response had for headers when the keeper's middleware ran: a failure takes it back to them
 * @param methods those under the gated ones on its prototype, when these were laid there before; undefined where the
 *   gate has to lie on the response
 */
export function putGate(
  response: ServerResponse,
  headers: OutgoingHttpHeaders,
  keeper: GateKeeper,
  methods: Methods | undefined = gatePrototype(response),
): void {
  if (methods) keeper.gate = new Gate(response, keeper, { headers, methods, layers: NO_LAYERS })
  else {
    const ground = { headers, methods: methodsOf(response), layers: layersOf(response, LAYERED) }
    gateResponse(new Gate(response, keeper, ground))
  }
}

/** Gives a response's headers as they are now, whatever becomes of them. */
export function headersOf(response: ServerResponse): OutgoingHttpHeaders {
  const headers = response.getHeaders()
  for (const name in headers) {
    const value = headers[name]
    // Node's `appendHeader` puts more into the very array that is there.
    if (Array.isArray(value)) headers[name] = [...value]
  }
  return headers
}

/** Whether no header can reach the client any more: the head has left, or the client has gone. */
export function isTooLate(response: ServerResponse): boolean {
  return response.headersSent || isGone(response)
}

// --- internal ---

/** What lies under a gate: what a response that failed goes back to. */
interface Ground {
  readonly headers: OutgoingHttpHeaders
  readonly methods: Methods
  readonly layers: readonly Layer[]
}

type Call = [method: Method, args: unknown[]]

/** Gated methods on the prototype are only for responses on which nothing lies. */
const NO_LAYERS: readonly Layer[] = LAYERED.map((name) => [name, undefined])

class Gate implements Gated {
  readonly response: ServerResponse
  readonly #keeper: GateKeeper
  readonly #ground: Ground
  /** Whether this is the gate of an error response: a second failure ends it. */
  readonly #second: boolean
  readonly #sources: Readable[] = []
  #state: 'shut' | 'held' | 'open' | 'done' | 'dead' = 'shut'
  #line: Call[] = []
  #due: Headers = []
  disguise: Disguise | undefined

  constructor(response: ServerResponse, keeper: GateKeeper, ground: Ground, second = false) {
    this.response = response
    this.#keeper = keeper
    this.#ground = ground
    this.#second = second
    // A handler may look at its session for the first time when its head has long left.
    if (response.headersSent) this.#state = response.writableEnded ? 'done' : 'open'
    response.on('close', () => this.#close())
    response.on('pipe', (source: Readable) => this.#sources.push(source))
  }

  call(method: Method, args: unknown[]): unknown {
    switch (this.#state) {
      case 'shut':
        return this.#decide(method, method === 'writeHead' ? spreadHead(this.response, args) : args)
      case 'held':
        return this.#wait(method, args)
      case 'open':
        return method === 'end' ? this.#decide(method, args) : this.#pass(method, args)
      case 'done':
        return this.#pass(method, args)
      case 'dead':
        return this.#drop(method, args)
    }
  }

  #decide(method: Method, args: unknown[]): unknown {
    const due = this.#keeper.commit(this.#state === 'open' || isTooLate(this.response))
    if (isPromise(due)) return this.#hold(method, args, due)
    this.#state = method === 'end' ? 'done' : 'open'
    putHeaders(this.response, due)
    return this.#pass(method, args)
  }

  #pass(method: Method, args: unknown[]): unknown {
    try {
      return this.#ground.methods[method].apply(this.response, args)
    } catch (error) {
      // A status or a chunk that Node refuses: whoever answers for that is asked about again.
      if (!this.response.headersSent) this.#state = 'shut'
      throw error
    }
  }

  // --- held ---

  #hold(method: Method, args: unknown[], due: Promise<Headers>): unknown {
    this.#state = 'held'
    this.#line = [[method, args]]
    const disguise = (this.disguise = new Disguise(this.response, method === 'end', this.#ownLooks))
    due.then((headers) => this.#release(headers)).catch((error: unknown) => this.#refuse(error))
    return method === 'write' ? disguise.oweDrain() : this.response
  }

  /** What the response itself would do with a call after its head. */
  #wait(method: Method, args: unknown[]): unknown {
    const disguise = this.disguise!
    if (method === 'writeHead')
      throw nodeError('ERR_HTTP_HEADERS_SENT', 'Cannot write headers after they are sent to the client')
    if (method === 'flushHeaders') return undefined
    if (!disguise.ended) this.#line.push([method, args])
    else if (method === 'end')
      report(args, nodeError('ERR_STREAM_ALREADY_FINISHED', 'Cannot call end after a stream was finished'))
    else report(args, nodeError('ERR_STREAM_WRITE_AFTER_END', 'write after end'))
    if (method === 'write') return disguise.oweDrain()
    disguise.ended = true
    return this.response
  }

  #release(headers: Headers): void {
    const disguise = this.disguise!
    const line = this.#line
    this.#show()
    this.#due = headers
    putHeaders(this.response, headers)
    this.#state = line[0]![0] === 'end' ? 'done' : 'open'
    let flowing: unknown
    // What came after the head goes its ordinary way: `end` is asked about once more.
    for (; line.length > 0; line.shift()) flowing = this.call(...line[0]!)
    if (disguise.drainOwed && !disguise.ended && flowing !== false) disguise.payDrain()
  }

  /** Shows the response as it is. */
  #show(): void {
    this.disguise?.drop()
    this.disguise = undefined
  }

  /** The looks that are not on its prototype: all, when this gate is not there either. */
  get #ownLooks(): readonly string[] {
    return this.#keeper.gate === this ? LOOKS.filter((name) => Object.hasOwn(this.response, name)) : LOOKS
  }

  // --- failed ---

  #refuse(error: unknown): void {
    const { response } = this
    this.#state = 'dead'
    this.#show()
    for (const [, args] of this.#line) report(args, error)
    this.#stopSources()
    // The failure has been told as an event, and nobody is left to be answered.
    if (isGone(response)) return
    if (response.headersSent) return this.#cut(error)
    this.#makeBlank()
    if (this.#second) return this.#answerBare()
    gateResponse(new Gate(response, this.#keeper, this.#ground, true))
    this.#keeper.fail(error)
  }

  /** The head is out and its session is not stored: the one honest answer is no answer. */
  #cut(error: unknown): void {
    // Without an error HTTP/2 would end the stream as if it were whole.
    this.response.destroy(hasReason(this.response) ? undefined : (error as Error))
    this.#keeper.cut(error)
  }

  /** Takes back headers, status, and the layers above this gate: they have taken their decisions. */
  #makeBlank(): void {
    const { response } = this
    const { headers, layers } = this.#ground
    restoreLayers(response, layers)
    for (const name of response.getHeaderNames()) if (!(name in headers)) response.removeHeader(name)
    for (const name in headers) response.setHeader(name, headers[name]!)
    // Stored, though its response could not be sent: the browser still needs its cookie.
    putHeaders(response, this.#due)
    response.statusCode = 200
    if (hasReason(response)) response.statusMessage = undefined as unknown as string
  }

  #answerBare(): void {
    const { response } = this
    response.statusCode = 503
    putHeaders(response, [...this.#keeper.lastHeaders(), ['Cache-Control', 'no-store']])
    response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    // Node's own `end` calls `writeHead` on the response, which must find this gate and not the first one, which is dead.
    gateResponse(this)
    this.#state = 'done'
    this.#pass('end', ['Service Unavailable\n'])
    this.#state = 'dead'
  }

  /**
   * A piped file must not flow on into the error page. It is destroyed only after that: whoever pipes (`pipeline`,
   * Express's `sendFile`) would take its end for a failure, and destroy the response or answer a second time.
   */
  #stopSources(): void {
    const sources = this.#sources.splice(0)
    for (const source of sources) source.unpipe(this.response)
    const destroy = (): void => sources.forEach((source) => source.destroy())
    if (isGone(this.response)) destroy()
    else this.response.once('close', destroy)
  }

  /** Calls through old references (a zlib stream that still flows) fall on the floor. */
  #drop(method: Method, args: unknown[]): unknown {
    report(args, nodeError('ERR_STREAM_DESTROYED', 'The response failed because its session could not be stored'))
    return method === 'write' || this.response
  }

  /** The client has gone before the end: what was changed is still stored, but no cookie can be delivered. */
  #close(): void {
    if (this.#state !== 'shut' && this.#state !== 'open') return
    if (this.#state === 'shut' && this.response.headersSent) warnOfBypass()
    this.#state = 'open'
    const due = this.#keeper.commit(true)
    // A failure has been told as an event; nobody is left to be answered.
    if (isPromise(due)) due.catch(() => undefined)
  }
}

function isGone(response: ServerResponse): boolean {
  return response.destroyed || (response as { stream?: { destroyed: boolean } }).stream?.destroyed === true
}

let warned = false
function warnOfBypass(): void {
  if (warned) return
  warned = true
  process.emitWarning(
    'A response left without waiting for its session: something answered past its methods, another copy of Express say; mount session() in that app too',
    { code: 'SOJOURN_BYPASSED' },
  )
}

function report(args: readonly unknown[], error: unknown): void {
  const callback = args.at(-1)
  if (typeof callback === 'function') queueMicrotask(() => (callback as (error: unknown) => void)(error))
}
