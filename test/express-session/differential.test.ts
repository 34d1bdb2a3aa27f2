/** The same conversations with express-session and with the drop-in: every difference is on the list of intended ones. */
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CONVERSATIONS } from './_conversations.ts'
import { differences } from './_difference.ts'
import { INTENDED, isIn, judge, unintended } from './_intended.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_000 }))
afterEach(() => void vi.useRealTimers())

describe.each([
  ['the drop-in', false],
  ['the drop-in with strictCompat', true],
] as const)('%s, beside express-session', (_, strict) => {
  const seen = new Set<string>()

  it.each(CONVERSATIONS.map((conversation) => [conversation.name, conversation] as const))(
    '%s',
    async (_, conversation) => {
      const found = await differences(conversation, strict)
      for (const row of found.flatMap((difference) => judge(difference, strict).rows)) seen.add(row)
      expect(unintended(found, strict)).toEqual([])
    },
  )

  afterAll(() => {
    const meant = INTENDED.filter((each) => isIn(each, strict)).map(({ row }) => row)
    expect([...seen].toSorted(), 'every intended difference is met').toEqual([...new Set(meant)].toSorted())
  })
})
