/**
 * Prefix and encoding tricks: a cookie that the browser did not vouch for is spelled so that a careless parser takes
 * it for `__Host-sid`; a value is spelled so that it reaches the store as something else than a token.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pairOf } from '../support/client.ts'
import { newUser, openWorld, type World } from '../support/promises.ts'
import { app, places, sendBytes } from './_attack.ts'

describe.each(places)('prefix and encoding tricks: $name', (place) => {
  let world: World
  let token: string
  let alice: string
  beforeAll(async () => {
    world = await openWorld(place, app, { cookie: { secure: true } })
    alice = newUser()
    const { setCookies } = await world.here.browser().post('/sign-in', { id: alice })
    const [name, value] = pairOf(setCookies[0]!).split('=') as [string, string]
    expect(name).toBe('__Host-sid')
    token = value
  })
  afterAll(() => world.close())

  const ask = (...cookies: string[]): Promise<string> =>
    sendBytes(world.here.port, ['GET /me HTTP/1.1', ...cookies.map((cookie) => `Cookie: ${cookie}`)])

  it('no spelling but the exact one is the session’s cookie', async () => {
    for (const blank of ['', ' ', '\t', ' \t ']) {
      expect(await ask(`a=b;${blank}__Host-sid=${blank}${token}${blank}`)).toContain(alice)
    }
    const blanks = ['\xa0', '\xc2\xa0', '\xe2\x80\x80', '\x85', '\x0b', '\x0c', '\xef\xbb\xbf', '\x00']
    const names = [
      blanks.flatMap((blank) => [`${blank}__Host-sid`, `__Host-sid${blank}`, `__Host-${blank}sid`]),
      ['%5F%5FHost-sid', '__Host%2Dsid', '__HOST-sid', '__host-sid', '__Host-SID', '__Host_sid', '__Host.sid'],
      ['..Host-sid', '__Host-sid[', '__Host-sid[]', ' x__Host-sid', 'x; y__Host-sid', '"__Host-sid', 'sid'],
      ['__Secure-sid', '__Host-__Host-sid', '$Path; __Host-sid ', '=__Host-sid', ' =__Host-sid', 'a,__Host-sid'],
    ].flat()
    for (const name of names) {
      const answer = await ask(`${name}=${token}`)
      expect(answer, JSON.stringify(name)).toMatch(/^HTTP\/1\.1 (?:200 OK[^]*\{\}$|400)/)
    }
    for (const value of [
      `"${token}"`,
      `"${token}`,
      `${token}"`,
      `${token},x`,
      `${token}%20`,
      encodeURIComponent(`${token}=`),
    ]) {
      expect(await ask(`$Version=1; __Host-sid=${value}`), value).toMatch(/^HTTP\/1\.1 200 OK[^]*\{\}$/)
    }
    // The sandwich: what lies between quotes is not one value.
    expect(await ask(`$Version=1; __Host-sid="${token.slice(0, 30)}; x=y"`)).toMatch(/\{\}$/)
  })

  it('the store hears of none of them', async () => {
    const [id, secret] = token.split('.') as [string, string]
    const values = [
      ['../../etc/passwd', '..%2f..%2f', 'sess:*', '{"$ne":null}', "' OR 1=1 --", '__proto__', 'constructor.x'],
      ['\xff'.repeat(66), 'A'.repeat(8192), '.', '..', `${id}.`, `.${secret}`, id, `${id}.${secret}.`, `${id}.${id}`],
      [`${id}${secret}`, `${id}:${secret}`, `${id}.${secret.slice(1)}`, `${id}.${secret}=`, `s:${id}.${secret}`],
      [`${id.slice(0, 21)}${neighbour(id)}.${secret}`, `${id}.${secret.slice(0, 42)}${neighbour(secret)}`],
      [`${id.replace(/.$/, '+')}.${secret}`, `${id}.${secret.replace(/.$/, '/')}`],
    ].flat()
    world.watched.takeCalls()
    for (const value of values) expect(await ask(`__Host-sid=${value}`), value).toMatch(/^HTTP\/1\.1 200 OK[^]*\{\}$/)
    expect(world.watched.takeCalls()).toEqual([])
    expect(await ask(`__Host-sid=${token}`)).toContain(alice)
    expect(world.watched.takeCalls()).toEqual(['load'])
  })
})

/** The next character of base64url: it differs in the bits that say nothing. */
function neighbour(text: string): string {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return ALPHABET[ALPHABET.indexOf(text.at(-1)!) + 1]!
}
