/** Prototype keys: the attacker has written to the store, and waits for a request to bring what is there to life. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Browser } from '../support/client.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import { app, ordinary, places, plantData, signedIn } from './_attack.ts'

describe.each(places)('prototype keys in the store: $name', (place) => {
  let world: World
  let browser: Browser
  beforeAll(async () => {
    const routes = {
      ...ordinary,
      'GET /looks': ({ session }: Parameters<(typeof ordinary)['GET /me']>[0]) => {
        const nested = session['a'] as { isAdmin?: unknown; b?: { isAdmin?: unknown } } | undefined
        const copy = Object.assign({}, session) as { isAdmin?: unknown }
        const admin = [session['isAdmin'], nested?.isAdmin, nested?.b?.isAdmin, copy.isAdmin].some(Boolean)
        return {
          body: { admin, works: typeof session.save, plain: `${Object.getPrototypeOf(copy) === Object.prototype}` },
        }
      },
    }
    world = await openWorld(place, { ...app, routes })
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    browser = await signedIn(world, newUser())
  })

  const plant = (text: string): Promise<void> => plantData(world, browser.token.id, text)

  it('a planted row changes no prototype, at any depth, however the key is spelled', async () => {
    const evil = '{"isAdmin":true}'
    for (const key of ['__proto__', '\\u005f_proto__', '__pr\\u006fto__', '\\u005F\\u005Fproto\\u005f_']) {
      for (const row of [
        `{"${key}":${evil}}`,
        `{"a":{"${key}":${evil}}}`,
        `{"a":{"b":{"${key}":${evil}}}}`,
        `{"a":[{"${key}":${evil}}],"constructor":{"prototype":${evil}}}`,
        `{"${key}":{"save":1,"${key}":${evil}},"save":1,"destroy":null}`,
      ]) {
        await plant(row)
        const answer = await browser.get('/looks')
        expect(answer.status, row).toBe(200)
        expect(JSON.parse(answer.body), row).toEqual({ admin: false, works: 'function', plain: 'true' })
        // A write on top of it neither fails nor keeps it.
        expect(await browser.post('/assign', { n: 1 }), row).toMatchObject({ status: 200 })
        expect((await world.stored(browser.token.id))?.body, row).not.toContain('"__proto__"')
      }
    }
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined()
  })

  it('rows that would come alive elsewhere are data', async () => {
    const alive = globalThis as { sojournGadget?: true }
    const run = 'globalThis.sojournGadget=true'
    for (const row of [
      `{"rce":"_$$ND_FUNC$$_function(){${run}}()"}`,
      `{"js":"!!js/function >\\n  function(){${run}}"}`,
      `{"toString":"${run}","valueOf":"${run}","toJSON":"${run}","then":"${run}"}`,
      `{"$type":"System.Diagnostics.Process","py/object":"os.system","@class":"java.lang.Runtime"}`,
      `{"__type":"Function","code":"${run}"}`,
    ]) {
      await plant(row)
      expect((await browser.get('/looks')).status, row).toBe(200)
      expect(JSON.parse((await browser.get('/me')).body), row).toEqual(JSON.parse(row))
    }
    expect(alive.sojournGadget).toBeUndefined()
  })

  it('rows that are no data are anonymous, once and for all, and the visitor can begin anew', async () => {
    const rows = ['', 'null', '[]', '5', '"x"', '{', `(()=>({}))()`, '\u0000', '[[[[', 'YTox', '{"a":1}{"b":2}']
    for (const row of rows) {
      await plant(row)
      world.takeEvents()
      expect((await browser.get('/me')).body, row).toBe('{}')
      expect(
        world.takeEvents().map(({ type }) => type),
        row,
      ).toEqual(['unreadable'])
      await browser.post('/sign-in', { id: newUser() })
      expect((await browser.get('/me')).body, row).toContain('user')
    }
  })
})
