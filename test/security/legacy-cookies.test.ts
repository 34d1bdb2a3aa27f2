/** The signed cookies of express-session: the drop-in reads and writes the very same, and takes no others. */
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { afterEach, describe, expect, it } from 'vitest'
import { sign, unsign } from '../../src/express-session/signature.ts'
import { type AnyRequest, DROP_IN, EXPRESS_SESSION, type Library } from '../express-session/_libraries.ts'
import { exchange, formatHead } from '../support/wire.ts'
import { serve } from './_serve.ts'

interface CookieSignature {
  sign(value: string, secret: string): string
  unsign(signed: string, secret: string): string | false
}
const theirs = createRequire(import.meta.url)('cookie-signature') as CookieSignature

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

describe('a signature', () => {
  it('is that of cookie-signature, for ten thousand values and secrets', () => {
    for (let at = 0; at < 10_000; at++) {
      const [value, secret] = [randomBytes(at % 40).toString('latin1'), randomBytes(1 + (at % 70)).toString('latin1')]
      const signed = theirs.sign(value, secret)
      expect(sign(value, secret)).toBe(signed)
      expect(unsign(signed, ['another', secret])).toBe(value)
      // Whoever changes any of it has signed nothing.
      const spoiled = at % 2 ? `${signed.slice(0, -1)}${signed.endsWith('A') ? 'B' : 'A'}` : `x${signed}`
      expect(unsign(spoiled, [secret])).toBeUndefined()
      expect(theirs.unsign(spoiled, secret)).toBe(false)
    }
  })

  it.each(['', '.', 'value', 'value.', '.mac', `value.${'A'.repeat(43)}`, 's:value.mac'])('is none in %j', (signed) => {
    expect(unsign(signed, ['secret'])).toBeUndefined()
  })
})

describe('somebody signed in', () => {
  /** An application with one of the libraries, over a store that both are given in turn. */
  async function start(
    library: Library,
    store: object,
  ): Promise<(path: string, cookie?: string) => ReturnType<typeof exchange>> {
    const middleware = library({ secret: 'as it always was', resave: false, saveUninitialized: false, store })
    const { port, close } = await serve((request, response) => {
      middleware(request, response, (error) => {
        const { session } = request as AnyRequest
        if (request.url === '/sign-in') session['user'] = 'alice'
        response.end(error ? 'failed' : JSON.stringify(session['user'] ?? null))
      })
    })
    closing.push(close)
    return (path, cookie) =>
      exchange(port, 'GET', formatHead('GET', path, cookie === undefined ? [] : [`Cookie: ${cookie}`]))
  }

  it.each([
    ['before the drop-in came is so with it', EXPRESS_SESSION, DROP_IN],
    ['with the drop-in is so when it has gone again', DROP_IN, EXPRESS_SESSION],
  ])('%s', async (_, before, after) => {
    const store = new EXPRESS_SESSION.MemoryStore()
    const { setCookies } = await (await start(before, store))('/sign-in')
    const cookie = setCookies[0]!.split(';', 1)[0]!
    expect(cookie).toMatch(/^connect\.sid=s%3A/)
    const ask = await start(after, store)
    expect((await ask('/me', cookie)).body).toBe('"alice"')
    // Nor does either take one whose signature is another's.
    expect((await ask('/me', `${cookie.slice(0, -3)}xyz`)).body).toBe('null')
    expect((await ask('/me', cookie.replace('s%3A', ''))).body).toBe('null')
  })
})
