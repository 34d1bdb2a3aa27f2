import { describe, expect, it } from 'vitest'
import { presets } from '../src/index.ts'
import { scene, SECOND } from './support/scene.ts'

const named = Object.entries(presets).flatMap(([of, levels]) =>
  Object.entries(levels).map(([level, limits]) => ({ name: `${of}.${level}`, limits })),
)

describe('the presets', () => {
  it('are these, in seconds', () => {
    expect(presets).toEqual({
      nist: {
        aal1: { idleTimeout: 2_592_000, lifetime: 2_592_000 },
        aal2: { idleTimeout: 1800, lifetime: 43_200 },
        aal3: { idleTimeout: 900, lifetime: 43_200 },
      },
      owasp: {
        high: { idleTimeout: 300, lifetime: 14_400 },
        low: { idleTimeout: 1800, lifetime: 28_800 },
      },
    })
  })

  it.each(named)('$name end a session that nobody uses, and one that is used all the time', async ({ limits }) => {
    const app = scene({ ...limits })
    for (const [every, end] of [
      [limits.idleTimeout * 1000, limits.idleTimeout * 1000],
      [limits.idleTimeout * 900, limits.lifetime * 1000],
    ] as const) {
      const alice = await app.signedIn()
      const createdAt = app.clock() - SECOND
      while (app.clock() + every < createdAt + end) {
        app.clock.advance(every)
        await alice.visit((session) => session.touch())
      }
      app.clock.advance(createdAt + end - 1 - app.clock())
      expect((await alice.open()).isNew).toBe(false)
      app.clock.advance(1)
      expect((await alice.open()).isNew).toBe(true)
    }
  })
})
