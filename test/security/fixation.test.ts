/** Fixation: the attacker plants a cookie in the victim's browser before the victim signs in, and then uses it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenOf } from '../support/client.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import { app, inventedCookie, places, seenWith, sendBytes, signedIn } from './_attack.ts'

describe.each(places)('fixation: $name', (place) => {
  let world: World
  beforeAll(async () => (world = await openWorld(place, app)))
  afterAll(() => world.close())

  it('a session of the attacker’s own, planted before the sign-in, is worth nothing after it', async () => {
    const id = newUser()
    const attacker = world.here.browser()
    await attacker.post('/assign', { cart: ['rope'] })
    const planted = attacker.cookie!

    const victim = world.there.browser(planted)
    await victim.post('/sign-in', { id })
    expect(await seenWith(world, victim.cookie!)).toMatchObject({ user: { id } })

    expect(await seenWith(world, planted)).toEqual({})
    await attacker.post('/assign', { user: { id: 'mallory' } })
    expect(await seenWith(world, victim.cookie!)).toMatchObject({ user: { id } })
  })

  it('a token of the attacker’s own making is nobody’s, and the sign-in takes neither half of it over', async () => {
    const planted = inventedCookie()
    const victim = world.here.browser(planted)
    await victim.post('/sign-in', { id: newUser() })
    expect(victim.token.id).not.toBe(tokenOf(planted).id)
    expect(victim.token.secret).not.toBe(tokenOf(planted).secret)
    expect(await seenWith(world, planted)).toEqual({})
  })

  it('a victim who was signed in as the attacker leaves nothing of the own account behind', async () => {
    const [mallory, alice] = [newUser(), newUser()]
    const attacker = await signedIn(world, mallory)
    const planted = attacker.cookie!
    const victim = world.there.browser(planted)
    await victim.post('/sign-in', { id: alice })
    await victim.post('/assign', { card: '4111' })
    expect(await seenWith(world, planted)).toEqual({})
    expect(await seenWith(world, victim.cookie!)).toMatchObject({ user: { id: alice }, card: '4111' })
  })

  it('a token anywhere but in the cookie is no token', async () => {
    const attacker = await signedIn(world, newUser())
    const token = attacker.cookie!.slice('sid='.length)
    expect(tokenOf(attacker.cookie).secret).toHaveLength(43)
    for (const lines of [
      [`GET /me?sid=${token}&session=${token} HTTP/1.1`],
      [`GET /me;sid=${token} HTTP/1.1`],
      ['GET /me HTTP/1.1', `Authorization: Bearer ${token}`],
      ['GET /me HTTP/1.1', `X-Session: ${token}`, `X-Session-Id: ${token}`, `Sid: ${token}`],
      ['GET /me HTTP/1.1', `Set-Cookie: sid=${token}`, `Cookie2: sid=${token}`],
      ['GET /me HTTP/1.1', `X-Cookie: sid=${token}`, `X-Forwarded-Cookie: sid=${token}`],
    ]) {
      const answer = await sendBytes(world.here.port, lines)
      expect(answer, lines.join('\n')).toMatch(/^HTTP\/1\.1 (?:200 OK[^]*\{\}|404)/)
    }
    const body = { cookie: `sid=${token}`, sid: token, session: token }
    expect(JSON.parse((await world.here.browser().post('/assign', body)).body)).toEqual(body)
  })
})
