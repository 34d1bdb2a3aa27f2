/** Looks through what goes by, and lets it. */
import { inspect } from 'node:util'
import { search } from './secrets.ts'

type Method = (this: unknown, ...args: unknown[]) => unknown

const watched = new WeakSet<Method>()

/** Has the arguments of some methods searched before they are called. */
export function watch(where: string, object: object, ...names: string[]): void {
  const methods = object as Record<string, Method>
  for (const name of names) {
    const method = methods[name]!
    const searching: Method = function (...args) {
      search(where, args.map(printed).join(' '))
      return method.apply(this, args)
    }
    methods[name] = searching
    watched.add(searching)
  }
}

export function isWatched(method: unknown): boolean {
  return watched.has(method as Method)
}

/** As text, as deep as anybody prints: a driver's own objects below that are whole networks. */
export function printed(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  return inspect(value, { depth: 5, maxArrayLength: 50, maxStringLength: 20_000, breakLength: Infinity })
}
