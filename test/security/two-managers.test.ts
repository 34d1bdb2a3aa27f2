/**
 * Two managers on one store: a shop and its back office share an engine. Who has an account in one tries its cookie, and
 * its name, in the other.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Options } from '../../src/core/options.ts'
import type { Free } from '../support/adapters.ts'
import type { Browser } from '../support/client.ts'
import { newUser, openWorld, type Process, type World } from '../support/promises.ts'
import { app, idsOf, places } from './_attack.ts'

const apart: Record<string, Options<Free>> = {
  'by namespace': { namespace: 'back-office' },
  'by the name of the cookie': { cookie: { name: 'office' } },
}

describe.each(places)('two managers on one store: $name', (place) => {
  describe.each(Object.keys(apart))('kept apart %s', (how) => {
    let world: World
    let shopper: Browser
    let mallory: string
    beforeAll(async () => (world = await openWorld(place, app, {}, { options: apart[how]! })))
    afterAll(() => world.close())
    beforeEach(async () => {
      mallory = newUser()
      shopper = world.there.browser()
      await shopper.post('/sign-in', { id: mallory })
    })

    const seen = async (process: Process, cookie: string): Promise<unknown> =>
      JSON.parse((await process.browser().get('/me', { cookie })).body)

    it('a token of one application opens nothing in the other, and disturbs nobody there', async () => {
      const value = shopper.cookie!.slice('sid='.length)
      for (const cookie of [`sid=${value}`, `office=${value}`, `sid=${value}; office=${value}`]) {
        expect(await seen(world.here, cookie)).toEqual({})
        await world.here.browser().post('/logout', {}, { cookie })
        await world.here.browser().post('/sign-in', { id: 'root' }, { cookie })
      }
      expect(await seen(world.there, shopper.cookie!)).toEqual({ user: { id: mallory } })
    })
  })

  it('whoever has the same name in both is two people', async () => {
    const world = await openWorld(place, app, {}, { options: { namespace: 'back-office' } })
    const alice = newUser()
    const [office, shop] = [world.here.browser(), world.there.browser()]
    await office.post('/sign-in', { id: alice })
    await shop.post('/sign-in', { id: alice })

    expect(await idsOf(world.here, alice)).toEqual([office.token.id])
    expect(await idsOf(world.there, alice)).toEqual([shop.token.id])
    expect(await world.there.sessions.revokeAll(alice)).toBe(1)
    expect(await idsOf(world.here, alice)).toEqual([office.token.id])
    // Nor does the office's way of writing names lead out of the shop.
    expect(await world.there.sessions.revoke(office.token.id, { principal: alice })).toBe(false)
    await expect(world.there.sessions.revokeAll(`back-office\u001f${alice}`)).rejects.toMatchObject({
      code: 'ERR_SOJOURN_UNSUPPORTED',
    })
    expect(await idsOf(world.here, alice)).toEqual([office.token.id])
    await world.close()
  })
})
