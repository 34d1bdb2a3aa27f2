/**
 * The limits that a handler gives one session: `req.session.limit({ lifetime: 3600 })`.
 *
 * @module
 */
import { UsageError } from './errors.ts'

/** One session's own limits; never above the configured ones. */
export interface SessionLimits {
  /** Seconds. */
  idleTimeout?: number
  /** Seconds. */
  lifetime?: number
  /** Whether the cookie outlives the browser. */
  persistent?: boolean
}

/** Gives limits as they are to be kept, without what is undefined. @throws UsageError for what is no limit */
export function checkedLimits(to: SessionLimits): SessionLimits {
  const isObject = typeof to === 'object' && to !== null
  const stranger = isObject ? Object.keys(to).find((name) => !LIMIT_NAMES.has(name)) : String(to)
  if (stranger !== undefined) throw badLimit(`knows no "${stranger}"; give idleTimeout, lifetime or persistent`)
  for (const key of ['idleTimeout', 'lifetime'] as const) {
    const seconds = to[key]
    if (seconds === undefined || (Number.isFinite(seconds) && seconds > 0)) continue
    throw badLimit(`takes a number of seconds above 0 for ${key}, got ${String(seconds)}; give for example 3600`)
  }
  const { persistent } = to
  if (persistent !== undefined && typeof persistent !== 'boolean')
    throw badLimit(`takes true or false for persistent, got ${String(persistent)}; give one of them`)
  return Object.fromEntries(Object.entries(to).filter(([, value]) => value !== undefined))
}

// --- internal ---

const LIMIT_NAMES: ReadonlySet<string> = new Set<keyof SessionLimits>(['idleTimeout', 'lifetime', 'persistent'])

function badLimit(problem: string): UsageError {
  return new UsageError('ERR_SOJOURN_UNSUPPORTED', `limit() ${problem}`)
}
