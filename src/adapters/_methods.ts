/**
 * The methods of a Node response that send a byte of it, and the two places where gated ones can lie.
 *
 * After Express has changed a response's prototype, each own property costs microseconds, and state in a WeakMap costs
 * more: it keeps every request from dying young. So there the gated methods lie once, on the prototype that the
 * framework put above Node's, and reach a response's gate through its request, where one property holds everything.
 * What a held response looks like lies there too. Elsewhere both lie on the response itself.
 *
 * @module
 */
import { ServerResponse } from 'node:http'
import { type Disguise, layLooks, LOOKS } from './_disguise.ts'

export const METHODS = ['writeHead', 'write', 'end', 'flushHeaders'] as const
export type Method = (typeof METHODS)[number]
export type Methods = { [M in Method]: (...args: unknown[]) => unknown }

/** What others may lay above a gate; a layer that has seen a response must not outlive its failure. */
export const LAYERED: readonly string[] = [...METHODS, 'on', 'flush']

/** What stands before a response's methods. */
export interface Gated {
  readonly response: ServerResponse
  /** What the response wears while it is held. */
  readonly disguise: Disguise | undefined
  call(method: Method, args: unknown[]): unknown
}

/** Where a request holds who looks after its response. */
export const KEEPER: unique symbol = Symbol('sojourn.keeper')

/** Gives the methods as this response has them. */
export function methodsOf(response: ServerResponse): Methods {
  return Object.fromEntries(METHODS.map((method) => [method, (response as unknown as Methods)[method]])) as Methods
}

/** Lays gated methods on the response itself. */
export function gateResponse(gate: Gated): void {
  for (const method of METHODS) {
    const value = (...args: unknown[]): unknown => gate.call(method, args)
    Object.defineProperty(gate.response, method, { value, configurable: true, writable: true, enumerable: true })
  }
}

/**
 * Lays gated methods on the prototype of a framework's responses; gives the methods under them. `undefined` when there
 * is no such prototype, or when this response has layers of its own, which its gate must lie before.
 */
export function gatePrototype(response: ServerResponse): Methods | undefined {
  const prototype = frameworkPrototype(response, ServerResponse.prototype)
  if (!prototype || LAYERED.some((name) => Object.hasOwn(response, name))) return undefined
  const known = methodsBelow.get(prototype)
  if (known) return known
  const below = {} as Methods
  for (const method of METHODS) {
    const replaced = Object.getOwnPropertyDescriptor(prototype, method)?.value as Methods[Method] | undefined
    // Looked up at each call: others may patch Node's own later.
    below[method] = function (this: unknown, ...args) {
      return (replaced ?? (Object.getPrototypeOf(prototype) as Methods)[method]).apply(this, args)
    }
    const value = function (this: ServerResponse, ...args: unknown[]): unknown {
      const gate = gateOf(this)
      return gate ? gate.call(method, args) : below[method].apply(this, args)
    }
    Object.defineProperty(prototype, method, { value, configurable: true, writable: true })
  }
  layLooks(prototype, LOOKS_BELOW, (response) => gateOf(response)?.disguise)
  methodsBelow.set(prototype, below)
  return below
}

/** Gives the object that a framework put right above Node's own prototype; `undefined` when there is none. */
export function frameworkPrototype(object: object, nodes: object): object | undefined {
  let found: object | undefined
  let each = Object.getPrototypeOf(object) as object | null
  for (; each !== nodes; each = Object.getPrototypeOf(each) as object | null) {
    if (each === null) return undefined
    found = each
  }
  return found
}

// --- internal ---

/** The gate that gated methods on a prototype find for a response. */
function gateOf(response: ServerResponse): Gated | undefined {
  const { req } = response as { req?: { [KEEPER]?: { gate?: Gated | undefined } } }
  const gate = req?.[KEEPER]?.gate
  // Another response to the same request (a rehearsal) has another socket; a proxy of this one has the same.
  return gate && gate.response.socket === response.socket ? gate : undefined
}

/** Those that no response of HTTP/1 has itself. */
const LOOKS_BELOW = LOOKS.filter((name) => name !== 'finished')

/** The methods under the gated ones, by prototype. */
const methodsBelow = new WeakMap<object, Methods>()
