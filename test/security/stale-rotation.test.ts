/** Stale rotation: the attacker holds a token that was replaced, or a request that was opened with it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Gate } from '../support/gate.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import { app, places, seenWith, signedIn, waiting } from './_attack.ts'

const ROTATE_EVERY = 600
const GRACE_MS = 60_000

describe.each(places)('stale rotation: $name', (place) => {
  let world: World
  beforeAll(async () => {
    world = await openWorld(place, app, { rotateEvery: ROTATE_EVERY, onTokenReuse: 'destroy' })
  })
  afterAll(() => world.close())
  afterEach(() => (waiting.page = undefined))

  it('a page that began with the old token puts it back by no write, and shapes nothing of the signed-in session', async () => {
    const alice = newUser()
    const attacker = world.here.browser()
    await attacker.post('/assign', { cart: 1 })
    const planted = attacker.cookie!
    waiting.page = new Gate()
    const late = attacker.post('/slow', { role: 'admin', user: undefined, cart: 99 })
    await waiting.page.reached
    const victim = world.there.browser(planted)
    await victim.post('/sign-in', { id: alice })
    world.takeEvents()
    waiting.page.open()

    expect(await late).toMatchObject({ status: 200, setCookies: [] })
    expect(world.takeEvents().map(({ type }) => type)).toEqual(['dropped-write'])
    expect(await seenWith(world, planted)).toEqual({})
    expect(await seenWith(world, victim.cookie!)).toEqual({ cart: 1, user: { id: alice } })
  })

  it('a stolen token that was rotated away is noticed, and ends the session where that is wanted', async () => {
    const victim = await signedIn(world, newUser())
    const stolen = victim.cookie!
    world.clock.advance(ROTATE_EVERY * 1000)
    await victim.get('/me')
    expect(victim.cookie).not.toBe(stolen)
    await victim.get('/me')
    world.clock.advance(GRACE_MS + 1)
    world.takeEvents()

    expect(await seenWith(world, stolen)).toEqual({})
    expect(world.takeEvents().map(({ type }) => type)).toEqual(['token-reuse', 'destroyed'])
    // Whoever of the two stole it: both are out.
    expect(await seenWith(world, victim.cookie!)).toEqual({})
  })

  it('a thief who was faster than the victim is handed the same token, and shut out by the next sign-in', async () => {
    const alice = newUser()
    const victim = await signedIn(world, alice)
    const thief = world.there.browser(victim.cookie)
    world.clock.advance(ROTATE_EVERY * 1000)
    await thief.get('/me')
    await victim.get('/me')
    expect(thief.cookie).toBe(victim.cookie)
    await victim.post('/sign-in', { id: `${alice}-again` })
    expect(await seenWith(world, thief.cookie!)).toEqual({})
  })
})
