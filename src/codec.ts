/**
 * `sojourn/codec`: a codec that keeps more than JSON does.
 *
 * On devalue's format, which is data and never code. What is written is a tree: nothing is shared and nothing is in a
 * circle, as with JSON, so that merging and comparing come to an end; what is read and is none is refused.
 *
 * @module
 */
import {
  defaultStringifyOperations,
  DevalueError,
  parse,
  type ParseOperations,
  stringify,
  type StringifyOperations,
} from 'devalue'
import { isPlain } from './core/changes.ts'
import { type Codec, jsonCodec } from './core/data.ts'
import { UsageError } from './core/errors.ts'

/**
 * Keeps what JSON keeps and Date, Map, Set, BigInt, typed arrays, ArrayBuffer, DataView, undefined, NaN, the infinities
 * and -0. A Node Buffer comes back as a Uint8Array. Anything else (a function, a symbol, an instance of a class, a
 * RegExp, a list with holes) is a UsageError `ERR_SOJOURN_UNSUPPORTED` at the commit, with the path to it. Sessions that
 * were stored as JSON are read as they are.
 *
 * @example
 * ```ts
 * const sessions = createSessions({ codec: richCodec })
 * session.seen = new Map([['/', new Date()]])
 * ```
 */
export const richCodec: Codec = {
  encode(data) {
    try {
      // A plain object: the session that holds them is none.
      return stringify({ ...data }, undefined, { operations: WRITING })
    } catch (cause) {
      throw explained(cause)
    }
  },
  decode(text) {
    if (text.startsWith('{')) return jsonCodec.decode(text)
    const data: unknown = parse(text, undefined, { operations: READING })
    checkTree(data, new Set(), 0)
    return data as object
  },
}

// --- internal ---

/** The most levels of nesting: comparing and encoding recurse, and have stack for several times as many. */
const MAX_DEPTH = 500

const KEPT: ReadonlySet<string> = new Set([
  'Array',
  'Date',
  'Map',
  'Set',
  'ArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Float16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
])

const WRITING: Partial<StringifyOperations> = {
  /** Each object is written where it is met, as often as it is met. */
  identify: (value: unknown) => (typeof value === 'object' && value !== null ? Symbol('met') : value),
  /** What is not kept is taken for any other object, and refused unless it is a plain one. */
  tagOf(value: unknown) {
    const tag = defaultStringifyOperations.tagOf(value)
    return KEPT.has(tag) ? tag : 'Object'
  },
  shapeOf(value: object) {
    const shape = defaultStringifyOperations.shapeOf(value)
    // A key `__proto__`, out of somebody's request body say, is left out, as with JSON.
    return 'keys' in shape ? { kind: 'plain', keys: shape.keys.filter((key) => key !== '__proto__') } : shape
  },
  /** A view's own bytes: the memory around them may be anybody's. */
  viewInfo({ buffer, byteOffset, byteLength, length }: Uint8Array) {
    const own = new Uint8Array(buffer, byteOffset, byteLength).slice().buffer
    return { buffer: own, byteOffset: 0, byteLength, length, bufferByteLength: byteLength }
  },
  indicesOf: () => refuse('a list with holes'),
}

const READING: Partial<ParseOperations> = {
  createArray: (length: number) => Array.from({ length }),
  createNullPrototypeObject: () => ({}),
  createSparseArray: () => refuse('a list with holes'),
  fromRegExpInfo: () => refuse('a RegExp'),
  fromStringValue: (tag: string) => refuse(tag),
  box: () => refuse('a boxed value'),
}

function refuse(what: string): never {
  throw new TypeError(`${what} is not kept`)
}

/** Refuses what no text of ours gives: one object in two places or in itself, and nesting beyond measure. */
function checkTree(value: unknown, seen: Set<object>, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (seen.has(value)) refuse('an object in two places')
  if (depth > MAX_DEPTH) refuse(`what is nested deeper than ${MAX_DEPTH} levels`)
  seen.add(value)
  for (const inner of within(value)) checkTree(inner, seen, depth + 1)
}

function within(value: object): Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Set) return value as Iterable<unknown>
  if (value instanceof Map) return [...value].flat()
  return isPlain(value) ? Object.values(value) : []
}

function explained(cause: unknown): UsageError {
  const [where, why] =
    cause instanceof DevalueError
      ? [`session${cause.path}`, cause.message]
      : ['A value of the session', cause instanceof RangeError ? 'in a circle, or nested too deep' : String(cause)]
  return new UsageError(
    'ERR_SOJOURN_UNSUPPORTED',
    `${where} cannot be kept (${why}); assign plain data, Date, Map, Set, BigInt or typed arrays`,
    { cause },
  )
}
