/** A stranger who knows a selector: session ids are public. They stand in lists, in logs and in links to revoke. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Answer, type Browser, tokenOf } from '../support/client.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import { app, inventedCookie, places, seenWith, signedIn } from './_attack.ts'

const IDLE = 3600

describe.each(places)('a stranger who knows a selector: $name', (place) => {
  let world: World
  let victim: Browser
  let alice: string
  beforeAll(async () => (world = await openWorld(place, app, { idleTimeout: IDLE })))
  afterAll(() => world.close())
  beforeEach(async () => {
    alice = newUser()
    victim = await signedIn(world, alice)
    world.takeEvents()
  })

  it('the public id opens, ends and disturbs nothing', async () => {
    const { id } = victim.token
    const before = (await world.stored(id))!
    const hash = before.body.split(' ')[1]!
    const attempts = ['', id, `${id}${id}`.slice(0, 43), hash, tokenOf(inventedCookie()).secret, 'A'.repeat(43)]
    for (const secret of attempts) {
      for (const [path, body] of [
        ['/assign', { user: { id: 'root' } }],
        ['/sign-in', { id: 'mallory' }],
        ['/logout', {}],
      ] as const) {
        const stranger = world.here.browser(`sid=${id}.${secret}`)
        const { setCookies } = await stranger.post(path, body)
        // A sign-in of the stranger's own begins another session; nothing else sends a cookie of this one.
        for (const line of setCookies) expect(line).not.toContain(id)
      }
      expect(await seenWith(world, `sid=${id}.${secret}`)).toEqual({})
    }
    expect(await world.stored(id)).toEqual(before)
    expect(await seenWith(world, victim.cookie!)).toEqual({ user: { id: alice } })
    // It is told of, and not whose session it is.
    for (const event of world.takeEvents().filter(({ type }) => type !== 'destroyed')) {
      expect(event).toEqual({ type: 'bad-token', at: world.clock(), id })
    }
  })

  it('the public id of somebody else is not to be revoked', async () => {
    const { id } = victim.token
    for (const principal of [newUser(), `${alice} `, alice.toUpperCase(), '*', '%']) {
      expect(await world.here.sessions.revoke(id, { principal })).toBe(false)
    }
    await expect(world.here.sessions.revoke(id, { principal: '' })).rejects.toMatchObject({ name: 'UsageError' })
    expect(await seenWith(world, victim.cookie!)).toEqual({ user: { id: alice } })
    expect(await world.here.sessions.revoke(id, { principal: alice })).toBe(true)
  })

  it('nobody can tell a session that is there from one that is not', async () => {
    const { id, secret } = victim.token
    const [revoked, expired, signedOut] = [
      await signedIn(world, newUser()),
      await signedIn(world, newUser()),
      await signedIn(world, newUser()),
    ]
    await world.here.sessions.revoke(revoked.token.id)
    const old = signedOut.cookie!
    await signedOut.post('/logout')
    world.clock.advance(IDLE * 1000)

    const cookies = {
      unknown: `sid=${tokenOf(inventedCookie()).id}.${secret}`,
      wrong: inventedCookie(id),
      expired: expired.cookie!,
      revoked: revoked.cookie!,
      'signed out': old,
    }
    const looks = ({ status, headers, body, setCookies }: Answer): unknown => ({
      status,
      body,
      setCookies,
      headers: { ...headers, date: 'whenever' },
    })
    for (const ask of [
      (cookie: string | null) => world.here.browser().get('/me', { cookie }),
      (cookie: string | null) => world.here.browser().post('/assign', {}, { cookie }),
    ]) {
      const anonymous = looks(await ask(null))
      for (const [what, cookie] of Object.entries(cookies)) expect(looks(await ask(cookie)), what).toEqual(anonymous)
    }
  })
})
