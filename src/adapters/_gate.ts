/**
 * The gate: holds a Node response back until its session is stored. The one place that touches a response's methods.
 *
 * `writeHead`, `write`, `end` and `flushHeaders` are all that send a byte of a final response. At the first of them
 * the gate asks its keeper what is due. Nothing: the call goes through, in the same tick. A write: the calls wait in
 * line, and the response looks sent to everybody, until the store has the change. `end` after the head is asked about
 * once more. When the change cannot be stored, nothing of the response leaves: it is made blank again for the
 * framework's error handler, whose response passes a second gate.
 *
 * @module
 */
import { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Awaitable } from '../core/store.ts'
import { isPromise } from '../shell/calls.ts'
import { putHeaders } from './_headers.ts'

export type Headers = readonly (readonly [string, string])[]

/** Who decides what a response waits for. */
export interface GateKeeper {
  /** Commits; gives the headers that the head needs, at once when the response need not wait. Never throws. */
  commit(headersSent: boolean): Awaitable<Headers>
  /** The commit failed before a byte left, and the response is blank again: somebody has to answer. */
  fail(error: unknown): void
  /** The commit failed with the head already out, and the connection has been cut: somebody may want to know. */
  cut(error: unknown): void
  /** The headers of a bare error response. */
  lastHeaders(): Headers
}

type Method = 'writeHead' | 'write' | 'end' | 'flushHeaders'
type Call = [method: Method, args: unknown[]]
type Methods = { [M in Method]: (...args: unknown[]) => unknown }
type Response = ServerResponse

const METHODS: readonly Method[] = ['writeHead', 'write', 'end', 'flushHeaders']

/** What layers above may have laid on a response, and must not outlive a response that failed. */
const LAYERED = [...METHODS, 'on', 'addListener', 'once', 'flush'] as const

/** The gates of responses whose framework's prototype is gated. */
const gates = new WeakMap<object, Gate>()
const gatedPrototypes = new WeakSet<object>()

/** What a response was like before anybody wrote to it. */
export interface Blank {
  readonly headers: ReturnType<Response['getHeaders']>
}

export function blankOf(response: Response): Blank {
  return { headers: response.getHeaders() }
}

/**
 * Puts a gate before a response.
 *
 * After Express has changed a response's prototype, each own property on it costs microseconds. So the methods are
 * laid, once, on the prototype that the framework put above Node's; unless somebody has laid methods on this very
 * response, which the gate must come before, or there is no such prototype.
 */
export function putGate(response: Response, blank: Blank, keeper: GateKeeper): void {
  if (typeof response.end !== 'function' || typeof response.writeHead !== 'function') return // an upgrade's stand-in
  const prototype = METHODS.some((method) => Object.hasOwn(response, method))
    ? undefined
    : frameworkPrototype(response, ServerResponse.prototype)
  if (!prototype) {
    new Gate(response, blank, keeper, innerOf(response)).lay()
    return
  }
  gatePrototype(prototype)
  gates.set(response, new Gate(response, blank, keeper, belowOf(prototype)))
}

/** The object that a framework put right above Node's own prototype; undefined when there is none. */
export function frameworkPrototype(object: object, nodes: object): object | undefined {
  let found: object | undefined
  for (
    let each = Object.getPrototypeOf(object) as object | null;
    each !== nodes;
    each = Object.getPrototypeOf(each) as object | null
  ) {
    if (each === null) return undefined
    found = each
  }
  return found
}

// --- internal ---

class Gate {
  readonly #response: Response
  readonly #blank: Blank
  readonly #keeper: GateKeeper
  readonly #inner: Methods
  readonly #sources: Readable[] = []
  #state: 'waiting' | 'held' | 'open' | 'done' | 'dead' = 'waiting'
  /** Whether this is the gate of an error response: a second failure ends it. */
  #second = false
  #line: Call[] = []
  /** What lay on the response under this gate. */
  readonly #layersBelow: Record<string, PropertyDescriptor>
  #disguise: Disguise | undefined

