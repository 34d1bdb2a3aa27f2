import { expect, it } from 'vitest'
import { fakeClock } from '../../src/testing/index.ts'

it('a fake clock stands still until it is moved, forward or back, by milliseconds', () => {
  const clock = fakeClock(1_000)
  expect(clock()).toBe(1_000)
  expect(clock()).toBe(1_000)
  clock.advance(250)
  expect(clock()).toBe(1_250)
  clock.advance(-50)
  expect(clock()).toBe(1_200)
})

it('a fake clock starts at a round number that lies ahead of the machine’s clock', () => {
  expect(fakeClock()()).toBe(2_000_000_000_000)
})

it('each fake clock is its own', () => {
  const [one, other] = [fakeClock(0), fakeClock(0)]
  one.advance(1)
  expect(other()).toBe(0)
})
