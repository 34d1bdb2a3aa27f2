/**
 * Tossing: from a neighbouring host, or by a longer path, the attacker plants cookies of the session's name beside the
 * victim's own. The browser sends them all, in an order that the attacker decides.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Browser } from '../support/client.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import { app, inventedCookie, places, seenWith, signedIn } from './_attack.ts'

describe.each(places)('cookie tossing: $name', (place) => {
  let world: World
  let victim: Browser
  let alice: string
  beforeAll(async () => (world = await openWorld(place, app)))
  afterAll(() => world.close())
  beforeEach(async () => {
    alice = newUser()
    victim = await signedIn(world, alice)
    world.takeEvents()
    world.watched.takeCalls()
  })

  it('garbage planted before and behind the session’s cookie signs nobody out', async () => {
    const own = victim.cookie!
    for (const planted of ['sid=', 'sid=deleted', 'sid="', 'sid=%00', `sid=${'A'.repeat(66)}`, inventedCookie()]) {
      for (const header of [`${planted}; ${own}`, `${own}; ${planted}`, `${planted}; ${own}; ${planted}`]) {
        expect(await seenWith(world, header), header).toMatchObject({ user: { id: alice } })
      }
    }
  })

  it('a whole session planted beside the victim’s is nobody’s, in either order', async () => {
    const attacker = await signedIn(world, newUser())
    for (const header of [`${victim.cookie}; ${attacker.cookie}`, `${attacker.cookie}; ${victim.cookie}`]) {
      world.takeEvents()
      expect(await seenWith(world, header)).toEqual({})
      expect(world.takeEvents().map(({ type }) => type)).toEqual(['ambiguous-cookie'])
    }
    // Neither has ended: without the planted cookie the victim is back.
    expect(await seenWith(world, victim.cookie!)).toMatchObject({ user: { id: alice } })
  })

  it('of a live session and a dead one, the live one is the request’s', async () => {
    const dead = await signedIn(world, newUser())
    const cookie = dead.cookie!
    await dead.post('/logout')
    for (const header of [`${cookie}; ${victim.cookie}`, `${victim.cookie}; ${cookie}`]) {
      expect(await seenWith(world, header)).toMatchObject({ user: { id: alice } })
    }
  })

  it('a forged cookie beside one’s own ends nobody’s session', async () => {
    const attacker = world.here.browser()
    await attacker.post('/assign', { cart: 1 })
    const forged = inventedCookie(victim.token.id)
    const stored = await world.stored(victim.token.id)
    for (const [path, body] of [
      ['/sign-in', { id: newUser() }],
      ['/logout', {}],
    ] as const) {
      await world.here.browser().post(path, body, { cookie: `${forged}; ${attacker.cookie}` })
      await world.here.browser().post(path, body, { cookie: forged })
    }
    expect(await world.stored(victim.token.id)).toEqual(stored)
    expect(await seenWith(world, victim.cookie!)).toMatchObject({ user: { id: alice } })
  })

  it('hundreds of planted cookies cost eight lookups', async () => {
    const header = Array.from({ length: 200 }, () => inventedCookie()).join('; ')
    expect((await world.here.browser().get('/me', { cookie: header })).body).toBe('{}')
    expect(world.watched.takeCalls()).toEqual(Array.from({ length: 8 }, () => 'load'))
  })
})
