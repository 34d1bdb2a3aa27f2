import crypto from 'node:crypto'
import * as fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  bindingOf,
  drawId,
  drawSecret,
  formatToken,
  isId,
  markMaker,
  parseToken,
  sameHash,
  sealSecret,
  secretHasher,
  unsealSecret,
  writerOf,
} from '../../src/core/token.ts'
import { forAll, hostileText, secret, token } from '../support/arbitraries.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('')
const ID = 'A'.repeat(22)
const SECRET = 'B'.repeat(42) + 'A'
const { randomBytes } = crypto

afterEach(() => vi.restoreAllMocks())

describe('a token', () => {
  it('is read back as it was written', () => {
    forAll(token, (token) => expect(parseToken(formatToken(token))).toEqual(token))
  })

  it('has one spelling alone: the last characters, whose spare bits say nothing, are taken with zeros only', () => {
    const ids = ALPHABET.filter((last) => parseToken(`${ID.slice(0, 21)}${last}.${SECRET}`))
    const secrets = ALPHABET.filter((last) => parseToken(`${ID}.${SECRET.slice(0, 42)}${last}`))
    expect(ids.join('')).toBe('AQgw')
    expect(secrets.join('')).toBe('AEIMQUYcgkosw048')
  })

  it.each([
    ['nothing', ''],
    ['an id alone', ID],
    ['an id and a dot', `${ID}.`],
    ['a secret alone', `.${SECRET}`],
    ['no dot', ID + SECRET],
    ['another separator', `${ID}:${SECRET}`],
    ['a third part', `${ID}.${SECRET}.${SECRET}`],
    ['a long id', `A${ID}.${SECRET}`],
    ['a short id', `${ID.slice(1)}.${SECRET}`],
    ['a long secret', `${ID}.${SECRET}A`],
    ['a short secret', `${ID}.${SECRET.slice(1)}`],
    ['padding', `${ID}==.${SECRET}=`],
    ['plain base64', `${'+'.repeat(21)}A.${'/'.repeat(42)}A`],
    ['quotes', `"${ID}.${SECRET}"`],
    ['a newline at the end', `${ID}.${SECRET}\n`],
    ['a blank before', ` ${ID}.${SECRET}`],
    ['percent encoding', `${ID}%2E${SECRET}`],
    ['other alphabets', `${'Ａ'.repeat(22)}.${SECRET}`],
    ['a NUL', `${ID}.${SECRET}\0`],
    ['a path', '../../etc/passwd'],
    ['a signed cookie of express-session', `s:${ID}.${SECRET}`],
  ])('is not read out of %s', (_, value) => {
    expect(parseToken(value)).toBeUndefined()
  })

  it('is not read out of any text that is not its canonical spelling', () => {
    const mutation = fc.tuple(fc.oneof(hostileText, token.map(formatToken)), fc.nat(70), hostileText)
    forAll(
      mutation,
      ([text, at, insert]) => {
        const mutated = text.slice(0, at) + insert + text.slice(at + 1)
        const read = parseToken(mutated)
        if (read) {
          expect(formatToken(read)).toBe(mutated)
          expect(Buffer.from(read.secret, 'base64url').toString('base64url')).toBe(read.secret)
        }
      },
      2000,
    )
  })

  it('is drawn from as many random bytes as it says', () => {
    const sizes: number[] = []
    const random = (size: number): Uint8Array => {
      sizes.push(size)
      return randomBytes(size)
    }
    const drawn = { id: drawId(random), secret: drawSecret(random) }
    expect(sizes).toEqual([16, 32])
    expect(parseToken(formatToken(drawn))).toEqual(drawn)
    const drawMark = markMaker(random)
    expect(drawMark()).toMatch(/^[\w-]{12}$/)
    expect(writerOf(drawMark())).toBe(writerOf(drawMark()))
  })

  it('takes only its own bytes of a larger buffer', () => {
    const pool = new Uint8Array(64).fill(255)
    expect(drawId((size) => pool.subarray(8, 8 + size).fill(0))).toBe(ID)
  })
})

