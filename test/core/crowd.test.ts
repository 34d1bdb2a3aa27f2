import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CrowdPolicy, tooMany } from '../../src/core/crowd.ts'
import type { SessionRecord } from '../../src/core/record.ts'

const record = (id: string, authenticatedAt: number | null, createdAt = 0): SessionRecord => ({
  id,
  version: 1,
  expiresAt: 1000,
  principal: 'alice',
  metadata: { hash: '', mark: '', createdAt, startedAt: createdAt, authenticatedAt, savedAt: createdAt },
  text: '{}',
})
const ids = (records: readonly SessionRecord[]): string[] => records.map(({ id }) => id)

const aCrowd = fc.uniqueArray(
  fc.record({ id: fc.string({ minLength: 1, maxLength: 3 }), at: fc.integer({ min: 1, max: 4 }) }),
  { selector: ({ id }) => id, maxLength: 12 },
)
const aPolicy = fc.constantFrom<CrowdPolicy>('evict', 'refuse')
const most = fc.integer({ min: 1, max: 4 })

describe('a crowd', () => {
  it('loses its oldest by evict and its newest by refuse', () => {
    const [first, second, third] = [record('c', 1), record('a', 2), record('b', 3)] as const
    expect(ids(tooMany([second, third, first], 2, 'evict'))).toEqual(['c'])
    expect(ids(tooMany([second, third, first], 2, 'refuse'))).toEqual(['b'])
    expect(ids(tooMany([second, third, first], 1, 'evict'))).toEqual(['a', 'c'])
    expect(ids(tooMany([second, third, first], 3, 'evict'))).toEqual([])
  })

  it('tells those of one instant apart by their ids', () => {
    expect(ids(tooMany([record('b', 1), record('a', 1)], 1, 'evict'))).toEqual(['a'])
    expect(ids(tooMany([record('b', 1), record('a', 1)], 1, 'refuse'))).toEqual(['b'])
  })

  it('counts a session that never signed in from its creation', () => {
    expect(ids(tooMany([record('a', null, 5), record('b', 4, 1)], 1, 'evict'))).toEqual(['b'])
  })

  it('ends at its limit exactly, whoever saw what part of it, if somebody saw it whole', () => {
    const parts = fc.array(fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), { maxLength: 6 })
    fc.assert(
      fc.property(aCrowd, most, aPolicy, parts, (crowd, most, policy, parts) => {
        const all = crowd.map(({ id, at }) => record(id, at))
        const ended = new Set(ids(tooMany(all, most, policy)))
        for (const part of parts) {
          const seen = all.filter((_, at) => part[at])
          for (const id of ids(tooMany(seen, most, policy))) ended.add(id)
        }
        expect(all.length - ended.size).toBe(Math.min(all.length, most))
      }),
    )
  })
})
