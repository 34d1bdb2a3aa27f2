/**
 * Sessions arriving from express-session, against everything that may happen meanwhile: each request runs call by call
 * in every order, and may die before any of its calls. After each step a new request is made, on a copy of both stores.
 */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/core/session.ts'
import type { Store } from '../../src/core/store.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import { mapStore, type MapStore } from '../support/map-store.ts'
import type { TestData } from '../support/scene.ts'
import { crashBefore, everyOrder, goTo, type Play, Steps } from '../support/steps.ts'
import { oldCookie, type OldScene, oldScene, OldStore, OLD_ID, Returning, row } from './_old.ts'

const CALLS: readonly (keyof Store)[] = ['load', 'create', 'save', 'touch', 'remove']
const REVOKING_CALLS: readonly (keyof Store)[] = [...CALLS, 'removeAll', 'revokedAt']

/** Both stores, and managers over them as of several processes. */
class World {
  readonly #steps: Steps
  readonly #calls: readonly (keyof Store)[]
  readonly map: MapStore
  readonly old: OldStore

  /** @param calls which calls of the new store wait for their turn */
  constructor(
    steps = new Steps(),
    calls = CALLS,
    map = mapStore(),
    old = new OldStore([[OLD_ID, row({ user: { id: 'alice' } })]]),
  ) {
    this.#steps = steps
    this.#calls = calls
    this.map = map
    this.old = old
  }

  /** A process of its own, whose calls wait for their turn. */
  process(name = 'other'): OldScene {
    const store = this.#steps.around('old', this.old, ['get', 'destroy'])
    const map = this.#steps.around('new', this.map, this.#calls)
    return oldScene({ random: randomOf(name) }, { store }, this.old, map, clock)
  }

  browser(name: string): Returning {
    return new Returning(this.process(name).sessions)
  }

  /** Whom a new request with this cookie, old or new, would be taken for now, and by which session. */
  async seen(cookie = oldCookie()): Promise<string | undefined> {
    const state = JSON.stringify([cookie, [...this.map.rows], [...this.map.marks], [...this.old.rows]])
    if (!seen.has(state)) seen.set(state, await lookAt(this, cookie))
    return seen.get(state)
  }

  async isAlice(cookie?: string): Promise<boolean> {
    return (await this.seen(cookie))?.startsWith('alice in ') === true
  }
}

/** How often the turn may change while somebody could go on: what one or two do not show, is rare. */
const ONE = { switches: 1 }
const TWO = { switches: 2 }

const clock = fakeClock()

/** The same state comes again in very many orders: the answer is the same. */
const seen = new Map<string, string | undefined>()

/** On a copy, so that the look has no consequences. */
async function lookAt({ map, old }: World, cookie: string): Promise<string | undefined> {
  const copy = new World(new Steps(), CALLS, mapStore(), new OldStore(old.rows))
  for (const [id, session] of map.rows) copy.map.rows.set(id, session)
  for (const [principal, mark] of map.marks) copy.map.marks.set(principal, mark)
  const { session } = await new Returning(copy.process().sessions, cookie).visit()
  return session.user && `${session.user.id} in ${session.id}`
}

/** Bytes that are the same in every run, and others in each process. */
function randomOf(name: string): (size: number) => Uint8Array {
  let drawn = 0
  return (size) => createHash('sha512').update(`${name} ${drawn++}`).digest().subarray(0, size)
}

const write = (session: Session<TestData>): void => void (session['n'] = 1)

describe('two requests with the old cookie, in every order with two changes of turn', () => {
  it('end in one session, and each is handed a token that works', async () => {
    const orders = await everyOrder(async (steps) => {
      const world = new World(steps)
      const [one, two] = [world.browser('one'), world.browser('two')]
      return {
        lanes: { one: () => one.visit(write), two: () => two.visit() },
        async look(ended) {
          expect(await world.isAlice()).toBe(true)
          for (const [name, browser] of Object.entries({ one, two })) {
            if (!ended.has(name)) continue
            expect(browser.names, name).toEqual(['__Host-sid'])
            expect(await world.seen(browser.cookie), name).toBe(await world.seen())
          }
          if (ended.size < 2) return
          expect([one.token, world.map.rows.size, world.old.rows.size]).toEqual([two.token, 1, 0])
        },
      }
    }, TWO)
    expect(orders).toBeGreaterThan(40)
  })
})

const REVOCATION = 'a revocation of all'

/** Who ends the session while others bring it over. */
const ENDINGS: Record<string, (browser: Returning, process: OldScene) => Promise<unknown>> = {
  'a logout with the old cookie': (browser) => browser.visit((session) => session.destroy()),
  'an emptying regenerate with the old cookie': (browser) =>
    browser.visit((session) => session.regenerate({ keep: false })),
  'a sign-in as somebody else with the old cookie': (browser) =>
    browser.visit((session) => (session.user = { id: 'bob' })),
  [REVOCATION]: (_, { sessions }) => sessions.revokeAll('alice'),
}

