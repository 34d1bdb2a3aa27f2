/** A flood: the attacker makes as many requests as the line carries, with no cookie, with invented ones, with new ones. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/stores/memory.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import type { StoreEntry } from '../support/stores.ts'
import { app, inventedCookie, places, seenWith, signedIn } from './_attack.ts'

const MANY = 500

/** Asks so many times, in parallel as far as that goes. */
async function flood(count: number, ask: (at: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += 50) {
    await Promise.all(Array.from({ length: Math.min(50, count - from) }, (_, at) => ask(from + at)))
  }
}

describe.each(places)('a flood: $name', (place) => {
  let world: World
  beforeAll(async () => (world = await openWorld(place, app)))
  afterAll(() => world.close())

  async function rows(): Promise<number> {
    let count = 0
    for await (const _ of world.engine.scan!({ now: world.clock() })) count++
    return count
  }

  it('visitors of whom nothing is remembered leave nothing, and cost the store nothing', async () => {
    world.watched.takeCalls()
    await flood(MANY, async () => expect((await world.here.browser().get('/me')).setCookies).toEqual([]))
    expect(world.watched.takeCalls()).toEqual([])
    expect(await rows()).toBe(0)
  })

  it('bad cookies leave nothing, and guesses at somebody’s secret are each told of', async () => {
    const victim = await signedIn(world, newUser())
    const { id } = victim.token
    const before = await world.stored(id)
    world.takeEvents()
    world.watched.takeCalls()
    const guess = [() => 'sid=garbage', () => inventedCookie(), () => inventedCookie(id)] as const
    await flood(MANY, async (at) => {
      const answer = await world.here.browser().get('/me', { cookie: guess[at % 3]!() })
      expect(answer).toMatchObject({ status: 200, body: '{}', setCookies: [] })
    })
    const guesses = Math.floor(MANY / 3)
    expect(world.takeEvents()).toEqual(
      Array.from({ length: guesses }, () => ({ type: 'bad-token', at: world.clock(), id })),
    )
    expect(new Set(world.watched.takeCalls())).toEqual(new Set(['load']))
    expect(await rows()).toBe(1)
    expect(await world.stored(id)).toEqual(before)
    expect(await seenWith(world, victim.cookie!)).toHaveProperty('user')
  })
})

describe('a flood of anonymous sessions', () => {
  const small: StoreEntry = {
    open: async () => ({ store: memoryStore({ maxEntries: 100 }), close: async () => {} }),
  }

  it('anonymous sessions push out nobody who is signed in, and the server stays as large as it may be', async () => {
    const world = await openWorld({ ...places[0]!, store: small }, app)
    const people = await Promise.all(Array.from({ length: 20 }, () => signedIn(world, newUser())))
    await flood(MANY, async () => expect((await world.here.browser().post('/assign', { cart: 1 })).status).toBe(200))
    for (const { cookie } of people) expect(await seenWith(world, cookie!)).toHaveProperty('user')
    let count = 0
    for await (const _ of world.engine.scan!({ now: world.clock() })) count++
    expect(count).toBe(100)
    await world.close()
  })
})
