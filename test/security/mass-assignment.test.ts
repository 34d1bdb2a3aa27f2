/** Mass assignment: the handler does `Object.assign(req.session, req.body)`, and the attacker writes the body. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App, Exchange, Reply } from '../support/adapters.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import { ordinary, places, signedIn } from './_attack.ts'

const FACTS = ['id', 'isNew', 'binding', 'createdAt', 'authenticatedAt', 'expiresAt']
const METHODS = ['save', 'reload', 'destroy', 'regenerate', 'update', 'touch', 'limit']
const YEAR = 31_536_000

/** What the session is to a handler, in this very request. */
const looks = ({ session }: Exchange): Reply => ({
  body: {
    isAdmin: session['isAdmin'] ?? null,
    works: METHODS.map((name) => typeof session[name as 'save']),
    facts: FACTS.map((name) => typeof session[name as 'id']),
  },
})

describe.each(places)('mass assignment: $name', (place) => {
  let world: World
  beforeAll(async () => {
    const routes: App['routes'] = {
      ...ordinary,
      'GET /looks': looks,
      'POST /assign-and-look': (exchange) => {
        Object.assign(exchange.session, exchange.body)
        return looks(exchange)
      },
    }
    const onError: App['onError'] = (_, exchange) => ({ ...looks(exchange), status: 500 })
    world = await openWorld(place, { routes, onError }, { idleTimeout: 3600 })
  })
  afterAll(() => world.close())

  it('every body is answered, and none makes anybody an administrator', async () => {
    const browser = await signedIn(world, newUser())
    const usual = JSON.parse((await browser.get('/looks')).body) as unknown
    const values = ['{"isAdmin":true}', '{"prototype":{"isAdmin":true}}', 'true', 'null', '"x"', '[]']
    for (const key of [...FACTS, ...METHODS, '__proto__', 'constructor', 'prototype', 'then', 'toJSON', 'toString']) {
      for (const value of values) {
        const label = `${key}: ${value}`
        const answer = await browser.post('/assign-and-look', JSON.parse(`{"${key}":${value}}`))
        expect([200, 500], label).toContain(answer.status)
        expect(JSON.parse(answer.body), label).toEqual(usual)
        expect(JSON.parse((await browser.get('/looks')).body), label).toEqual(usual)
      }
    }
    expect(usual).toMatchObject({ isAdmin: null, works: METHODS.map(() => 'function') })
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined()
  })

  it('a body that names the session’s own affairs changes none of them', async () => {
    const browser = await signedIn(world, newUser())
    const { id } = browser.token
    const before = await world.here.sessions.read(id)
    const { body } = await browser.post('/assign', {
      cookie: { maxAge: YEAR * 100, httpOnly: false, secure: false, expires: '2125-01-01' },
      lifetime: YEAR,
      idleTimeout: YEAR,
      startedAt: 0,
      savedAt: 4e12,
      version: 99,
      hash: 'A'.repeat(43),
      previous: { hash: 'A'.repeat(43) },
      principal: 'root',
    })
    expect(JSON.parse(body)).toMatchObject({ cookie: { httpOnly: false } })
    const { info, data } = (await world.here.sessions.read(id))!
    expect(info).toEqual(before!.info)
    expect(data).toMatchObject({ principal: 'root' })
    // The page after it sets no cookie, and the hour without a request ends the session as ever.
    expect((await browser.get('/me')).setCookies).toEqual([])
    world.clock.advance(3_600_000)
    expect((await browser.get('/me')).body).toBe('{}')
  })
})
