import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/index.ts'
import { sealer } from '../../src/stores/_seal.ts'

const secret = (byte: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, at) => (at * 31 + byte) % 256)
const ring = [{ id: 'k1', secret: secret(1) }]

describe('sealing', () => {
  it('gives back what was sealed, whatever it is', () => {
    const { seal, open } = sealer(ring, 'test')
    fc.assert(
      fc.property(fc.jsonValue(), (value) => JSON.stringify(open(seal(value))?.value) === JSON.stringify(value)),
    )
  })

  it('opens nothing in which any single character was changed, left out or doubled', () => {
    const { seal, open } = sealer(ring, 'test')
    const sealed = seal({ user: 'alice' })
    for (let at = 0; at < sealed.length; at++) {
      const [before, after] = [sealed.slice(0, at), sealed.slice(at + 1)]
      for (const other of ['A', 'B', '_', '.'])
        if (other !== sealed[at]) expect(open(before + other + after)).toBeUndefined()
      expect(open(before + after)).toBeUndefined()
      expect(open(before + sealed[at]! + sealed[at]! + after)).toBeUndefined()
    }
  })

  it('opens no random input, and never throws', () => {
    const { open } = sealer(ring, 'test')
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (input) => open(input) === undefined))
    fc.assert(fc.property(fc.base64String(), (input) => open(`v1.k1.${input}`) === undefined))
  })

  it.each([
    ['another purpose', sealer(ring, 'other')],
    ['a purpose cut differently', sealer(ring, 'te', 'st')],
    ['a longer purpose', sealer(ring, 'test', '')],
    ['another secret under the same name', sealer([{ id: 'k1', secret: secret(2) }], 'test')],
    ['a ring without the key', sealer([{ id: 'k2', secret: secret(1) }], 'test')],
  ])('opens for nobody with %s', (_, { open }) => {
    expect(open(sealer(ring, 'test').seal('value'))).toBeUndefined()
  })

  it('refuses every downgrade', () => {
    const { seal, open } = sealer(ring, 'test')
    const plain = Buffer.from('{"user":"alice"}').toString('base64url')
    const rest = seal('value').split('.').slice(1).join('.')
    for (const forged of [
      plain,
      `v0.k1.${plain}`,
      `v2.${rest}`,
      `v1..${plain}`,
      `V1.${rest}`,
      `v1.none.${plain}`,
      '',
      'v1.k1.',
    ]) {
      expect(open(forged)).toBeUndefined()
    }
  })

  it('never seals the same twice, and hides lengths up to 32 bytes', () => {
    const { seal } = sealer(ring, 'test')
    const sealed = Array.from({ length: 1000 }, () => seal('value'))
    expect(new Set(sealed.map((each) => each.slice(6, 49))).size).toBe(1000)
    expect(seal('a').length).toBe(seal('a'.repeat(29)).length)
  })

  it('says what was sealed with a key that is no longer the first', () => {
    const old = sealer(ring, 'test').seal('value')
    const { seal, open } = sealer([{ id: 'k2', secret: secret(2) }, ...ring], 'test')
    expect(open(old)).toEqual({ value: 'value', stale: true })
    expect(open(seal('value'))).toEqual({ value: 'value', stale: false })
  })

  it.each([
    ['no ring', undefined],
    ['an empty ring', []],
    ['a short secret', [{ id: 'a', secret: secret(1).slice(1) }]],
    ['a passphrase', [{ id: 'a', secret: 'keyboard cat, and some more of it to be long' }]],
    ['a secret that is hardly random', [{ id: 'a', secret: new Uint8Array(32) }]],
    ['no secret', [{ id: 'a' }]],
    ['no name', [{ secret: secret(1) }]],
    ['a long name', [{ id: '123456789', secret: secret(1) }]],
    ['two of one name', [...ring, ...ring]],
  ])('refuses %s at start, and says how to draw a key', (_, keys) => {
    const attempt = () => sealer(keys as typeof ring, 'test')
    expect(attempt).toThrow(ConfigError)
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG' }))
  })

  it('takes secrets as bytes, base64, base64url and hex, all the same', () => {
    const sealed = sealer(ring, 'test').seal('value')
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      const { open } = sealer([{ id: 'k1', secret: Buffer.from(secret(1)).toString(encoding) }], 'test')
      expect(open(sealed)?.value).toBe('value')
    }
  })
})
