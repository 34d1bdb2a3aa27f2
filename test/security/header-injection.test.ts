/** Header injection: what the attacker sends, or what a careless configuration has, tries to become a header. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CookieOptions } from '../../src/core/cookie.ts'
import { ConfigError } from '../../src/core/errors.ts'
import { createSessions } from '../../src/sessions.ts'
import { openWorld, type World } from '../support/promises.ts'
import { setCookieOf } from '../support/visitor.ts'
import { app, ordinary, places } from './_attack.ts'

/** The `Set-Cookie` under some options; undefined when they are refused. */
async function setCookieWith(cookie: CookieOptions): Promise<string | undefined> {
  try {
    const sessions = createSessions<{ a?: number }>({ cookie })
    const session = await sessions.open({ cookie: null, secure: true })
    session.a = 1
    return setCookieOf((await sessions.commit(session)).headers)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return undefined
  }
}

describe('the cookie’s own header', () => {
  it('no character in name, path or domain splits the header', async () => {
    const codes = [...Array(0x180).keys(), 0x2028, 0xd800, 0xff0a, 0xff0d, 0xffff]
    let taken = 0
    for (const text of codes.map((code) => String.fromCharCode(code))) {
      for (const [key, value] of [
        ['name', `a${text}b`],
        ['path', `/a${text}b`],
        ['domain', `a${text}b.example`],
      ] as const) {
        const line = await setCookieWith({ [key]: value })
        if (line === undefined) continue
        taken++
        // One line of printable ASCII, with the attributes that it always has and one more of them for a domain.
        expect(line, JSON.stringify(value)).toMatch(/^[\x21-\x3a\x3c-\x7e]+=[\w.-]+(?:; [\x20-\x3a\x3c-\x7e]+){5,6}$/)
      }
    }
    expect(taken).toBeGreaterThan(100)
  })

  it('no Set-Cookie has an attribute twice', async () => {
    const choices: CookieOptions[] = [
      {},
      { domain: 'example.org', path: '/a' },
      { persistent: false },
      { priority: 'high' },
      { sameSite: 'none', partitioned: true },
      { secure: false },
      { path: '/Path=/' },
    ]
    for (const choice of choices) {
      const line = (await setCookieWith(choice))!
      const names = line.split('; ').map((attribute) => attribute.split('=', 1)[0]!.toLowerCase())
      expect(new Set(names).size, line).toBe(names.length)
    }
  })
})

describe.each(places)('what a visitor sends: $name', (place) => {
  let world: World
  beforeAll(async () => (world = await openWorld(place, { ...app, routes: ordinary })))
  afterAll(() => world.close())

  it('is in no header of the answer, whatever it is', async () => {
    const evil = 'x\r\nSet-Cookie: evil=1\r\nX-Evil: 1\r\n\r\n<script>'
    for (const body of [
      { user: { id: evil } },
      { user: evil },
      { [evil]: evil },
      { cart: evil, user: { id: 'a\n' } },
    ]) {
      const browser = world.here.browser()
      const { status, headers, setCookies } = await browser.post('/assign', body)
      const label = JSON.stringify(body)
      // Who is signed in cannot be a name with a line break: an error for the handler, and nobody is signed in.
      expect(status, label).toBe('user' in body ? 500 : 200)
      expect(Object.keys(headers), label).not.toContain('x-evil')
      expect(setCookies.length, label).toBe('user' in body ? 0 : 1)
      expect(setCookies.join(''), label).not.toContain('evil')
    }
    for (const cookie of [
      'sid=evil',
      'sid=evil\u2028x',
      'evil=1; sid=evil%0d%0aSet-Cookie:evil=1',
      '=evil',
      'sid=evil\t=1',
    ]) {
      const { headers, setCookies } = await world.here.browser().post('/logout', {}, { cookie })
      expect(JSON.stringify([headers, setCookies]), cookie).not.toContain('evil')
    }
  })
})
