import { describe, expect, it } from 'vitest'
import { decide, type Plan, type Situation } from '../../src/core/plan.ts'

const FLAGS = ['stored', 'changed', 'asked', 'rotating', 'touchDue'] as const
const ALL: Situation[] = Array.from(
  { length: 2 ** FLAGS.length },
  (_, bits) =>
    Object.fromEntries(FLAGS.map((flag, at) => [flag, (bits & (1 << at)) !== 0])) as Record<keyof Situation, boolean>,
)

function plans(of: Partial<Situation>): Set<Plan> {
  const matching = ALL.filter((each) =>
    Object.entries(of).every(([flag, value]) => each[flag as keyof Situation] === value),
  )
  return new Set(matching.map(decide))
}

describe('the plan', () => {
  it('is nothing for a visitor of whom nothing is to be remembered, whatever else was asked', () => {
    expect(plans({ stored: false, changed: false })).toEqual(new Set(['nothing']))
  })

  it('is to create when a new session got data', () => {
    expect(plans({ stored: false, changed: true })).toEqual(new Set(['create']))
  })

  it.each(['changed', 'asked', 'rotating'] as const)('is one save when a stored session is %s', (flag) => {
    expect(plans({ stored: true, [flag]: true })).toEqual(new Set(['save']))
  })

  it('is a touch when a stored session was only read, and its expiry lags', () => {
    const read = { stored: true, changed: false, asked: false, rotating: false }
    expect(plans({ ...read, touchDue: true })).toEqual(new Set(['touch']))
    expect(plans({ ...read, touchDue: false })).toEqual(new Set(['nothing']))
  })
})
