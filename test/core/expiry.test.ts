import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  endOfLife,
  isTouchDue,
  lastSeenAt,
  type Limits,
  limitsOf,
  nextExpiry,
  remainingSeconds,
} from '../../src/core/expiry.ts'
import { forAll } from '../support/arbitraries.ts'

const CONFIGURED: Limits = { idleMs: 60_000, lifetimeMs: 600_000 }

describe("a session's limits", () => {
  it('are the configured ones when it has none of its own', () => {
    expect(limitsOf({}, CONFIGURED)).toEqual(CONFIGURED)
  })

  it('are its own, in seconds, where they are tighter', () => {
    expect(limitsOf({ idleTimeout: 5 }, CONFIGURED)).toEqual({ idleMs: 5000, lifetimeMs: 600_000 })
    expect(limitsOf({ lifetime: 5 }, CONFIGURED)).toEqual({ idleMs: 60_000, lifetimeMs: 5000 })
  })

  it('are never above the configured ones', () => {
    expect(limitsOf({ idleTimeout: 1e9, lifetime: Infinity }, CONFIGURED)).toEqual(CONFIGURED)
  })
})

describe('the expiry that a request earns', () => {
  const life = { startedAt: 1_000_000 }

  it('is the idle timeout away', () => {
    expect(nextExpiry(1_000_500, life, CONFIGURED)).toBe(1_060_500)
  })

  it('is never after the end of its life', () => {
    expect(endOfLife(life, CONFIGURED)).toBe(1_600_000)
    expect(nextExpiry(1_540_000, life, CONFIGURED)).toBe(1_600_000)
    expect(nextExpiry(1_540_001, life, CONFIGURED)).toBe(1_600_000)
    expect(nextExpiry(1_539_999, life, CONFIGURED)).toBe(1_599_999)
  })
})

describe('a touch', () => {
  it.each([
    ['5 % of a short idle timeout', 60_000, 3000],
    ['five minutes of a long one', 86_400_000, 300_000],
  ])('is due at %s and not before', (_, idleMs, slack) => {
    const limits = { idleMs, lifetimeMs: Infinity }
    expect(isTouchDue(1000, 1000 + slack - 1, limits)).toBe(false)
    expect(isTouchDue(1000, 1000 + slack, limits)).toBe(true)
  })

  it('is not due when the expiry would go back', () => {
    expect(isTouchDue(10_000, 1000, CONFIGURED)).toBe(false)
  })
})

describe('any series of requests', () => {
  it('ends a session early by the slack of touches at most, and never late', () => {
    const schedule = fc.record({
      idleMs: fc.integer({ min: 1000, max: 100_000_000 }),
      lifetimes: fc.integer({ min: 1, max: 20 }),
      // Drawn as whole numbers: doubles are drawn by their bits, and so nearly all next to 0.
      steps: fc.array(
        fc.integer({ min: 0, max: 1200 }).map((thousandths) => thousandths / 1000),
        { maxLength: 60 },
      ),
    })
    forAll(
      schedule,
      ({ idleMs, lifetimes, steps }) => {
        const limits = { idleMs, lifetimeMs: idleMs * lifetimes }
        const life = { startedAt: 0 }
        const slack = Math.min(idleMs * 0.05, 300_000)
        let expiresAt = nextExpiry(0, life, limits)
        let now = 0
        for (const step of steps) {
          const pause = Math.floor(step * idleMs)
          now += pause
          if (now >= expiresAt) {
            expect(pause > idleMs - slack || now >= limits.lifetimeMs).toBe(true)
            return
          }
          expect(pause).toBeLessThan(idleMs)
          expect(now).toBeLessThan(limits.lifetimeMs)
          const next = nextExpiry(now, life, limits)
          if (isTouchDue(expiresAt, next, limits)) expiresAt = next
        }
      },
      1000,
    )
  })
})

describe('the instant a session was last seen', () => {
  it('is where its expiry was counted from', () => {
    expect(lastSeenAt(1000, 71_000, CONFIGURED)).toBe(11_000)
  })

  it('is no earlier than its last save, near the end of its life', () => {
    expect(lastSeenAt(50_000, 71_000, CONFIGURED)).toBe(50_000)
  })
})

describe('the seconds for Max-Age', () => {
  const metadata = { startedAt: 1_000_000 }

  it('are the whole ones that remain of its life', () => {
    expect(remainingSeconds({ metadata }, 1_000_000, CONFIGURED)).toBe(600)
    expect(remainingSeconds({ metadata }, 1_000_001, CONFIGURED)).toBe(599)
    expect(remainingSeconds({ metadata: { ...metadata, lifetime: 10 } }, 1_000_000, CONFIGURED)).toBe(10)
  })

  it('are never fewer than none', () => {
    expect(remainingSeconds({ metadata }, 9_000_000, CONFIGURED)).toBe(0)
  })
})