  constructor(response: Response, blank: Blank, keeper: GateKeeper, inner: Methods) {
    this.#response = response
    this.#blank = blank
    this.#keeper = keeper
    this.#inner = inner
    this.#layersBelow = layersOf(response)
    // A handler may look at its session for the first time when its head has long left.
    if (response.headersSent) this.#state = response.writableEnded ? 'done' : 'open'
    response.once?.('close', () => this.#close())
    response.on?.('pipe', (source: Readable) => this.#sources.push(source))
  }

  /** Lays the gated methods on the response itself. */
  lay(): void {
    for (const method of METHODS) {
      const gated = (...args: unknown[]): unknown => this.call(method, args)
      Object.defineProperty(this.#response, method, {
        value: gated,
        configurable: true,
        writable: true,
        enumerable: true,
      })
    }
  }

  call(method: Method, args: unknown[]): unknown {
    switch (this.#state) {
      case 'waiting':
        return this.#decide(method, args, false)
      case 'open':
        return method === 'end' ? this.#decide(method, args, true) : this.#pass(method, args)
      case 'held':
        return this.#wait(method, args)
      case 'done':
        return this.#pass(method, args)
      case 'dead':
        return this.#drop(method, args)
    }
  }

  #decide(method: Method, args: unknown[], headersSent: boolean): unknown {
    const due = this.#keeper.commit(headersSent)
    if (isPromise(due)) return this.#hold(method, args, due, headersSent)
    this.#state = method === 'end' ? 'done' : 'open'
    if (due.length === 0) return this.#pass(method, args)
    const rest = method === 'writeHead' ? this.#putOwn(args) : args
    putHeaders(this.#response, due)
    return this.#pass(method, rest)
  }

  #pass(method: Method, args: unknown[]): unknown {
    return this.#inner[method].apply(this.#response, args)
  }

  // --- held ---

