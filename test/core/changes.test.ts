import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changedKeys, type Data, merge, same } from '../../src/core/changes.ts'
import { data, forAll } from '../support/arbitraries.ts'

const RUNS = 1000
const three = fc.tuple(data, data, data)

describe('a merge', () => {
  it('gives theirs when I changed nothing', () => {
    forAll(fc.tuple(data, data), ([base, theirs]) => expect(merge(base, clone(base), theirs)).toEqual(theirs), RUNS)
  })

  it('gives mine when they changed nothing', () => {
    forAll(fc.tuple(data, data), ([base, mine]) => expect(merge(base, mine, clone(base))).toEqual(mine), RUNS)
  })

  it('gives the change that both made', () => {
    forAll(fc.tuple(data, data), ([base, mine]) => expect(merge(base, mine, clone(mine))).toEqual(mine), RUNS)
  })

  it('keeps changes of different paths, in either order', () => {
    forAll(
      edits,
      (edits) => {
        const mine = apply(
          BASE,
          edits.filter(({ by }) => by === 'me'),
        )
        const theirs = apply(
          BASE,
          edits.filter(({ by }) => by === 'them'),
        )
        const both = apply(BASE, edits)
        expect(merge(BASE, mine, theirs)).toEqual(both)
        expect(merge(BASE, theirs, mine)).toEqual(both)
      },
      RUNS,
    )
  })

  it('lets mine, the later one, win where both changed one path', () => {
    const paths = fc.tuple(fc.constantFrom(...PATHS), fc.integer(), fc.integer())
    forAll(paths, ([path, ours, others]) => {
      const mine = apply(BASE, [{ path, by: 'me', value: ours }])
      const theirs = apply(BASE, [{ path, by: 'them', value: others }])
      if (ours !== BASE_VALUE) expect(merge(BASE, mine, theirs)).toEqual(mine)
    })
  })

  it('changes nothing of what it is given', () => {
    forAll(three, (given) => {
      const before = clone(given)
      merge(...given)
      merge(...given, true)
      expect(given).toEqual(before)
    })
  })

  it.each<[string, Data, Data, Data, Data]>([
    ['different keys are both kept', {}, { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ['a deletion is honoured', { a: 1, b: 1 }, { b: 1 }, { a: 1, b: 2 }, { b: 2 }],
    ['a deletion wins over an older change of the same key', { a: 1 }, {}, { a: 2 }, {}],
    ['a change wins over an older deletion', { a: 1 }, { a: 2 }, {}, { a: 2 }],
    ['a nested deletion is honoured', { a: { x: 1, y: 1 } }, { a: { y: 1 } }, { a: { x: 1, y: 2 } }, { a: { y: 2 } }],
    ['nested changes are both kept', { a: {} }, { a: { x: 1 } }, { a: { y: 1 } }, { a: { x: 1, y: 1 } }],
    ['objects new on both sides come together', {}, { a: { x: 1 } }, { a: { y: 1 } }, { a: { x: 1, y: 1 } }],
    ['arrays are replaced whole', { a: [1] }, { a: [1, 2] }, { a: [1, 3] }, { a: [1, 2] }],
    ['an object takes the place of a value', { a: 1 }, { a: { x: 1 } }, { a: 2 }, { a: { x: 1 } }],
    ['a value takes the place of an object', { a: {} }, { a: 1 }, { a: { x: 1 } }, { a: 1 }],
    ['null is a value', { a: { x: 1 } }, { a: null }, { a: { x: 2 } }, { a: null }],
    ['a key set to undefined is a key', {}, { a: undefined }, { b: 1 }, { a: undefined, b: 1 }],
    [
      "a key named like an object's own is a key",
      {},
      { constructor: 1 },
      { toString: 2 },
      { constructor: 1, toString: 2 },
    ],
  ])('%s', (_, base, mine, theirs, merged) => {
    expect(merge(base, mine, theirs)).toStrictEqual(merged)
  })

  it('of whole keys takes each that I changed as mine is, and leaves the others', () => {
    const base = { user: { name: 'anonymous' }, cart: { a: 1 }, theme: 'light' }
    const mine = { user: { id: 'bob' }, cart: { a: 1 }, theme: 'light' }
    const theirs = { user: { name: 'anonymous', admin: true }, cart: { a: 1, b: 2 }, theme: 'dark' }
    expect(merge(base, mine, theirs, true)).toEqual({ user: { id: 'bob' }, cart: { a: 1, b: 2 }, theme: 'dark' })
  })

  it('does not look inside what is no plain object', () => {
    const [mine, theirs] = [new Date(1), new Date(2)]
    expect(merge({ a: new Date(0) }, { a: mine }, { a: theirs })['a']).toBe(mine)
    expect(merge({ a: new Map() }, { a: new Map([[1, 1]]) }, { a: new Map([[2, 2]]) })['a']).toEqual(new Map([[1, 1]]))
  })

  it('changes no prototype, whatever the keys', () => {
    const hostile = JSON.parse('{"__proto__":{"admin":true},"a":{"__proto__":{"admin":true}}}') as Data
    const merged = merge({}, hostile, { a: {} })
    expect((merged as { admin?: boolean }).admin).toBeUndefined()
    expect((merged['a'] as { admin?: boolean }).admin).toBeUndefined()
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })
})

describe('the changed keys', () => {
  it('are those added, removed and replaced', () => {
    expect(changedKeys({ a: 1, b: 1, c: 1, d: { x: 1 } }, { b: 1, c: 2, d: { x: 1 }, e: 1 })).toEqual(['a', 'c', 'e'])
  })

  it('are none between data that read the same', () => {
    forAll(data, (data) => expect(changedKeys(data, clone(data))).toEqual([]))
    expect(changedKeys({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([])
  })

  it('tell a key that is undefined from one that is not there', () => {
    expect(changedKeys({}, { a: undefined })).toEqual(['a'])
  })
})

describe('two values are the same', () => {
  it.each([
    [NaN, NaN, true],
    [0, -0, false],
    [1, '1', false],
    [null, undefined, false],
    [null, {}, false],
    [[1, { a: 2 }], [1, { a: 2 }], true],
    [[1], { 0: 1 }, false],
    [new Date(5), new Date(5), true],
    [new Date(5), new Date(6), false],
  ])('%o and %o: %s', (a, b, expected) => expect(same(a, b)).toBe(expected))
})

// --- helpers ---

interface Edit {
  path: string
  by: 'me' | 'them'
  /** Undefined: the path is deleted. */
  value: unknown
}

const BASE_VALUE = 0
const BASE: Data = { a: { x: 0, y: 0, z: { u: 0, v: 0 } }, b: { x: 0 }, c: 0, d: 0 }
const PATHS = ['a.x', 'a.y', 'a.w', 'a.z.u', 'a.z.v', 'b.x', 'b.y', 'c', 'd', 'e'] as const

const edits: fc.Arbitrary<Edit[]> = fc
  .tuple(
    fc.subarray([...PATHS]),
    fc.infiniteStream(fc.constantFrom<'me' | 'them'>('me', 'them')),
    fc.infiniteStream(fc.option(fc.oneof(fc.integer(), fc.array(fc.integer())), { nil: undefined })),
  )
  .map(([paths, by, value]) =>
    paths.map((path) => ({ path, by: by.next().value as 'me' | 'them', value: value.next().value })),
  )

function apply(base: Data, edits: Edit[]): Data {
  const changed = clone(base)
  for (const { path, value } of edits) {
    const keys = path.split('.')
    const last = keys.pop()!
    const parent = keys.reduce((inner, key) => inner[key] as Data, changed)
    if (value === undefined) delete parent[last]
    else parent[last] = value
  }
  return changed
}

function clone<V>(value: V): V {
  return structuredClone(value)
}
