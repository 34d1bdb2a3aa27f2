import crypto from 'node:crypto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Limits } from '../../src/core/expiry.ts'
import { judge, rotationStep, ROTATION_GRACE_MS, standing } from '../../src/core/judge.ts'
import type { Metadata, SessionRecord } from '../../src/core/record.ts'
import { sealSecret, secretHasher, type Token } from '../../src/core/token.ts'

const NOW = 1_000_000
const LIMITS: Limits = { idleMs: 60_000, lifetimeMs: 600_000 }
const id = 'A'.repeat(22)
const hashOf = secretHasher('', 'sid')
const token = (letter: string): Token => ({ id, secret: letter.repeat(42) + 'A' })
const [current, previous, stranger] = [token('c'), token('p'), token('s')]
const hash = hashOf(current.secret)
const METADATA: Metadata = { hash, mark: 'm', createdAt: NOW, startedAt: NOW, authenticatedAt: null, savedAt: NOW }
const sealed = sealSecret(current.secret, previous, crypto.randomBytes)
const rotated = { ...METADATA, previous: { hash: hashOf(previous.secret), sealed } }
const confirmed = { ...METADATA, previous: { hash: hashOf(previous.secret), confirmedAt: NOW } }

const record = (metadata: Metadata, expiresAt = NOW + 60_000): SessionRecord => ({
  id,
  version: 1,
  expiresAt,
  principal: null,
  metadata,
  text: '{}',
})
const verdict = (metadata: Metadata, token: Token, now = NOW): unknown =>
  judge(record(metadata), token, hashOf(token.secret), now, LIMITS)

afterEach(() => vi.restoreAllMocks())

describe('a token', () => {
  it('opens the record that holds the hash of its secret', () => {
    expect(verdict(METADATA, current)).toEqual({ opens: 'current' })
  })

  it('opens nothing with another secret', () => {
    expect(verdict(METADATA, stranger)).toEqual({ opens: false, because: 'bad-token' })
    expect(verdict(rotated, stranger)).toEqual({ opens: false, because: 'bad-token' })
  })

  it('that was rotated away opens until the new one was seen, and is told the new one', () => {
    expect(verdict(rotated, previous)).toEqual({ opens: 'previous', next: current.secret })
    expect(judge(record(rotated, Infinity), previous, hashOf(previous.secret), NOW + 599_999, LIMITS)).toEqual({
      opens: 'previous',
      next: current.secret,
    })
  })

  it('that was rotated away opens for a grace after the new one was seen, and is told nothing', () => {
    expect(verdict(confirmed, previous)).toEqual({ opens: 'previous' })
    const judged = (now: number): unknown =>
      judge(record(confirmed, Infinity), previous, hashOf(previous.secret), now, LIMITS)
    expect(judged(NOW + ROTATION_GRACE_MS)).toEqual({ opens: 'previous' })
    expect(judged(NOW + ROTATION_GRACE_MS + 1)).toEqual({ opens: false, because: 'token-reuse' })
  })

  it('that was rotated away opens, and is told nothing, when the sealed one cannot be read', () => {
    const damaged = { ...METADATA, previous: { hash: hashOf(previous.secret), sealed: sealed.slice(1) } }
    expect(verdict(damaged, previous)).toEqual({ opens: 'previous' })
  })

  it('opens nothing from the very instant of the expiry', () => {
    expect(verdict(METADATA, current, NOW + 59_999)).toEqual({ opens: 'current' })
    expect(verdict(METADATA, current, NOW + 60_000)).toEqual({ opens: false, because: 'expired' })
  })

  it('opens nothing from the end of the lifetime, even where the stored expiry is later', () => {
    const judged = (now: number): unknown => judge(record(METADATA, Infinity), current, hash, now, LIMITS)
    expect(judged(NOW + 599_999)).toEqual({ opens: 'current' })
    expect(judged(NOW + 600_000)).toEqual({ opens: false, because: 'expired' })
  })

  it("opens nothing after the session's own, tighter lifetime", () => {
    const own = record({ ...METADATA, lifetime: 10 }, Infinity)
    expect(judge(own, current, hash, NOW + 10_000, LIMITS)).toEqual({ opens: false, because: 'expired' })
  })

  it('is compared in constant time', () => {
    const compare = vi.spyOn(crypto, 'timingSafeEqual')
    verdict(METADATA, current)
    expect(compare).toHaveBeenCalledTimes(1)
    verdict(rotated, previous)
    expect(compare).toHaveBeenCalledTimes(3)
  })
})

describe('what was opened before', () => {
  it.each([
    ['the current token', METADATA, hash, 'current'],
    ['the one before, not yet replaced in sight', rotated, hashOf(previous.secret), 'previous'],
    ['the one before, within its grace', confirmed, hashOf(previous.secret), 'previous'],
    ['a token that was replaced', METADATA, hashOf(previous.secret), undefined],
    ['no token', METADATA, '', undefined],
  ])('with %s stands as %#', (_, metadata, opened, expected) => {
    expect(standing(metadata, opened, NOW + ROTATION_GRACE_MS)).toBe(expected)
  })

  it('with the token before no longer stands after the grace', () => {
    expect(standing(confirmed, hashOf(previous.secret), NOW + ROTATION_GRACE_MS + 1)).toBeUndefined()
  })
})

describe('periodic rotation', () => {
  it('replaces a token that is as old as it may be, counted from where the session started', () => {
    expect(rotationStep(METADATA, NOW + 999, 1000)).toBeUndefined()
    expect(rotationStep(METADATA, NOW + 1000, 1000)).toBe('replace')
  })

  it('counts from the last replacement', () => {
    expect(rotationStep({ ...METADATA, rotatedAt: NOW + 500 }, NOW + 1499, 1000)).toBeUndefined()
    expect(rotationStep({ ...METADATA, rotatedAt: NOW + 500 }, NOW + 1500, 1000)).toBe('replace')
  })

  it('never happens when it is off', () => {
    expect(rotationStep(METADATA, Number.MAX_SAFE_INTEGER, Infinity)).toBeUndefined()
  })

  it('confirms the new token first, once', () => {
    expect(rotationStep(rotated, NOW + 5000, 1000)).toBe('confirm')
    expect(rotationStep(confirmed, NOW, 1000)).toBeUndefined()
    expect(rotationStep(confirmed, NOW + 1000, 1000)).toBe('replace')
  })
})
