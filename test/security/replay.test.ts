/** Replay: the attacker has a copy of the victim's cookie, and uses it after the victim's session has ended. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Gate } from '../support/gate.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import { app, ordinary, places, seenWith, signedIn, waiting } from './_attack.ts'

const HOUR = 3600

describe.each(places)('replay after the end: $name', (place) => {
  let world: World
  beforeAll(async () => {
    const routes = {
      ...ordinary,
      'POST /renew': async ({ session }: Parameters<(typeof ordinary)[string]>[0]) => {
        await session.regenerate()
        return {}
      },
    }
    world = await openWorld(place, { ...app, routes }, { idleTimeout: HOUR })
  })
  afterAll(() => world.close())
  afterEach(() => (waiting.page = undefined))

  const endings: Record<string, (id: string, user: string, cookie: string) => unknown> = {
    'a logout': (_, __, cookie) => world.here.browser(cookie).post('/logout'),
    'a new sign-in': (_, user, cookie) => world.here.browser(cookie).post('/sign-in', { id: `${user}-again` }),
    'a new token': (_, __, cookie) => world.here.browser(cookie).post('/renew'),
    'a revocation': (id) => world.here.sessions.revoke(id),
    'the end of all sessions': (_, user) => world.here.sessions.revokeAll(user),
    'an hour without a request': () => world.clock.advance(HOUR * 1000),
  }

  it.each(Object.keys(endings))('a copy of the cookie opens nothing after %s', async (ending) => {
    const user = newUser()
    const victim = await signedIn(world, user)
    const copy = victim.cookie!
    expect(await seenWith(world, copy)).toMatchObject({ user: { id: user } })
    await endings[ending]!(victim.token.id, user, copy)

    expect(await seenWith(world, copy)).toEqual({})
    // Nor does anything that is done with it bring the session back.
    for (const process of [world.here, world.there]) {
      const thief = process.browser(copy)
      await thief.post('/assign', { looted: true })
      expect(thief.token.id).not.toBe(victim.token.id)
      await process.browser(copy).post('/logout')
      expect(await seenWith(world, copy)).toEqual({})
    }
  })

  it('a response that was slower than the logout signs nobody in again', async () => {
    const victim = await signedIn(world, newUser())
    const copy = victim.cookie!
    waiting.page = new Gate()
    const slow = world.there.browser(copy).post('/slow', { user: { id: newUser() } })
    await waiting.page.reached
    await victim.post('/logout')
    waiting.page.open()
    const { setCookies } = await slow
    // The browser applies the cookies of the late response after those of the logout.
    expect(setCookies).toEqual([])
    expect(victim.cookie).toBeUndefined()
    expect(await seenWith(world, copy)).toEqual({})
  })
})
