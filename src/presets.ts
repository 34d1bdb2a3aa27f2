/**
 * Time limits that others have thought about, as data to spread into the options.
 *
 * @see reference: NIST SP 800-63B-4, reauthentication at each assurance level; OWASP Session Management Cheat Sheet
 * @module
 */

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400

/** Seconds, to spread into the options of `createSessions`. */
export interface TimeLimits {
  readonly idleTimeout: number
  readonly lifetime: number
}

/**
 * Pairs of `idleTimeout` and `lifetime`, in seconds.
 *
 * NIST's are the stricter values of the draft of 2022 and of what is known of the text of 2025, so that they satisfy
 * both; the final wording was not verified: check it before you claim conformance. Its first level has no limit on
 * inactivity. OWASP's are the upper ends for idle time (2 to 5 minutes where much is at stake, 15 to 30 where little
 * is), and both ends of its 4 to 8 hours for the whole.
 *
 * @example
 * ```ts
 * createSessions({ ...presets.nist.aal2, store })
 * ```
 */
export const presets: {
  readonly nist: Readonly<Record<'aal1' | 'aal2' | 'aal3', TimeLimits>>
  readonly owasp: Readonly<Record<'high' | 'low', TimeLimits>>
} = {
  nist: {
    aal1: { idleTimeout: 30 * DAY, lifetime: 30 * DAY },
    aal2: { idleTimeout: 30 * MINUTE, lifetime: 12 * HOUR },
    aal3: { idleTimeout: 15 * MINUTE, lifetime: 12 * HOUR },
  },
  owasp: {
    high: { idleTimeout: 5 * MINUTE, lifetime: 4 * HOUR },
    low: { idleTimeout: 30 * MINUTE, lifetime: 8 * HOUR },
  },
}
