import { describe, expect, it } from 'vitest'
import { type Change, firstRecord, nextRecord } from '../../src/core/compose.ts'
import type { Limits } from '../../src/core/expiry.ts'
import type { SessionRecord } from '../../src/core/record.ts'

const NOW = 1_000_000
const LATER = NOW + 20_000
const LIMITS: Limits = { idleMs: 60_000, lifetimeMs: 600_000 }
const labels = { userAgent: 'Firefox', address: '192.0.2.1' }
const CHANGE: Change = { mark: 'm1', text: '{"a":1}', principal: null, labels }

const first = (change: Partial<Change> & { hash?: string } = {}): SessionRecord =>
  firstRecord('x', { ...CHANGE, hash: 'h1', ...change }, NOW, LIMITS)
const next = (current: SessionRecord, change: Partial<Change> = {}, now = LATER): SessionRecord =>
  nextRecord(current, { ...CHANGE, mark: 'm2', principal: current.principal, ...change }, now, LIMITS)

describe("a session's first record", () => {
  it('of nobody has no labels and no instant of sign-in', () => {
    expect(first()).toEqual({
      id: 'x',
      version: 1,
      expiresAt: NOW + 60_000,
      principal: null,
      metadata: { hash: 'h1', mark: 'm1', createdAt: NOW, startedAt: NOW, authenticatedAt: null, savedAt: NOW },
      text: '{"a":1}',
    })
  })

  it('of somebody has both', () => {
    expect(first({ principal: 'alice' })).toMatchObject({
      principal: 'alice',
      metadata: { authenticatedAt: NOW, ...labels },
    })
  })

  it('ends by its own limits', () => {
    expect(first({ limits: { idleTimeout: 5 } })).toMatchObject({ expiresAt: NOW + 5000, metadata: { idleTimeout: 5 } })
    expect(first({ limits: { lifetime: 3 } }).expiresAt).toBe(NOW + 3000)
  })
})

describe('the record after a proof of who it is, by the same person', () => {
  const alice = first({ principal: 'alice' })

  it('is that of a sign-in: a new life and new labels, under the same id', () => {
    const again = { userAgent: 'Safari', address: '192.0.2.9' }
    const { id, version, metadata } = next(alice, { authenticated: true, hash: 'h2', labels: again })
    expect({ id, version }).toEqual({ id: 'x', version: 2 })
    expect(metadata).toEqual({
      hash: 'h2',
      mark: 'm2',
      createdAt: NOW,
      startedAt: LATER,
      authenticatedAt: LATER,
      savedAt: LATER,
      ...again,
    })
  })

  it('is none of nobody', () => {
    const { metadata } = next(first(), { authenticated: true, hash: 'h2' })
    expect(metadata).toMatchObject({ startedAt: NOW, authenticatedAt: null })
  })
})

describe('the record after another', () => {
  it('has the next version, the new text and mark, and a later expiry', () => {
    const after = next(first(), { text: '{"a":2}' })
    expect(after).toMatchObject({ id: 'x', version: 2, text: '{"a":2}', expiresAt: LATER + 60_000 })
    expect(after.metadata).toMatchObject({ hash: 'h1', mark: 'm2', createdAt: NOW, startedAt: NOW, savedAt: LATER })
  })

  it('never lives longer for it', () => {
    expect(next(first(), {}, NOW + 590_000).expiresAt).toBe(NOW + 600_000)
  })

  it('of a request that is no activity ends no later, but for a sign-in', () => {
    const passive = { passive: true }
    expect(next(first(), passive).expiresAt).toBe(NOW + 60_000)
    expect(next(first(), { ...passive, limits: { idleTimeout: 5 } }).expiresAt).toBe(LATER + 5000)
    expect(next(first(), { ...passive, principal: 'alice', hash: 'h2' }).expiresAt).toBe(LATER + 60_000)
  })

  it('starts a new life at a sign-in, under the same id', () => {
    const after = next(first(), { principal: 'alice', hash: 'h2' })
    expect(after.metadata).toMatchObject({
      createdAt: NOW,
      startedAt: LATER,
      authenticatedAt: LATER,
      hash: 'h2',
      ...labels,
    })
    expect(after).toMatchObject({ id: 'x', principal: 'alice' })
    expect(next(after, {}, LATER + 590_000).expiresAt).toBe(LATER + 600_000)
  })

  it('starts a new life at a change from one person to another, with the labels of the other', () => {
    const bobs = { userAgent: 'Safari' }
    const after = next(first({ principal: 'alice' }), { principal: 'bob', hash: 'h2', labels: bobs })
    expect(after.metadata).toMatchObject({ startedAt: LATER, authenticatedAt: LATER, userAgent: 'Safari' })
    expect(after.metadata.address).toBeUndefined()
  })

  it("is nobody's after a sign-out, and starts no new life", () => {
    const after = next(first({ principal: 'alice' }), { principal: null, hash: 'h2' })
    expect(after.metadata).toMatchObject({ startedAt: NOW, authenticatedAt: null })
    expect(after.metadata.userAgent).toBeUndefined()
    expect(after.metadata.address).toBeUndefined()
  })

  it("keeps its owner's labels and instant of sign-in when only data changed", () => {
    const after = next(first({ principal: 'alice' }), { labels: { userAgent: 'other' } })
    expect(after.metadata).toMatchObject({ authenticatedAt: NOW, ...labels })
  })

  it('keeps its own limits until there are others', () => {
    const limited = first({ limits: { idleTimeout: 5, persistent: false } })
    expect(next(limited).metadata).toMatchObject({ idleTimeout: 5, persistent: false })
    expect(next(limited, { limits: { idleTimeout: 9 } }).metadata).toMatchObject({ idleTimeout: 9, persistent: false })
  })

  it('keeps what it knows of the token before while the token stays', () => {
    const rotated = next(first(), { hash: 'h2', previous: { hash: 'h1', sealed: 's' } })
    expect(rotated.metadata).toMatchObject({ hash: 'h2', rotatedAt: LATER, previous: { hash: 'h1', sealed: 's' } })
    expect(next(rotated, {}, LATER + 1).metadata).toMatchObject({
      rotatedAt: LATER,
      previous: { hash: 'h1', sealed: 's' },
    })
    const confirmed = next(rotated, { previous: { hash: 'h1', confirmedAt: LATER } })
    expect(confirmed.metadata).toMatchObject({ hash: 'h2', previous: { hash: 'h1', confirmedAt: LATER } })
    expect(confirmed.metadata.previous).not.toHaveProperty('sealed')
  })

  it('knows nothing of the token before when it was replaced for good', () => {
    const rotated = next(first(), { hash: 'h2', previous: { hash: 'h1', sealed: 's' } })
    expect(next(rotated, { hash: 'h3' }).metadata.previous).toBeUndefined()
    expect(next(rotated, { hash: 'h3', principal: 'alice' }).metadata.previous).toBeUndefined()
  })

  it('counts the age of the token from its replacement, or from the sign-in', () => {
    expect(next(first(), { hash: 'h2' }).metadata.rotatedAt).toBe(LATER)
    expect(next(first(), { hash: 'h2', principal: 'alice' }).metadata.rotatedAt).toBeUndefined()
  })

  it('bears the marks of those it closely follows', () => {
    const close = next(first(), {}, NOW + 9_999)
    expect(close.metadata.marks).toBe('m1')
    expect(next(close, { mark: 'm3' }, NOW + 12_000).metadata.marks).toBe('m1,m2')
    expect(next(first(), {}, NOW + 10_000).metadata.marks).toBeUndefined()
  })
})
