/** Half signed in: a password without its second factor, a reset that remembers for whom; nobody is anybody yet. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newUser, openWorld, type World } from '../support/promises.ts'
import type { App } from '../support/adapters.ts'
import { app, idsOf, ordinary, places, seenWith } from './_attack.ts'

const routes: App['routes'] = {
  ...ordinary,
  'POST /password': ({ session, body }) => {
    session['pending'] = body
    return {}
  },
  'POST /code': ({ session }) => {
    session['user'] = session['pending']
    delete session['pending']
    return {}
  },
  'POST /reset': ({ session, body }) => {
    session['reset'] = { user: body }
    return {}
  },
  'GET /facts': ({ session }) => ({ body: { authenticatedAt: session.authenticatedAt } }),
}

describe.each(places)('half signed in: $name', (place) => {
  let world: World
  beforeAll(async () => (world = await openWorld(place, { ...app, routes })))
  afterAll(() => world.close())

  it('who has given a password and no second factor is nobody, and the token changes when somebody is', async () => {
    const id = newUser()
    const browser = world.here.browser()
    await browser.post('/password', { id })
    const before = browser.cookie!
    expect(JSON.parse((await browser.get('/facts')).body)).toEqual({ authenticatedAt: null })
    expect((await world.stored(browser.token.id))?.principal).toBeNull()
    expect(await idsOf(world.here, id)).toEqual([])

    await browser.post('/code')
    expect(JSON.parse((await browser.get('/facts')).body)).toEqual({ authenticatedAt: world.clock() })
    expect(await idsOf(world.here, id)).toEqual([browser.token.id])
    // Who copied the cookie after the password has nothing.
    expect(await seenWith(world, before)).toEqual({})
  })

  it('a password reset that remembers whom it is for signs nobody in', async () => {
    const [alice, mallory] = [newUser(), newUser()]
    const browser = world.here.browser()
    await browser.post('/reset', { id: alice })
    expect(await idsOf(world.here, alice)).toEqual([])
    expect(JSON.parse((await browser.get('/facts')).body)).toEqual({ authenticatedAt: null })
    // Nor does it make of who is signed in somebody else.
    await browser.post('/sign-in', { id: mallory })
    await browser.post('/reset', { id: alice })
    expect(await idsOf(world.here, alice)).toEqual([])
    expect(await idsOf(world.here, mallory)).toEqual([browser.token.id])
  })
})
