import crypto from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { drawFormToken, fitsFormToken } from '../../src/core/form-token.ts'

const BINDING = 'b'.repeat(43)
const salts = (byte: number) => (size: number) => new Uint8Array(size).fill(byte)

describe('a form’s token', () => {
  it('is 64 characters of a salt and of an HMAC over both, written out here by hand', () => {
    const token = drawFormToken(BINDING, salts(1))
    const salt = Buffer.alloc(16, 1)
    const fields = `14:sojourn/form/122:${salt.toString('base64url')}`
    const mac = crypto.createHmac('sha256', BINDING).update(fields).digest()
    expect(token).toBe(Buffer.concat([salt, mac]).toString('base64url'))
    expect(token).toMatch(/^[\w-]{64}$/)
  })

  it('differs at each rendering in nearly every byte, and each one fits (J05)', () => {
    const [one, two] = [1, 2].map((byte) => drawFormToken(BINDING, salts(byte)))
    const same = Array.from(one!).filter((character, at) => character === two![at])
    expect(same.length).toBeLessThan(16)
    for (const token of [one, two]) expect(fitsFormToken(token, [BINDING])).toBe(true)
  })

  it('fits any of several bindings, and no other (J02)', () => {
    const token = drawFormToken(BINDING, salts(1))
    expect(fitsFormToken(token, ['x', BINDING])).toBe(true)
    expect(fitsFormToken(token, ['x', BINDING.slice(1)])).toBe(false)
    expect(fitsFormToken(token, [])).toBe(false)
  })

  it('does not fit with any one character changed', () => {
    const token = drawFormToken(BINDING, salts(1))
    for (let at = 0; at < token.length; at++) {
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
      expect(fitsFormToken(changed, [BINDING]), changed).toBe(false)
    }
  })

  it.each([
    undefined,
    null,
    '',
    0,
    {},
    ['x'],
    'A'.repeat(63),
    'A'.repeat(65),
    'A'.repeat(64),
    `${'A'.repeat(63)}=`,
    'é'.repeat(64),
    BINDING,
  ])('is not %j', (given) => {
    expect(fitsFormToken(given, [BINDING])).toBe(false)
  })

  it('has one spelling', () => {
    const token = drawFormToken(BINDING, salts(255))
    expect(token).toContain('_')
    for (const other of [token.replaceAll('_', '/'), `${token}=`, ` ${token}`, `${token}\n`])
      expect(fitsFormToken(other, [BINDING]), other).toBe(false)
  })

  it('is compared in constant time', () => {
    const compare = vi.spyOn(crypto, 'timingSafeEqual')
    fitsFormToken(drawFormToken(BINDING, salts(1)), [BINDING])
    fitsFormToken(drawFormToken('x', salts(1)), [BINDING])
    expect(compare).toHaveBeenCalledTimes(2)
    compare.mockRestore()
  })
})
