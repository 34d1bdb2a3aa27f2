/**
 * Resurrection: a page that began while the session lived ends after it, and writes. With other libraries that write
 * brings the session back, cookie, principal and all, and the attacker who keeps a request open stays signed in.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Exchange } from '../support/adapters.ts'
import { Gate } from '../support/gate.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import { app, idsOf, ordinary, places, seenWith, signedIn, waiting } from './_attack.ts'

const IDLE = 3600

const writes: Record<string, (session: Exchange['session']) => unknown> = {
  assigns: (session) => (session['late'] = true),
  'signs in anew as somebody else': (session) => (session['user'] = { id: newUser() }),
  'asks for a new token': (session) => session.regenerate(),
  'moves the expiry': (session) => session.touch(),
  saves: (session) => {
    session['late'] = true
    return session.save().catch(() => undefined)
  },
  'updates atomically': (session) => session.update((data) => (data['late'] = true)).catch(() => undefined),
}

describe.each(places)('resurrection: $name', (place) => {
  let world: World
  beforeAll(async () => {
    const routes = {
      ...ordinary,
      'POST /late': async ({ session, query }: Exchange) => {
        void session['user']
        await waiting.page!.pass()
        await writes[query.get('how')!]!(session)
        return { body: 'done' }
      },
    }
    world = await openWorld(place, { ...app, routes }, { idleTimeout: IDLE })
  })
  afterAll(() => world.close())
  afterEach(() => (waiting.page = undefined))

  const endings: Record<string, (id: string, user: string, cookie: string) => unknown> = {
    'a logout elsewhere': (_, __, cookie) => world.there.browser(cookie).post('/logout'),
    'a revocation': (id) => world.there.sessions.revoke(id),
    'the end of all sessions': (_, user) => world.there.sessions.revokeAll(user),
    'an expiry': () => world.clock.advance(IDLE * 1000),
  }

  describe.each(Object.keys(endings))('after %s', (ending) => {
    it.each(Object.keys(writes))(
      'a page that began before the logout and ends after it brings nothing back: one that %s',
      async (how) => {
        const user = newUser()
        const victim = await signedIn(world, user)
        const { cookie, token } = victim
        waiting.page = new Gate()
        const late = world.here.browser(cookie).post(`/late?how=${encodeURIComponent(how)}`)
        await waiting.page.reached
        await endings[ending]!(token.id, user, cookie!)
        waiting.page.open()

        expect(await late).toMatchObject({ status: 200, setCookies: [] })
        await world.watched.idle()
        expect(await world.stored(token.id)).toBeUndefined()
        expect(await seenWith(world, cookie!)).toEqual({})
        expect(await idsOf(world.there, user)).toEqual([])
      },
    )
  })
})
