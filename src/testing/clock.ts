/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */

/** A clock for the `clock` option of `createSessions`: call it for the instant, in ms since the epoch. */
export interface FakeClock {
  (): number
  /** Moves the clock by so many **milliseconds**; a negative number sets it back. */
  advance(ms: number): void
}

/**
 * Gives a clock that moves only when told to.
 *
 * @param startAt - where it stands at first, in ms since the epoch. Default 2,000,000,000,000 (May 2033): a round
 *   number, and late enough that no engine's own expiry interferes.
 *
 * @example
 * ```ts
 * const clock = fakeClock()
 * const sessions = createSessions({ store: memoryStore(), clock, idleTimeout: 60 })
 * clock.advance(60_000) // and the session has expired
 * ```
 */
export function fakeClock(startAt: number = 2_000_000_000_000): FakeClock {
  let at = startAt
  const clock = (): number => at
  const advance = (ms: number): void => {
    at += ms
  }
  return Object.assign(clock, { advance })
}