describe('an id', () => {
  it.each([ID, `${'-_'.repeat(10)}Aw`])('is known by its spelling: %s', (id) => expect(isId(id)).toBe(true))

  it.each([[undefined], [null], [5], [{}], [[ID]], [''], [`${ID}\n`], [`${ID.slice(1)}B`], [`${ID}.${SECRET}`]])(
    'is not %o',
    (value) => expect(isId(value)).toBe(false),
  )
})

describe('the hash of a secret', () => {
  it('is SHA-256 over length-prefixed fields', () => {
    const text = `9:sojourn/13:app3:sid43:${SECRET}`
    const expected = crypto.createHash('sha256').update(text).digest('base64url')
    expect(secretHasher('app', 'sid')(SECRET)).toBe(expected)
  })

  it('is another for another secret, namespace or cookie, however the fields are cut', () => {
    const fields = fc.tuple(hostileText, hostileText, secret)
    const wellFormed = fields.filter((all) => all.every(isWellFormed))
    forAll(fc.tuple(wellFormed, fc.nat(5)), ([[namespace, name, secret], cut]) => {
      const hash = secretHasher(namespace, name)(secret)
      const moved = [namespace + name.slice(0, cut), name.slice(cut)] as const
      if (moved[0] !== namespace) expect(secretHasher(...moved)(secret)).not.toBe(hash)
      expect(secretHasher(`${namespace}x`, name)(secret)).not.toBe(hash)
      expect(secretHasher(namespace, `${name}x`)(secret)).not.toBe(hash)
      expect(secretHasher(namespace, name)(`${secret}x`)).not.toBe(hash)
    })
  })

  it('is compared in constant time', () => {
    const compare = vi.spyOn(crypto, 'timingSafeEqual')
    const hash = secretHasher('', 'sid')
    expect(sameHash(hash('a'), hash('a'))).toBe(true)
    expect(sameHash(hash('a'), hash('b'))).toBe(false)
    expect(compare).toHaveBeenCalledTimes(2)
  })

  it('is compared without an error with what is no hash', () => {
    expect(sameHash('', 'a')).toBe(false)
    expect(sameHash('ab', 'a')).toBe(false)
    expect(sameHash('', '')).toBe(true)
  })

  it('gives a binding that changes with it and is not it', () => {
    const hash = secretHasher('', 'sid')(SECRET)
    expect(bindingOf(hash)).toBe(bindingOf(hash))
    expect(bindingOf(hash)).not.toBe(hash)
    expect(bindingOf(hash)).not.toBe(bindingOf(secretHasher('', 'sid')(SECRET.replace('B', 'C'))))
  })
})

describe('a sealed secret', () => {
  it('is opened by who holds the token before it', () => {
    forAll(fc.tuple(secret, token), ([next, previous]) => {
      const sealed = sealSecret(next, previous, randomBytes)
      expect(sealed).not.toContain(next)
      expect(unsealSecret(sealed, previous)).toBe(next)
    })
  })

  it('is not opened by anybody else', () => {
    forAll(fc.tuple(secret, token, token), ([next, previous, other]) => {
      const sealed = sealSecret(next, previous, randomBytes)
      expect(unsealSecret(sealed, { ...previous, secret: other.secret })).toBeUndefined()
      expect(unsealSecret(sealed, { ...previous, id: other.id })).toBeUndefined()
    })
  })

  it('is not opened when a single bit of it was changed, or its end is missing', () => {
    const previous = { id: ID, secret: SECRET }
    const sealed = Buffer.from(sealSecret(SECRET, previous, randomBytes), 'base64url')
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed[at]! ^= 1
      expect(unsealSecret(changed.toString('base64url'), previous)).toBeUndefined()
      expect(unsealSecret(sealed.subarray(0, at).toString('base64url'), previous)).toBeUndefined()
    }
  })

  it('is nothing when the text is none', () => {
    const previous = { id: ID, secret: SECRET }
    forAll(hostileText, (text) => expect(unsealSecret(text, previous)).toBeUndefined())
  })

  it('never looks the same twice', () => {
    const previous = { id: ID, secret: SECRET }
    expect(sealSecret(SECRET, previous, randomBytes)).not.toBe(sealSecret(SECRET, previous, randomBytes))
  })
})

/** Whether UTF-8 keeps the text: it has no half of a surrogate pair. */
function isWellFormed(text: string): boolean {
  return Buffer.from(text).toString() === text
}
