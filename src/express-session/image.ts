/**
 * What a value is once it has been through JSON, without the text: whether a session was changed can be told from
 * images at a third of what two texts cost, and two requests' changes can be brought together in them.
 *
 * @module
 */
import { types } from 'node:util'
import type { Data } from '../core/changes.ts'

/** The most levels of an image. To take or compare one there is stack for about 2,000, wherever it is done. */
const MAX_DEPTH = 1000

/** Gives the image of an object's data, without one of its keys. @throws TypeError as JSON.stringify does; RangeError */
export function imageOf(object: object, without: string): Data {
  try {
    return objectImage(object, 0, without)
  } catch (error) {
    // Nested without end, most likely: JSON knows how to say that.
    if (error instanceof RangeError) JSON.stringify(object)
    throw error
  }
}

/** Whether an object's image is this one: told without making another, as for most requests it is. */
export function isImageOf(image: Data, object: object, without: string): boolean {
  return matchesObject(object, image, without)
}

/** Whether two images have the same text: order of keys included, as express-session has it. */
export function sameImage(a: unknown, b: unknown): boolean {
  if (a === b || typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((each, at) => sameImage(each, b[at]))
    )
  const keys = Object.keys(a)
  const others = Object.keys(b)
  return (
    keys.length === others.length &&
    keys.every((key, at) => key === others[at] && sameImage((a as Data)[key], (b as Data)[key]))
  )
}

// --- internal ---

function objectImage(object: object, depth: number, without?: string): Data {
  if (depth > MAX_DEPTH) throw tooDeep()
  const image: Data = {}
  for (const key of Object.keys(object)) {
    // As a key of an image it would be the image's prototype.
    if (key === without || key === '__proto__') continue
    const value = valueImage((object as Data)[key], key, depth + 1)
    if (value !== undefined) image[key] = value
  }
  return image
}

/** `undefined` for what JSON leaves out. */
function valueImage(given: unknown, key: string, depth: number): unknown {
  const value = plain(given, key)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null
  if (typeof value === 'bigint') throw new TypeError('Do not know how to serialize a BigInt')
  if (typeof value !== 'object') return undefined
  return Array.isArray(value) ? listImage(value, depth) : objectImage(value, depth)
}

function listImage(list: readonly unknown[], depth: number): unknown[] {
  if (depth > MAX_DEPTH) throw tooDeep()
  return Array.from(list, (each, at) => valueImage(each, String(at), depth + 1) ?? null)
}

function tooDeep(): RangeError {
  return new RangeError(`The session's data are nested deeper than ${MAX_DEPTH} levels; keep less in them`)
}

function matchesObject(object: object, image: Data, without?: string): boolean {
  const keys = Object.keys(image)
  let at = 0
  for (const key of Object.keys(object)) {
    if (key === without || key === '__proto__') continue
    const value = plain((object as Data)[key], key)
    if (isLeftOut(value)) continue
    if (key !== keys[at] || !matches(value, image[key])) return false
    at++
  }
  return at === keys.length
}

function matches(value: unknown, image: unknown): boolean {
  if (typeof value === 'number') return (Number.isFinite(value) ? value + 0 : null) === image
  if (typeof value !== 'object' || value === null) return value === image
  if (typeof image !== 'object' || image === null || Array.isArray(value) !== Array.isArray(image)) return false
  if (!Array.isArray(value)) return matchesObject(value, image as Data)
  const images = image as unknown[]
  if (value.length !== images.length) return false
  return images.every((each, at) => {
    const item = plain(value[at], String(at))
    return isLeftOut(item) ? each === null : matches(item, each)
  })
}

function isLeftOut(value: unknown): boolean {
  return value === undefined || typeof value === 'function' || typeof value === 'symbol'
}

function plain(value: unknown, key: string): unknown {
  if (typeof value !== 'object' && typeof value !== 'bigint') return value
  const toJson = (value as { toJSON?: unknown } | null)?.toJSON
  const own: unknown = typeof toJson === 'function' ? toJson.call(value, key) : value
  return isBox(own) ? own.valueOf() : own
}

function isBox(value: unknown): value is object {
  return types.isBoxedPrimitive(value) && !types.isSymbolObject(value)
}
