/** The time limits as a whole: any series of requests against a model of a dozen lines (E01, E02, E09, E10). */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Visit } from '../../src/shell/visit.ts'
import type { Session } from '../../src/core/session.ts'
import { HOUR, MINUTE, scene, settled, type TestData } from '../support/scene.ts'
import type { Visitor } from '../support/visitor.ts'

const KINDS = ['read', 'write', 'touch', 'update', 'poll', 'polled write', 'renew', 'sign in anew', 'tighten'] as const
type Kind = (typeof KINDS)[number]

/** What a session's end should be: known to the millisecond for the lifetime, and up to the slack for the idle timeout. */
class Model {
  idleMs: number
  readonly #lifetimeMs: number
  #startedAt: number
  #activeAt: number

  constructor(now: number, idleMs: number, lifetimeMs: number) {
    this.idleMs = idleMs
    this.#lifetimeMs = lifetimeMs
    this.#startedAt = this.#activeAt = now
  }

  judge(now: number): 'alive' | 'ended' | 'either' {
    const idle = now - this.#activeAt
    if (now >= this.#startedAt + this.#lifetimeMs || idle >= this.idleMs) return 'ended'
    return idle < this.idleMs - Math.min(this.idleMs * 0.05, 5 * MINUTE) ? 'alive' : 'either'
  }

  /** A request of this kind at this instant, of a session that was alive. */
  request(kind: Kind, now: number): void {
    if (kind === 'poll' || kind === 'polled write') return
    this.#activeAt = now
    if (kind === 'sign in anew') this.#startedAt = now
    if (kind === 'tighten') this.idleMs *= 0.9
  }
}

const HANDLERS: Record<Kind, (session: Session<TestData>, model: Model) => unknown> = {
  read: (session) => session.user,
  write: (session) => (session['n'] = Number(session['n'] ?? 0) + 1),
  touch: (session) => session.touch(),
  update: (session) => session.update((data) => void (data['m'] = Number(data['m'] ?? 0) + 1)),
  poll: (session) => session.user,
  'polled write': (session) => (session['polls'] = Number(session['polls'] ?? 0) + 1),
  renew: (session) => session.regenerate(),
  'sign in anew': (session) => session.regenerate({ authenticated: true }),
  tighten: (session, { idleMs }) => session.limit({ idleTimeout: (idleMs * 0.9) / 1000 }),
}

/** One request, of an adapter's making; gives whether there was a session. */
async function request(
  app: ReturnType<typeof scene>,
  visitor: Visitor<TestData>,
  kind: Kind,
  model: Model,
): Promise<boolean> {
  const visit: Visit = await app.sessions.visit({ cookie: visitor.cookie, secure: true })
  visit.touches = !kind.startsWith('poll')
  const session = visit.look() as Session<TestData>
  if (session.isNew) return false
  await HANDLERS[kind](session, model)
  const { headers } = await visit.commit()
  const cookie = headers.find(([name]) => name === 'Set-Cookie')?.[1]
  if (cookie !== undefined) visitor.cookie = cookie.split(';')[0]!
  await settled()
  return true
}

/** How much of the idle timeout passes between two requests: drawn evenly, and often near the slack or the end. */
const share = fc.oneof(
  fc.integer({ min: 0, max: 1050 }).map((thousandths) => thousandths / 1000),
  fc.constantFrom(0.03, 0.049, 0.051, 0.06, 0.08, 0.92, 0.935, 0.945, 0.951, 0.999, 1),
)

describe('any series of requests', () => {
  it.each([false, true])(
    'ends its session early by the slack of touches at most, and never late (rotation: %s)',
    async (rotates) => {
      const schedule = fc.record({
        // Where the slack is 5 %, and where it is five minutes.
        idleMs: fc
          .oneof(fc.integer({ min: 60, max: 6000 }), fc.integer({ min: 6000, max: 90_000 }))
          .map((s) => s * 1000),
        lives: fc.integer({ min: 2, max: 12 }),
        steps: fc.array(fc.tuple(share, fc.oneof(fc.constant('read' as const), fc.constantFrom(...KINDS))), {
          minLength: 1,
          maxLength: 40,
        }),
      })
      await fc.assert(
        fc.asyncProperty(schedule, async ({ idleMs, lives, steps }) => {
          const lifetimeMs = idleMs * lives
          const rotation = rotates ? { rotateEvery: idleMs / 4000 } : {}
          const app = scene({ idleTimeout: idleMs / 1000, lifetime: lifetimeMs / 1000, ...rotation })
          const visitor = app.visitor()
          await visitor.visit((session) => (session.user = { id: 'alice' }))
          const model = new Model(app.clock(), idleMs, lifetimeMs)
          for (const [pause, kind] of steps) {
            app.clock.advance(Math.floor(pause * model.idleMs))
            const expected = model.judge(app.clock())
            const alive = await request(app, visitor, kind, model)
            if (expected !== 'either') expect(alive ? 'alive' : 'ended', kind).toBe(expected)
            if (!alive) break
            model.request(kind, app.clock())
          }
          expect(app.takeTold().filter((type) => type === 'token-reuse' || type === 'bad-token')).toEqual([])
        }),
        { numRuns: 300 },
      )
    },
  )
})

describe('a page that polls', () => {
  it.each<Kind>(['poll', 'polled write'])(
    'does not keep its session alive by a %s, though the token is replaced again and again (E10)',
    async (kind) => {
      const app = scene({ idleTimeout: 3600, lifetime: 86_400, rotateEvery: 600 })
      const alice = await app.signedIn()
      const model = new Model(app.clock(), HOUR, 24 * HOUR)
      let minutes = 0
      while (await request(app, alice, kind, model)) {
        app.clock.advance(MINUTE)
        minutes++
      }
      expect(minutes).toBe(60)
      expect(app.takeTold().filter((type) => type === 'rotated')).toHaveLength(5)
    },
  )

  it('does not shorten the life that others give it', async () => {
    const app = scene({ idleTimeout: 3600, lifetime: 86_400 })
    const alice = await app.signedIn()
    const page = alice.copy()
    const model = new Model(app.clock(), HOUR, 24 * HOUR)
    for (let half = 0; half < 10; half++) {
      app.clock.advance(HOUR / 2)
      expect(await request(app, alice, 'read', model)).toBe(true)
      expect(await request(app, page, 'polled write', model)).toBe(true)
    }
    expect((await alice.open()).expiresAt).toBe(app.clock() + HOUR)
  })
})
