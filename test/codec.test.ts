import assert from 'node:assert'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { richCodec } from '../src/codec.ts'
import type { Data } from '../src/core/changes.ts'
import { dataFormat, jsonCodec } from '../src/core/data.ts'
import { data, forAll, hostileText } from './support/arbitraries.ts'
import { rejection, scene, type TestData } from './support/scene.ts'

const format = dataFormat(richCodec, 1e6, undefined)
const unsupported = (message: unknown): unknown =>
  expect.objectContaining({ name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED', message })

const again = <T extends object>(data: T): T => richCodec.decode(richCodec.encode(data)) as T

/** Session data with all that the codec keeps, at any depth. */
const rich: fc.Arbitrary<Data> = fc.letrec<{ value: unknown; object: Data }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(
      fc.oneof(fc.string({ unit: 'binary' }), fc.double(), fc.boolean(), fc.constantFrom(null, undefined, -0, NaN)),
      fc.bigInt(),
      fc.date({ noInvalidDate: true }),
      fc.oneof(fc.uint8Array(), fc.int32Array(), fc.float64Array(), fc.bigUint64Array()),
      fc.uint8Array().map((bytes) => bytes.buffer),
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }).map((values) => new Set(values)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    tie('object'),
  ),
  object: fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    tie('value'),
    { maxKeys: 4, noNullPrototype: true },
  ),
})).object

describe('the rich codec', () => {
  it('gives back whatever it was given', () => {
    forAll(fc.oneof(rich, data), (given) => assert.deepStrictEqual(again(given), given), 1000)
  })

  it('writes the same text for what it gave back: what was only read is no change', () => {
    forAll(
      rich,
      (given) => {
        const text = richCodec.encode(given)
        expect(richCodec.encode(richCodec.decode(text))).toBe(text)
      },
      1000,
    )
  })

  it.each<[string, unknown]>([
    ['a Date', new Date(5000)],
    [
      'a Map',
      new Map<unknown, unknown>([
        ['a', new Map([[1, 2]])],
        [{ b: 1 }, 5],
      ]),
    ],
    ['a Set', new Set<unknown>(['a', { b: 1 }])],
    ['a BigInt', 2n ** 70n],
    ['each kind of typed array', [new Int8Array([-1]), new Uint16Array([65535]), new BigInt64Array([-1n])]],
    ['a DataView', new DataView(new Uint8Array([1, 2, 3]).buffer, 1)],
    ['what JSON makes null', [NaN, Infinity, -Infinity, -0]],
    ['a key of undefined', { a: undefined }],
    ['a key of prototypes', { constructor: 1, prototype: { toString: 2 } }],
  ])('keeps %s', (_, value) => {
    expect(again({ value })).toStrictEqual({ value })
  })

  it('reads sessions that were stored as JSON', () => {
    forAll(data, (given) => expect(richCodec.decode(jsonCodec.encode(given))).toEqual(given))
    expect(Object.keys(richCodec.decode('{"__proto__":{"admin":true},"a":1}'))).toEqual(['a'])
  })

  it('keeps of a view its own bytes, and none of the memory around them', () => {
    const memory = Buffer.from('a secret, some bytes, a secret')
    const at = memory.indexOf('some bytes')
    const views = [
      memory.subarray(at, at + 10),
      new Uint8Array(memory.buffer, memory.byteOffset + at, 10),
      new DataView(memory.buffer, memory.byteOffset + at, 10),
    ]
    const text = richCodec.encode({ views })
    const kept = (richCodec.decode(text) as { views: DataView[] }).views
    for (const { buffer } of kept) expect(Buffer.from(buffer as ArrayBuffer).toString()).toBe('some bytes')
    const decoded = text.replaceAll(/[\w+/=]{8,}/g, (each) => Buffer.from(each, 'base64').toString())
    expect([decoded.includes('some bytes'), decoded.includes('secret')]).toEqual([true, false])
  })

  it('writes an object that lies in two places twice, and leaves a key __proto__ out', () => {
    const shared = { at: new Date(1) }
    const back = again({ a: shared, b: [shared] })
    expect(back).toStrictEqual({ a: shared, b: [shared] })
    expect(back.a).not.toBe(back.b[0])
    const body = JSON.parse('{"__proto__":{"admin":true},"b":{"__proto__":[]}}') as object
    expect(Object.getOwnPropertyNames(again({ body }).body)).toEqual(['b'])
  })
})