describe.each(Object.entries(ENDINGS))('%s', (ending, end) => {
  const calls = ending === REVOCATION ? REVOKING_CALLS : CALLS
  const leave = (world: World, name = 'leaving'): Promise<unknown> => {
    const process = world.process(name)
    return end(new Returning(process.sessions), process)
  }

  /** The ending, and those who bring the session over meanwhile. */
  const against =
    (names: readonly string[]) =>
    async (steps: Steps): Promise<Play> => {
      const world = new World(steps, calls)
      const browsers = names.map((name) => [name, world.browser(name)] as const)
      const requests = browsers.map(([name, browser]) => [name, () => browser.visit(write)])
      return {
        lanes: { ending: () => leave(world), ...Object.fromEntries(requests) },
        async look(ended) {
          if (!ended.has('ending')) return
          expect(await world.isAlice(), 'with the old cookie').toBe(false)
          for (const [name, browser] of browsers) {
            if (ended.has(name)) expect(await world.isAlice(browser.cookie), `with that of ${name}`).toBe(false)
          }
          if (ended.size > names.length) expect(world.old.rows.size).toBe(0)
        },
      }
    }

  it('is final for a request under way, in every order with two changes of turn', async () => {
    expect(await everyOrder(against(['one']), TWO)).toBeGreaterThan(5)
  })

  it('is final for two requests under way, in every order with a change of turn', async () => {
    expect(await everyOrder(against(['one', 'two']), ONE)).toBeGreaterThan(50)
  })

  it('that dies before any of its calls leaves what can be ended, or nothing', async () => {
    for (let call = 0, cameSoFar = true; cameSoFar; call++) {
      const steps = new Steps()
      const world = new World(steps, REVOKING_CALLS)
      cameSoFar = await crashBefore(call, steps, () => leave(world))
      await leave(world, 'again')
      expect(await world.isAlice(), `after one that died before call ${call}`).toBe(false)
    }
  })
})

describe('a logout with the new token', () => {
  it('is final for a slow request that came with the old cookie, in every order with two changes of turn', async () => {
    const orders = await everyOrder(async (steps) => {
      const world = new World(steps)
      const [slow, browser] = [world.browser('slow'), world.browser('browser')]
      return {
        lanes: {
          slow: () => slow.visit(write),
          async browser() {
            await browser.visit()
            await browser.visit((session) => session.destroy())
          },
        },
        async look(ended) {
          if (!ended.has('browser')) return
          for (const cookie of [undefined, slow.cookie]) expect(await world.seen(cookie)).toBeUndefined()
        },
      }
    }, TWO)
    expect(orders).toBeGreaterThan(20)
  })
})

describe('a request that dies before any of its calls', () => {
  it('leaves one session, which the next one with the old cookie goes on with, and can end', async () => {
    let calls = 0
    for (let cameSoFar = true; cameSoFar; calls++) {
      const steps = new Steps()
      const world = new World(steps, REVOKING_CALLS)
      cameSoFar = await crashBefore(calls, steps, () => world.browser('dying').visit(write))
      const browser = world.browser('next')
      expect(await browser.user(), `after a death before call ${calls}`).toBe('alice')
      expect([world.old.rows.size, world.map.rows.size]).toEqual([0, 1])
      await browser.visit((session) => session.destroy())
      expect([await world.seen(), world.map.rows.size]).toEqual([undefined, 0])
    }
    expect(calls).toBeGreaterThan(5)
  })

  it('having read the old row before a logout, leaves nothing that the old cookie opens', async () => {
    for (let call = 0, cameSoFar = true; cameSoFar; call++) {
      const steps = new Steps()
      const world = new World(steps)
      const stale = steps.start('stale', () => world.browser('stale').visit(write))
      // To where it has read the old row, and is about to keep it.
      await goTo('new.create', stale)
      await world.browser('leaving').visit((session) => session.destroy())
      for (let made = 0; made < call && !stale.ended; made++) await stale.go()
      cameSoFar = !stale.ended
      expect(await world.seen(), `${call} calls after the logout`).toBeUndefined()
    }
  })
})

it('a request about to make the session its own does not take for it what another puts there after a logout', async () => {
  const steps = new Steps()
  const world = new World(steps)
  const browsers = { stale: world.browser('stale'), slow: world.browser('slow') }
  const [stale, slow] = [
    steps.start('stale', () => browsers.stale.visit(write)),
    steps.start('slow', () => browsers.slow.visit(write)),
  ]
  await goTo('new.create', stale)
  await goTo('new.save', slow)
  await world.browser('leaving').visit((session) => session.destroy())
  await stale.go()
  expect(world.map.rows.size).toBe(1)
  for (const lane of [slow, stale]) {
    while (!lane.ended) {
      await lane.go()
      for (const cookie of [undefined, browsers.slow.cookie]) expect(await world.isAlice(cookie)).toBe(false)
    }
  }
})
