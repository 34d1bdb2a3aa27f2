/** An image is what a value is once it has been through JSON. */
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { imageOf, isImageOf, sameImage } from '../../src/express-session/image.ts'

/** Whatever a handler may put into a session. */
const anything = fc.dictionary(
  fc.string(),
  fc.anything({
    withDate: true,
    withMap: true,
    withSet: true,
    withBoxedValues: true,
    withNullPrototype: true,
    withSparseArray: true,
  }),
)
const json = fc.dictionary(
  fc.string().filter((key) => key !== '__proto__'),
  fc.jsonValue(),
)

/** As the next request would have it. A key `__proto__` is nobody's data. */
const throughJson = (value: object): unknown =>
  JSON.parse(JSON.stringify({ ...value, cookie: undefined }), (key, each: unknown) =>
    key === '__proto__' ? undefined : each,
  )

describe('an image', () => {
  it('has the text that JSON gives the value, whatever that is', () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(JSON.stringify(imageOf(value, 'cookie'))).toBe(JSON.stringify(throughJson(value)))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['made elsewhere', runInNewContext('new String("a")')],
    ['of a symbol', Object(Symbol('a'))],
    ['that only looks like one', Object.create(Number.prototype)],
  ])('takes a box %s as JSON does', (_, box: unknown) => {
    const value = { box, list: [box] }
    expect(JSON.stringify(imageOf(value, 'cookie'))).toBe(JSON.stringify(value))
    expect(isImageOf(imageOf(value, 'cookie'), value, 'cookie')).toBe(true)
  })

  it('is that of its value, and of no value with another text', () => {
    fc.assert(
      fc.property(anything, anything, (a, b) => {
        const image = imageOf(a, 'cookie')
        expect(isImageOf(image, a, 'cookie')).toBe(true)
        const isSameText = JSON.stringify(throughJson(a)) === JSON.stringify(throughJson(b))
        expect(isImageOf(image, b, 'cookie')).toBe(isSameText)
        expect(sameImage(image, imageOf(b, 'cookie'))).toBe(isSameText)
      }),
      { numRuns: 500 },
    )
  })

  it('differs after any change deep inside', () => {
    fc.assert(
      fc.property(json, json, fc.jsonValue(), (outer, inner, value) => {
        const before = { ...outer, deep: { list: [inner] } }
        const after = { ...outer, deep: { list: [{ ...inner, changed: [value] }] } }
        expect(isImageOf(imageOf(before, 'cookie'), after, 'cookie')).toBe(
          'changed' in inner && sameImage(inner['changed'], [value]),
        )
      }),
    )
  })

  it.each<[name: string, a: object, b: object]>([
    ['the order of keys', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['a list and an object', { a: [] }, { a: {} }],
    ['nothing and null', {}, { a: null }],
    ['a number and its text', { a: 1 }, { a: '1' }],
    ['a longer list', { a: [1] }, { a: [1, undefined] }],
  ])('tells apart %s', (_, a, b) => {
    expect(isImageOf(imageOf(a, ''), b, '')).toBe(false)
    expect(sameImage(imageOf(a, ''), imageOf(b, ''))).toBe(false)
  })

  it('leaves out the one key at the top, and at the top only', () => {
    expect(imageOf({ cookie: 1, a: { cookie: 2 } }, 'cookie')).toEqual({ a: { cookie: 2 } })
  })

  it('is its own: a later change of the value does not reach it', () => {
    const value = { list: [{ n: 1 }] }
    const image = imageOf(value, 'cookie')
    value.list[0]!.n = 2
    expect(image).toEqual({ list: [{ n: 1 }] })
  })

  it.each<[name: string, value: () => object]>([
    ['a BigInt', () => ({ a: 1n })],
    [
      'a circle',
      () => {
        const value: { self?: object } = {}
        return Object.assign(value, { self: value })
      },
    ],
  ])('of %s there is none', (_, value) => {
    expect(() => imageOf(value(), 'cookie')).toThrow(TypeError)
  })
})