describe('what the rich codec cannot keep', () => {
  class Cart {
    total = 5
  }
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  const deep = JSON.parse('['.repeat(600) + ']'.repeat(600)) as unknown
  const holes = [1, 2]
  holes[1e9] = 3

  it.each<[string, object, RegExp]>([
    ['a function', { a: { b: [1, () => {}] } }, /^session\.a\.b\[1\] cannot be kept \(.*function/],
    ['a symbol', { 'a b': Symbol('x') }, /^session\["a b"\] cannot be kept \(.*Symbol/],
    ['an instance of a class', { cart: new Map([['x', new Cart()]]) }, /^session\.cart\.get\("x"\) cannot be kept/],
    ['a RegExp', { a: /a+/ }, /^session\.a cannot be kept/],
    ['a URL', { a: new URL('http://host/') }, /^session\.a cannot be kept/],
    ['an Error', { a: new Error('x') }, /^session\.a cannot be kept/],
    ['a boxed number', { a: Object(5) as object }, /^session\.a cannot be kept/],
    ['a promise', { a: Promise.resolve() }, /^session\.a cannot be kept/],
    ['a key that is a symbol', { a: { [Symbol('x')]: 1 } }, /^session\.a cannot be kept/],
    ['a circle', { circle }, /in a circle, or nested too deep/],
    ['a list with holes, nearly without end', { a: [1, holes] }, /a list with holes/],
  ])('%s is an error that says where', (_, data, message) => {
    expect(() => format.encode(data)).toThrow(unsupported(expect.stringMatching(message)))
    expect(() => format.encode(data)).toThrow(/; assign plain data, Date, Map, Set, BigInt or typed arrays$/)
  })

  it('nesting beyond measure is an error before anything is stored', async () => {
    expect(() => format.readBack(format.encode({ deep }))).toThrow(unsupported(expect.any(String)))
    const app = scene({ codec: richCodec })
    const failed = app.visitor().visit((session) => (session['deep'] = deep))
    expect(await rejection(failed)).toMatchObject({ code: 'ERR_SOJOURN_UNSUPPORTED' })
    expect(app.rows.size).toBe(0)
  })
})

describe('a hostile text', () => {
  const bomb = `[${Array.from({ length: 60 }, (_, at) => `{"a":${at + 1},"b":${at + 1}}`).join(',')},1]`

  it.each([
    ['that is cut', '[{"a":1},'],
    ['that is a number', '-1'],
    ['of a list', '[[1],5]'],
    ['of a Map', '[["Map"]]'],
    ['of a Date', '[["Date","1970-01-01T00:00:00.000Z"]]'],
    ['with a key __proto__', '[{"__proto__":1},{"admin":2},true]'],
    ['with a key __proto__ spelled with an escape', '[{"\\u005f_proto__":1},{"admin":2},true]'],
    ['with a key __proto__ of an object without one', '[{"a":1},["null","__proto__",2],{"admin":3},true]'],
    ['in a circle', '[{"self":0}]'],
    ['in a circle through a Map', '[{"a":1},["Map",2,1],"k"]'],
    ['with one object in two places', '[{"a":1,"b":1},{}]'],
    ['that doubles with each line', bomb],
    ['of a huge list with holes', '[{"a":1},[-7,4294967295,0,2],5]'],
    ['of a typed array of a huge length', '[{"a":1},["Uint8Array",2],4294967295]'],
    ['of a typed array beyond its bytes', '[{"a":1},["Uint8Array",2,0,4096],["ArrayBuffer","AAAA"]]'],
    ['of a typed array on itself', '[{"a":1},["Uint8Array",1]]'],
    ['of a RegExp that takes for ever', '[{"a":1},["RegExp","(a+)+$"]]'],
    ['of a URL', '[{"a":1},["URL","http://host/"]]'],
    ['of a boxed value', '[{"a":1},["Object",2],"x"]'],
    ['of a BigInt that is none', '[{"a":1},["BigInt","1e9"]]'],
    ['of a type that is none', '[{"a":1},["constructor",2],"x"]'],
    ['of places that are none', '[{"a":7,"b":-9,"c":1.5}]'],
    ['of places that are names', '[{"a":"__proto__"}]'],
    ['that is deep', `[{"a":1},${Array.from({ length: 600 }, (_, at) => `[${at + 2}]`).join(',')},5]`],
    ['that is a bomb', '['.repeat(100_000)],
  ])('%s gives no data', (_, text) => {
    expect(format.decode(text)).toBeUndefined()
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('with holes in a list has none of them read: whatever is read can be written', () => {
    const read = format.decode('[{"a":1},[-2,2,-2],5]')
    expect(read).toStrictEqual({ a: [undefined, 5, undefined] })
    expect(format.decode(format.encode(read!))).toStrictEqual(read)
  })

  it('made of another by a few changes gives plain data that can be written again, or none', () => {
    const change = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 3 }), hostileText)
    const piece = fc.oneof(hostileText, fc.constantFrom('0', '1', '-7', ',', '[', ']', '"Map"', '"null"', '["Set",0]'))
    forAll(
      fc.tuple(rich, fc.array(fc.tuple(change, piece), { minLength: 1, maxLength: 3 })),
      ([given, changes]) => {
        let text = richCodec.encode(given)
        for (const [[at, gone], put] of changes) {
          const place = Math.floor(at * text.length)
          text = text.slice(0, place) + put + text.slice(place + gone)
        }
        const read = format.decode(text)
        if (!read) return
        expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
        assert.deepStrictEqual(format.decode(format.encode(read)), read)
      },
      2000,
    )
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

describe('a session with rich data', () => {
  const options = { codec: richCodec }

  it('has them on the next request, and writes only what changed', async () => {
    const app = scene(options)
    const known = await app.known({ at: new Date(5000), seen: new Map([['/', new Set([1n])]]) })
    expect({ ...(await known.open()) }).toStrictEqual({ at: new Date(5000), seen: new Map([['/', new Set([1n])]]) })
    expect((await known.visit()).plan).toBe('nothing')
    const { plan } = await known.visit((session) => (session['seen'] as Map<string, unknown>).set('/b', new Set()))
    expect(plan).toBe('save')
    expect((await known.open())['seen']).toEqual(
      new Map([
        ['/', new Set([1n])],
        ['/b', new Set()],
      ]),
    )
  })

  it('has them merged beside each other; a Map, a Set and a Date are each taken whole', async () => {
    const app = scene(options)
    const known = await app.known({ seen: new Map([['/', 1]]), nested: { at: new Date(1), tags: new Set(['a']) } })
    const [one, two] = [await known.open(), await known.open()]
    const nested = (session: TestData): { at: Date; tags: Set<string> } => session['nested'] as never
    ;(one['seen'] as Map<string, number>).set('/one', 1)
    nested(one).at.setTime(2)
    ;(two['seen'] as Map<string, number>).set('/two', 2)
    nested(two).tags.add('b')
    await app.sessions.commit(two)
    await app.sessions.commit(one)
    expect({ ...(await known.open()) }).toStrictEqual({
      seen: new Map([
        ['/', 1],
        ['/one', 1],
      ]),
      nested: { at: new Date(2), tags: new Set(['a', 'b']) },
    })
  })

  it('is counted up by update() in parallel, to the last BigInt', async () => {
    const app = scene(options)
    const known = await app.known({ count: 0n })
    const sessions = await Promise.all(Array.from({ length: 20 }, () => known.open()))
    await Promise.all(
      sessions.map((session) => session.update((data) => void (data['count'] = (data['count'] as bigint) + 1n))),
    )
    expect((await known.open())['count']).toBe(20n)
  })

  it('is whose principal() says, which sees them as they will be read back', async () => {
    const app = scene({
      ...options,
      principal: (data) => (data['owners'] instanceof Map ? (data['owners'].get('first') as string) : undefined),
    })
    const visitor = app.visitor()
    await visitor.visit((session) => (session['owners'] = new Map([['first', 'alice']])))
    const old = visitor.copy()
    expect([...app.rows.values()].map(({ principal }) => principal)).toEqual(['alice'])
    await visitor.visit((session) => (session['owners'] as Map<string, string>).set('first', 'bob'))
    expect([...app.rows.values()].map(({ principal }) => principal)).toEqual(['bob'])
    expect((await old.open()).isNew).toBe(true)
  })

  it('that was stored as JSON is read, without a write', async () => {
    const before = scene()
    const known = await before.known({ user: { id: 'alice' }, views: 1 })
    const after = before.beside(options)
    const visitor = after.visitor()
    visitor.cookie = known.cookie
    expect((await visitor.visit((session) => expect(session['views']).toBe(1))).plan).toBe('nothing')
    expect(after.store.calls).toEqual(['load'])
    await visitor.visit((session) => (session['at'] = new Date(1)))
    expect({ ...(await visitor.open()) }).toStrictEqual({ user: { id: 'alice' }, views: 1, at: new Date(1) })
  })

  it('whose text somebody spoiled is anonymous, with an event', async () => {
    const app = scene(options)
    const alice = await app.signedIn()
    for (const [id, row] of app.rows) app.rows.set(id, { ...row, body: row.body.replace('[{', '[{"__proto__":0,') })
    const { plan } = await alice.visit((session) => expect(session.user).toBeUndefined())
    expect([plan, app.takeTold()]).toEqual(['nothing', ['unreadable']])
  })
})