  #hold(method: Method, args: unknown[], due: Promise<Headers>, headersSent: boolean): unknown {
    // The handler's own headers become ordinary ones now: what is wrong with them is the handler's to hear.
    this.#line = [[method, method === 'writeHead' && !headersSent ? this.#putOwn(args) : args]]
    this.#state = 'held'
    this.#disguise = new Disguise(this.#response, method === 'end')
    due
      .then((headers) => this.#release(headers))
      .catch((error: unknown) => (headersSent ? this.#cut(error) : this.#fail(error)))
    return method === 'write' ? this.#disguise.oweDrain() : this.#response
  }

  /** What the response itself would do with a call after its head. */
  #wait(method: Method, args: unknown[]): unknown {
    const disguise = this.#disguise!
    if (method === 'writeHead')
      throw nodeError('ERR_HTTP_HEADERS_SENT', 'Cannot write headers after they are sent to the client')
    if (method === 'flushHeaders') return undefined
    if (disguise.ended) {
      const [code, message] =
        method === 'end'
          ? ['ERR_STREAM_ALREADY_FINISHED', 'Cannot call end after a stream was finished']
          : ['ERR_STREAM_WRITE_AFTER_END', 'write after end']
      report(args, nodeError(code, message))
      return method === 'end' ? this.#response : false
    }
    this.#line.push([method, args])
    if (method === 'end') disguise.ended = true
    return method === 'end' ? this.#response : disguise.oweDrain()
  }

  #release(headers: Headers): void {
    const disguise = this.#disguise!
    disguise.drop()
    putHeaders(this.#response, headers)
    const [[method, args], ...rest] = this.#line as [Call, ...Call[]]
    this.#line = []
    this.#state = method === 'end' ? 'done' : 'open'
    let flowing = this.#pass(method, args)
    // What came after the head goes its ordinary way: `end` is asked about once more.
    for (const [nextMethod, nextArgs] of rest) flowing = this.call(nextMethod, nextArgs)
    if (disguise.drainOwed && !disguise.ended && flowing !== false) disguise.payDrain()
  }

  // --- failed ---

  /** Nothing of the handler's response leaves: it is blank again, for whoever answers now. */
  #fail(error: unknown): void {
    this.#state = 'dead'
    this.#disguise?.drop()
    this.#stopSources(error)
    for (const [, args] of this.#line) report(args, error)
    this.#makeBlank()
    if (this.#second) return this.#answerBare()
    const second = new Gate(this.#response, this.#blank, this.#keeper, this.#inner)
    second.#second = true
    second.lay()
    this.#keeper.fail(error)
  }

  /** The head is out and its session is not stored: the one honest answer is no answer. */
  #cut(error: unknown): void {
    this.#state = 'dead'
    this.#disguise?.drop()
    this.#stopSources(error)
    for (const [, args] of this.#line) report(args, error)
    this.#response.destroy()
    this.#keeper.cut(error)
  }

  #answerBare(): void {
    const response = this.#response
    response.statusCode = 503
    putHeaders(response, [...this.#keeper.lastHeaders(), ['Cache-Control', 'no-store']])
    response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    this.#state = 'done'
    // Left to `end`, the head would go through the response's own `writeHead`: that of the first gate, which is dead.
    this.#inner.writeHead.call(response, 503)
    this.#inner.end.call(response, 'Service Unavailable\n')
  }

  /** Takes back headers, status, and the layers that others put above this gate: they have taken their decisions. */
  #makeBlank(): void {
    const response = this.#response
    for (const name of LAYERED)
      if (Object.hasOwn(response, name)) delete (response as unknown as Record<string, unknown>)[name]
    for (const [name, layer] of Object.entries(this.#layersBelow)) Object.defineProperty(response, name, layer)
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    for (const [name, value] of Object.entries(this.#blank.headers))
      if (value !== undefined) response.setHeader(name, value)
    response.statusCode = 200
    // HTTP/2 has no reason phrase and warns of any.
    if (response instanceof ServerResponse) response.statusMessage = undefined as unknown as string
  }

  /** A piped file must not flow on into the error page. */
  #stopSources(error: unknown): void {
    for (const source of this.#sources) {
      source.unpipe?.(this.#response)
      source.once?.('error', ignore)
      source.destroy?.(error instanceof Error ? error : undefined)
    }
  }

  /** Calls through old references (a zlib stream that still flows) fall on the floor. */
  #drop(method: Method, args: unknown[]): unknown {
    report(args, nodeError('ERR_STREAM_DESTROYED', 'The response failed because its session could not be stored'))
    return method === 'write' ? true : this.#response
  }

  /** The client has gone before the end: what was changed is still stored, and no cookie can be delivered. */
  #close(): void {
    if (this.#state !== 'waiting' && this.#state !== 'open') return
    this.#state = 'open'
    const due = this.#keeper.commit(true)
    // A failure has been told as an event; nobody is left to be answered.
    if (isPromise(due)) due.then(ignore, ignore)
  }

  /** Turns `writeHead`'s own headers, in any of their forms, into ordinary ones; gives the arguments that remain. */
  #putOwn([status, second, third]: unknown[]): unknown[] {
    const reason = typeof second === 'string' ? [second] : []
    const own = third ?? (reason.length > 0 ? undefined : second)
    const seen = new Set<string>()
    for (const [name, value] of pairs(own)) {
      const key = name.toLowerCase()
      if (Array.isArray(own) && seen.has(key)) this.#response.appendHeader(name, value as string)
      else this.#response.setHeader(name, value as string)
      seen.add(key)
    }
    return [status, ...reason]
  }
}

/** While a response is held it looks sent: nobody answers twice, and nobody changes its head. */
class Disguise {
  readonly #response: Response
  readonly #before = new Map<string, PropertyDescriptor | undefined>()
  readonly #status: number
  readonly #reason: string | undefined
  readonly #drainListeners: (() => void)[] = []
  ended: boolean
  drainOwed = false

  constructor(response: Response, ended: boolean) {
    this.#response = response
    this.ended = ended
    this.#status = response.statusCode
    this.#reason = response instanceof ServerResponse ? response.statusMessage : undefined
    const tooLate = (): never => {
      throw nodeError('ERR_HTTP_HEADERS_SENT', 'Cannot set headers after they are sent to the client')
    }
    this.#put('headersSent', { get: () => true })
    this.#put('writableEnded', { get: () => this.ended })
    this.#put('finished', { get: () => this.ended })
    for (const name of ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader']) this.#put(name, { value: tooLate })
    for (const name of ['on', 'addListener', 'once']) this.#put(name, { value: this.#listening(name) })
  }

  oweDrain(): false {
    this.drainOwed = true
    return false
  }

  /** Node emits no 'drain' for what it took at once; and layers may have kept listeners where an emit does not reach. */
  payDrain(): void {
    const reached = new Set(this.#response.listeners('drain'))
    this.#response.emit('drain')
    for (const listener of this.#drainListeners) if (!reached.has(listener)) listener.call(this.#response)
  }

  /** Restores what was there, others' layers included. */
  drop(): void {
    for (const [name, descriptor] of this.#before) {
      if (descriptor) Object.defineProperty(this.#response, name, descriptor)
      else delete (this.#response as unknown as Record<string, unknown>)[name]
    }
    this.#before.clear()
    // Plain fields, which error handlers set even when it is too late.
    this.#response.statusCode = this.#status
    if (this.#response instanceof ServerResponse) this.#response.statusMessage = this.#reason as string
  }

  #listening(name: string): unknown {
    const original = (this.#response as unknown as Record<string, (event: string, fn: () => void) => unknown>)[name]!
    return (event: string, fn: () => void): unknown => {
      if (event === 'drain') this.#drainListeners.push(fn)
      return original.call(this.#response, event, fn)
    }
  }

  #put(name: string, descriptor: PropertyDescriptor): void {
    this.#before.set(name, Object.getOwnPropertyDescriptor(this.#response, name))
    Object.defineProperty(this.#response, name, { ...descriptor, configurable: true })
  }
}

function gatePrototype(prototype: object): void {
  if (gatedPrototypes.has(prototype)) return
  gatedPrototypes.add(prototype)
  const below = belowOf(prototype)
  for (const method of METHODS) {
    const gated = function (this: object, ...args: unknown[]): unknown {
      const gate = gates.get(this)
      return gate ? gate.call(method, args) : below[method].apply(this, args)
    }
    Object.defineProperty(prototype, method, { value: gated, configurable: true, writable: true })
  }
}

const belowByPrototype = new WeakMap<object, Methods>()

/** The methods under a gated prototype, looked up at each call: others may patch Node's own later. */
function belowOf(prototype: object): Methods {
  const known = belowByPrototype.get(prototype)
  if (known) return known
  const own = (method: Method) =>
    Object.getOwnPropertyDescriptor(prototype, method)?.value as Methods[Method] | undefined
  const methods = Object.fromEntries(
    METHODS.map((method) => {
      const replaced = own(method)
      const call = function (this: unknown, ...args: unknown[]): unknown {
        return (replaced ?? (Object.getPrototypeOf(prototype) as Methods)[method]).apply(this, args)
      }
      return [method, call]
    }),
  ) as Methods
  belowByPrototype.set(prototype, methods)
  return methods
}

function layersOf(response: Response): Record<string, PropertyDescriptor> {
  const layers: Record<string, PropertyDescriptor> = {}
  for (const name of LAYERED) {
    const layer = Object.getOwnPropertyDescriptor(response, name)
    if (layer) layers[name] = layer
  }
  return layers
}

function innerOf(response: Response): Methods {
  return Object.fromEntries(METHODS.map((method) => [method, (response as unknown as Methods)[method]])) as Methods
}

function pairs(headers: unknown): [string, unknown][] {
  if (!Array.isArray(headers)) return Object.entries(headers ?? {})
  if (Array.isArray(headers[0])) return headers as [string, unknown][]
  return headers.flatMap((name: string, at) => (at % 2 === 0 ? [[name, headers[at + 1]] as [string, unknown]] : []))
}

function report(args: readonly unknown[], error: unknown): void {
  const callback = args.at(-1)
  if (typeof callback === 'function') queueMicrotask(() => (callback as (error: unknown) => void)(error))
}

function nodeError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

function ignore(): void {}
