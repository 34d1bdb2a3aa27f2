import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Data } from '../../src/core/changes.ts'
import { defaultPrincipal, normalisePrincipal, scopePrincipal, unscopePrincipal } from '../../src/core/principal.ts'
import { forAll } from '../support/arbitraries.ts'

describe('the default principal', () => {
  it.each<[Data, unknown]>([
    [{}, undefined],
    [{ userId: 'alice' }, 'alice'],
    [{ userId: 7 }, 7],
    [{ userId: 0 }, 0],
    [{ user: 'alice' }, 'alice'],
    [{ user: { id: 'alice' } }, 'alice'],
    [{ user: { id: 7, _id: 8 } }, 7],
    [{ user: { _id: 'alice' } }, 'alice'],
    [{ user: { name: 'alice' } }, undefined],
    [{ user: null }, undefined],
    [{ user: true }, undefined],
    [{ passport: { user: 'alice' } }, 'alice'],
    [{ passport: { user: { id: 'alice' } } }, 'alice'],
    [{ passport: {} }, undefined],
    [{ passport: 'alice' }, undefined],
    [{ userId: 'alice', user: { id: 'bob' } }, 'alice'],
    [{ user: { id: 'alice' }, passport: { user: 'bob' } }, 'alice'],
    [{ userId: {}, user: 'bob' }, 'bob'],
    [{ userId: { id: 'alice' } }, 'alice'],
  ])('of %o is %o', (data, principal) => {
    expect(defaultPrincipal(data)).toBe(principal)
  })
})

describe('a principal', () => {
  it.each<[unknown, string | null]>([
    [null, null],
    [undefined, null],
    ['alice', 'alice'],
    [7, '7'],
    [0, '0'],
    [-1.5, '-1.5'],
    [' ', ' '],
    ['é日😀', 'é日😀'],
    ['a'.repeat(256), 'a'.repeat(256)],
  ])('given as %o is kept as %o', (value, kept) => {
    expect(normalisePrincipal(value)).toBe(kept)
  })

  it.each([
    [''],
    ['a'.repeat(257)],
    ['a\nb'],
    ['a\0'],
    ['\u001fa'],
    ['\u007f'],
    [NaN],
    [Infinity],
    [true],
    [{ id: 'alice' }],
    [['alice']],
    [10n],
    [Symbol('alice')],
    [() => 'alice'],
    [Promise.resolve('alice')],
  ])('cannot be %o', (value) => {
    expect(() => normalisePrincipal(value)).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' }),
    )
  })

  it('that cannot be is not repeated in the error', () => {
    expect(() => normalisePrincipal('secret\n'.repeat(3))).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') as string }),
    )
  })

  it('comes back out of its namespace', () => {
    const text = fc.string({ minLength: 1 }).filter((text) => !text.includes('\u001f'))
    forAll(fc.tuple(fc.oneof(text, fc.constant('')), text), ([namespace, principal]) =>
      expect(unscopePrincipal(namespace, scopePrincipal(namespace, principal))).toBe(principal),
    )
    expect(unscopePrincipal('app', null)).toBeNull()
  })

  it('of one namespace is never that of another', () => {
    const text = fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b') })
    const pair = fc.tuple(
      text,
      text.filter((text) => text !== ''),
    )
    forAll(
      fc.tuple(pair, pair),
      ([one, other]) =>
        expect(scopePrincipal(...one) === scopePrincipal(...other)).toBe(one.join('/') === other.join('/')),
      1000,
    )
  })
})
