/**
 * What a handler changed, and how two handlers' changes of one session come together: a three-way merge.
 *
 * Laws, each with a property test: nothing changed on one side gives the other side; changes of different paths are
 * both kept, in either order; the same change twice is that change; where both changed one path, `mine`, the later
 * commit, wins. Arrays are replaced whole, deletions are honoured, and plain objects are merged inside.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util'

/** Session data: a plain object of whatever the codec keeps. */
export type Data = Record<string, unknown>

/** Whether two values are the same to whoever reads them back. */
export function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return Object.is(a, b)
  try {
    return isDeepStrictEqual(a, b)
  } catch {
    // Nested deeper than the stack reaches, somebody's request body say. Encoding goes deeper, and has been there.
    return JSON.stringify(a) === JSON.stringify(b)
  }
}

/** The top-level keys in which two data differ, in one or the other's order. */
export function changedKeys(before: Data, after: Data): string[] {
  return union(before, after).filter(
    (key) => Object.hasOwn(before, key) !== Object.hasOwn(after, key) || !same(before[key], after[key]),
  )
}

/**
 * Brings my change of `base` into what has meanwhile become `theirs`.
 *
 * @param whole take each top-level key that I changed as mine is, merging nothing inside it: so that two identities
 *   never mix
 */
export function merge(base: Data, mine: Data, theirs: Data, whole = false): Data {
  const merged: Data = { ...theirs }
  for (const key of changedKeys(base, mine)) {
    if (!Object.hasOwn(mine, key)) delete merged[key]
    else merged[key] = whole ? mine[key] : mergeValue(base[key], mine[key], merged[key])
  }
  return merged
}

/** Whether a value is an object of keys and values, and nothing more. */
export function isPlain(value: unknown): value is Data {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

// --- internal ---

function mergeValue(base: unknown, mine: unknown, theirs: unknown): unknown {
  return isPlain(mine) && isPlain(theirs) ? merge(isPlain(base) ? base : {}, mine, theirs) : mine
}

function union(a: Data, b: Data): string[] {
  // `__proto__` cannot be assigned like other keys; no codec of ours gives it.
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => key !== '__proto__')
}
