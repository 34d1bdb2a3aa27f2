/**
 * The methods of a Node response that send a byte of it, and the two places where gated ones can lie.
 *
 * After Express has changed a response's prototype, each own property costs microseconds, and state in a WeakMap costs
 * more: it keeps every request from dying young. So there the gated methods lie once, on the prototype that the
 * framework put above Node's, and reach a response's gate through its request, where one property holds everything.
 * Elsewhere they lie on the response itself.
 *
 * @module
 */
import { ServerResponse } from 'node:http'

export const METHODS = ['writeHead', 'write', 'end', 'flushHeaders'] as const
export type Method = (typeof METHODS)[number]
export type Methods = { [M in Method]: (...args: unknown[]) => unknown }

/** What stands before a response's methods. */
export interface Gated {
  readonly response: ServerResponse
  call(method: Method, args: unknown[]): unknown
}

/** Where a request holds who looks after its response. */
export const KEEPER: unique symbol = Symbol('sojourn.keeper')

/** What lies on an object itself under a name. */
export type Layer = readonly [name: string, descriptor: PropertyDescriptor | undefined]

export function layersOf(object: object, names: readonly string[]): Layer[] {
  return names.map((name) => [name, Object.getOwnPropertyDescriptor(object, name)])
}

/** Brings back what lay there: somebody else's layer too, which a `delete` would take away. */
export function restoreLayers(object: object, layers: readonly Layer[]): void {
  for (const [name, layer] of layers) {
    if (layer) Object.defineProperty(object, name, layer)
    else Reflect.deleteProperty(object, name)
  }
}

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
  if (!prototype || METHODS.some((method) => Object.hasOwn(response, method))) return undefined
  const known = methodsBelow.get(prototype)
  if (known) return known
  const below = {} as Methods
  for (const method of METHODS) {
    const replaced = Object.getOwnPropertyDescriptor(prototype, method)?.value as Methods[Method] | undefined
    // Looked up at each call: others may patch Node's own later.
    below[method] = function (this: unknown, ...args) {
      return (replaced ?? (Object.getPrototypeOf(prototype) as Methods)[method]).apply(this, args)
    }
    const value = function (this: Response, ...args: unknown[]): unknown {
      const gate = this.req?.[KEEPER]?.gate
      // Another response to the same request (a rehearsal) has another socket; a proxy of this one has the same.
      return gate && gate.response.socket === this.socket ? gate.call(method, args) : below[method].apply(this, args)
    }
    Object.defineProperty(prototype, method, { value, configurable: true, writable: true })
  }
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

type Response = Omit<ServerResponse, 'req'> & { req?: { [KEEPER]?: { gate?: Gated | undefined } } }

/** The methods under the gated ones, by prototype. */
const methodsBelow = new WeakMap<object, Methods>()
