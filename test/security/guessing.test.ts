/** Guessing: the attacker has many tokens, and wants the next one. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createSessions } from '../../src/sessions.ts'
import { openWorld } from '../support/promises.ts'
import { Visitor } from '../support/visitor.ts'
import { app, places } from './_attack.ts'

afterEach(() => void vi.restoreAllMocks())

async function drawTokens(count: number): Promise<[id: Buffer, secret: Buffer][]> {
  const sessions = createSessions<{ a?: number }>({ clock: () => 1_700_000_000_000 })
  const drawn: [Buffer, Buffer][] = []
  for (let at = 0; at < count; at++) {
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => (session.a = 1))
    const [id, secret] = visitor.token.split('.') as [string, string]
    drawn.push([Buffer.from(id, 'base64url'), Buffer.from(secret, 'base64url')])
  }
  return drawn
}

describe('guessing tokens', () => {
  it('ten thousand tokens have no byte that leans to anything', async () => {
    // Whoever can foresee this one can foresee nothing.
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const drawn = await drawTokens(10_000)
    for (const part of [0, 1] as const) {
      const width = drawn[0]![part].length
      expect(width).toBe(part === 0 ? 16 : 32)
      expect(new Set(drawn.map((token) => token[part].toString('hex'))).size).toBe(drawn.length)
      for (let at = 0; at < width; at++) {
        const counts = Array.from({ length: 256 }, () => 0)
        for (const token of drawn) counts[token[part][at]!]!++
        const expected = drawn.length / 256
        const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
        // 255 degrees of freedom: chance alone exceeds 400 once in 50 million draws.
        expect(chiSquare, `byte ${at}`).toBeLessThan(400)
      }
    }
  })

  it('two tokens of the same millisecond share nothing', async () => {
    const drawn = await drawTokens(200)
    const pieces = new Set<string>()
    let count = 0
    for (const token of drawn) {
      for (const part of token) {
        for (let at = 0; at + 4 <= part.length; at++, count++) pieces.add(`${at} ${part.toString('hex', at, at + 4)}`)
      }
    }
    // 8,400 pieces of four bytes at some offset: two that are alike by chance come once in 3,000 runs, four never.
    expect(count - pieces.size).toBeLessThan(4)
  })

  it.each(places)('without a random source nobody gets a token: $name', async (place) => {
    const failing = (): never => {
      throw new Error('no entropy')
    }
    const world = await openWorld(place, app, {}, { options: { random: failing } })
    for (const path of ['/assign', '/sign-in']) {
      const { status, setCookies } = await world.here.browser().post(path, { id: 'alice' })
      expect({ status, setCookies }, path).toEqual({ status: 500, setCookies: [] })
    }
    for await (const row of world.engine.scan!({ now: world.clock() })) expect.unreachable(JSON.stringify(row))
    await world.close()
  })
})
