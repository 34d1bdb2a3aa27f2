/** Oversized input: the attacker makes the session large, deep, or both. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Browser } from '../support/client.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import { app, ordinary, places, plantData, signedIn } from './_attack.ts'

const MAX = 65_536

describe.each(places)('oversized input: $name', (place) => {
  let world: World
  let browser: Browser
  let user: string
  beforeAll(async () => {
    const routes = {
      ...ordinary,
      'POST /note': ({ session, body }: Parameters<(typeof ordinary)['POST /assign']>[0]) => {
        Object.assign(session, body)
        return { body: 'noted' }
      },
      'GET /who': ({ session }: Parameters<(typeof ordinary)['GET /me']>[0]) => ({ body: session['user'] ?? {} }),
    }
    world = await openWorld(place, { ...app, routes })
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    user = newUser()
    browser = await signedIn(world, user)
  })

  it('a session filled from a body ends at the limit, and what was there stays', async () => {
    let notes = 0
    let refused: string | undefined
    while (refused === undefined && notes < 100) {
      const { status, body } = await browser.post('/note', { [`note-${notes}`]: 'x'.repeat(5000) })
      if (status === 200) notes++
      else refused = body
    }
    expect(JSON.parse(refused!)).toEqual({ code: 'ERR_SOJOURN_TOO_LARGE' })
    expect(notes).toBe(Math.floor(MAX / 5020))
    const kept = JSON.parse((await browser.get('/me')).body) as object
    expect(Object.keys(kept)).toHaveLength(1 + notes)
    // Characters of four bytes count as what they take.
    expect((await world.here.browser().post('/note', { emoji: '😀'.repeat(MAX / 4) })).status).toBe(500)
  })

  it('a body as deep as JSON goes is refused or kept, and the server lives', async () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      for (const depth of [1000, 5000, 15_000]) {
        const text = `${open.repeat(depth)}1${close.repeat(depth)}`
        const deep = await postText(world.here.port, browser.cookie!, `{"deep":${text}}`)
        expect(['200', '400', '500'], `${open} ${depth}`).toContain(deep)
        expect(JSON.parse((await browser.get('/who')).body), `${open} ${depth}`).toEqual({ id: user })
        expect(await browser.post('/note', { deep: 0 }), `${open} ${depth}`).toMatchObject({ status: 200 })
      }
    }
  })

  it('a planted row that is too large or too deep is anonymous, and the visitor begins anew', async () => {
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}}`
    for (const rest of [`"${'x'.repeat(5_000_000)}"}`, '['.repeat(3_000_000), deep]) {
      await plantData(world, browser.token.id, `{"user":{"id":"root"},"x":${rest}`)
      world.takeEvents()
      expect(await browser.get('/who')).toMatchObject({ status: 200, body: '{}' })
      expect(world.takeEvents().map(({ type }) => type)).toEqual(['unreadable'])
      await browser.post('/sign-in', { id: user })
      expect(JSON.parse((await browser.get('/who')).body)).toEqual({ id: user })
    }
  })
})

/** Posts JSON that no `JSON.stringify` of the test's own could write. */
async function postText(port: number, cookie: string, body: string): Promise<string> {
  const headers = { cookie, 'content-type': 'application/json' }
  const { status } = await fetch(`http://127.0.0.1:${port}/note`, { method: 'POST', headers, body })
  return String(status)
}
