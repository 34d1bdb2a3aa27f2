/**
 * The one assertion of the cases. Written here because they run under any test runner, or under none.
 *
 * @module
 */

/** Fails unless `actual` is what was expected, as {@link matches} sees it; `what` names the thing in the message. */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (!matches(actual, expected)) throw new Error(`${what}: expected ${show(expected)}, got ${show(actual)}`)
}

/** Fails unless the condition holds; `what` says what should have been. */
export function ok(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what)
}

/**
 * Tells whether plain data is what was expected, by value.
 *
 * Numbers must be numbers: a driver that answers `'17'` or `17n` is found out. An object may have further properties
 * than those expected; they are the store's own business.
 */
export function matches(actual: unknown, expected: unknown): boolean {
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((item, i) => matches(actual[i], item))
    )
  }
  if (isObject(expected)) {
    return isObject(actual) && Object.keys(expected).every((key) => matches(actual[key], expected[key]))
  }
  return Object.is(actual, expected)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

const SHOWN = 200

/** As JSON, in ASCII: two texts that only look the same are the very thing that some cases are about. */
function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner: unknown) => brief(inner)) ?? String(value)
  return text.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function brief(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'string' || value.length <= SHOWN) return value
  return `${value.slice(0, SHOWN)}... (${value.length} characters)`
}
