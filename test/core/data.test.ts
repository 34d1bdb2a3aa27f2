import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Codec, dataFormat, jsonCodec, type StandardSchema, type Upgrade } from '../../src/core/data.ts'
import { data, forAll, hostileText } from '../support/arbitraries.ts'
import { schema } from '../support/schema.ts'

const format = dataFormat(jsonCodec, 1000, undefined)
const usage = (code: string): unknown => expect.objectContaining({ name: 'UsageError', code })

describe('session data', () => {
  it('come back as they were encoded', () => {
    const generous = dataFormat(jsonCodec, 1e6, undefined)
    forAll(data, (data) => expect(generous.decode(generous.encode(data))).toEqual(data))
  })

  it('are empty to begin with', () => {
    expect(format.empty).toBe('{}')
    expect(format.decode(format.empty)).toEqual({})
  })

  it.each(['', 'x', '{', '{"a":1', 'null', '5', '"text"', 'true', '[]', '[{"a":1}]', '{"a":1}x', '[object Object]'])(
    'are not read out of %s',
    (text) => expect(format.decode(text)).toBeUndefined(),
  )

  it('are an object or nothing, whatever the text', () => {
    forAll(hostileText, (text) => expect(typeof (format.decode(text) ?? {})).toBe('object'))
  })

  it.each([
    ['', '{"__proto__":{"admin":true},"a":1}'],
    ['deep inside', '{"a":[{"b":{"__proto__":{"admin":true}}}]}'],
    ['spelled with escapes', '{"\\u005f\\u005fproto\\u005f_":{"admin":true}}'],
    ['spelled with one escape, deep inside', '{"a":{"__proto_\\u005F":{"admin":true}}}'],
  ])('have no key __proto__ when they were read, though the text has one %s', (_, text) => {
    expect(protoKeys(format.decode(text))).toBe(0)
  })

  it('keep a __proto__ that is only text', () => {
    expect(format.decode('{"a":"__proto__"}')).toEqual({ a: '__proto__' })
  })

  it.each([
    ['a BigInt', { a: 1n }],
    ['a circle', circle()],
    ['something whose toJSON throws', { a: { toJSON: () => fail() } }],
  ])('cannot have %s, and the error says so', (_, data) => {
    expect(() => format.encode(data)).toThrow(usage('ERR_SOJOURN_UNSUPPORTED'))
    expect(() => format.encode(data)).toThrow(expect.objectContaining({ cause: expect.any(Error) as Error }))
  })
})

describe('the depth of session data', () => {
  const generous = dataFormat(jsonCodec, 1e6, undefined)
  const nested = (levels: number, open: string, close: string): string =>
    `{"a":${open.repeat(levels - 1)}1${close.repeat(levels - 1)}}`

  it.each([
    ['[', ']'],
    ['{"b":', '}'],
  ])('may be 3,200 levels of %s, and no more', (open, close) => {
    expect(generous.encode(generous.decode(nested(3200, open, close))!)).toBe(nested(3200, open, close))
    expect(generous.decode(nested(3201, open, close))).toBeUndefined()
    expect(() => generous.readBack(nested(3201, open, close))).toThrow(usage('ERR_SOJOURN_UNSUPPORTED'))
  })

  it.each([100_000, 400_000])('of a bomb of %i levels gives no data', (levels) => {
    expect(generous.decode('['.repeat(levels))).toBeUndefined()
    expect(generous.decode(nested(levels, '[', ']'))).toBeUndefined()
  })

  it.each([
    ['in text', { a: '["{['.repeat(5000), b: '\\', c: '"[{' }],
    ['side by side', { a: Array.from({ length: 5000 }, () => ({ b: [] })) }],
    ['after an escape', { a: '\\"'.repeat(5000), b: Array.from({ length: 5000 }, () => [] as unknown[]) }],
  ])('is not that of brackets %s', (_, data) => {
    expect(generous.decode(generous.encode(data))).toEqual(data)
  })
})

describe('the size of session data', () => {
  it('is counted in bytes, and may be all that maxBytes says', () => {
    forAll(fc.tuple(fc.string({ unit: 'binary' }), fc.integer({ min: -3, max: 3 })), ([text, off]) => {
      const bytes = Buffer.byteLength(JSON.stringify({ text }))
      const limited = dataFormat(jsonCodec, bytes + off, undefined)
      if (off >= 0) expect(limited.decode(limited.encode({ text }))).toEqual({ text })
      else expect(() => limited.encode({ text })).toThrow(usage('ERR_SOJOURN_TOO_LARGE'))
    })
  })

  it('is judged before anything is decoded', () => {
    const codec: Codec = { encode: jsonCodec.encode, decode: () => fail() }
    expect(dataFormat(codec, 10, undefined).decode('x'.repeat(11))).toBeUndefined()
    expect(dataFormat(jsonCodec, 10, undefined).decode('{"a":"ééé"}')).toBeUndefined()
  })

  it('is told in the error, with both ways out', () => {
    expect(() => format.encode({ text: 'x'.repeat(1000) })).toThrow(
      /1011 bytes.*maxBytes \(1000\); keep large things elsewhere.*or raise maxBytes/,
    )
  })
})

describe('a codec', () => {
  it('is asked for the text and for the data', () => {
    const codec: Codec = {
      encode: (data) => Buffer.from(JSON.stringify(data)).toString('hex'),
      decode: (text) => JSON.parse(Buffer.from(text, 'hex').toString()) as object,
    }
    const format = dataFormat(codec, 1000, undefined)
    expect(format.empty).toBe('7b7d')
    expect(format.encode({ a: 1 })).toBe('7b2261223a317d')
    expect(format.decode('7b2261223a317d')).toEqual({ a: 1 })
    expect(format.readBack('7b2261223a317d')).toEqual({ a: 1 })
  })
})

describe('a schema', () => {
  const named = schema((value) => (typeof value['name'] === 'string' ? value : 'must be text'), ['name'])

  it('turns away data that do not pass', () => {
    const format = dataFormat(jsonCodec, 1000, named)
    expect(format.decode('{"name":"alice"}')).toEqual({ name: 'alice' })
    expect(format.decode('{"name":5}')).toBeUndefined()
  })

  it('is an error for data that were just assigned, which names the path', () => {
    const format = dataFormat(jsonCodec, 1000, named)
    expect(format.readBack('{"name":"alice"}')).toEqual({ name: 'alice' })
    expect(() => format.readBack('{"name":5}')).toThrow(usage('ERR_SOJOURN_UNSUPPORTED'))
    expect(() => format.readBack('{"name":5}')).toThrow('name: must be text')
  })

  it('names paths of segments, and data when there is no path', () => {
    const nested = dataFormat(
      jsonCodec,
      1000,
      schema(() => 'is wrong', ['a', { key: 0 }, 'b']),
    )
    expect(() => nested.readBack('{}')).toThrow('(a.0.b: is wrong)')
    const whole = dataFormat(
      jsonCodec,
      1000,
      schema(() => 'is wrong'),
    )
    expect(() => whole.readBack('{}')).toThrow('(data: is wrong)')
  })

  it('gives its own output, on loading and on reading back alike', () => {
    const lower = schema((value) => ({ ...value, name: String(value['name']).toLowerCase(), seen: true }))
    const format = dataFormat(jsonCodec, 1000, lower)
    expect(format.decode('{"name":"ALICE"}')).toEqual({ name: 'alice', seen: true })
    expect(format.readBack('{"name":"ALICE"}')).toEqual({ name: 'alice', seen: true })
  })

  it.each([
    ['a list', []],
    ['a function', () => {}],
  ])('that gives %s gives no data', (_, output) => {
    expect(
      dataFormat(
        jsonCodec,
        1000,
        schema(() => output),
      ).decode('{}'),
    ).toBeUndefined()
  })

  it('that throws turns the data away', () => {
    expect(
      dataFormat(
        jsonCodec,
        1000,
        schema(() => fail()),
      ).decode('{}'),
    ).toBeUndefined()
  })

  it('that does not pass what it gives itself is an error before anything is stored', () => {
    const counting = schema((value) => (typeof value['name'] === 'string' ? { name: value['name'].length } : 'no text'))
    expect(() => dataFormat(jsonCodec, 1000, counting).readBack('{"name":"alice"}')).toThrow(
      expect.objectContaining({
        code: 'ERR_SOJOURN_UNSUPPORTED',
        message: expect.stringContaining('no text') as string,
      }),
    )
  })

  it.each([
    ['a list', []],
    ['a value that the codec cannot keep', { a: 1n }],
    ['too much', { a: 'x'.repeat(1000) }],
  ])('that gives %s is an error for data that were just assigned, and gives nothing to load', (_, output) => {
    const format = dataFormat(
      jsonCodec,
      1000,
      schema(() => output),
    )
    expect(() => format.readBack('{}')).toThrow(expect.objectContaining({ name: 'UsageError' }))
    expect(format.load('{}')).toBeUndefined()
  })

  it('may change what is loaded, and what that would be stored as is told with it', () => {
    const format = dataFormat(
      jsonCodec,
      1000,
      schema((value) => ({ ...value, seen: true })),
    )
    expect(format.load('{"name":"alice"}')).toEqual({
      data: { name: 'alice', seen: true },
      text: '{"name":"alice","seen":true}',
    })
    expect(dataFormat(jsonCodec, 1000, undefined).load('{ "a":1 }')).toEqual({ data: { a: 1 }, text: '{ "a":1 }' })
  })

  it('must be synchronous', () => {
    const later: StandardSchema = {
      '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value }) },
    }
    expect(() => dataFormat(jsonCodec, 1000, later).readBack('{}')).toThrow(usage('ERR_SOJOURN_UNSUPPORTED'))
  })
})

describe('an upgrade', () => {
  const named = schema((value) => (typeof value['name'] === 'string' ? value : 'must be text'))
  const format = (upgrade: Upgrade): ReturnType<typeof dataFormat> => dataFormat(jsonCodec, 1000, named, upgrade)
  const renamed: Upgrade = ({ user, ...rest }) => ({ ...rest, name: user })

  it('makes old data pass, and is asked for no others', () => {
    const asked: unknown[] = []
    const { decode, load } = format((data) => {
      asked.push({ ...data })
      return renamed(data)
    })
    expect(decode('{"name":"alice","user":5}')).toEqual({ name: 'alice', user: 5 })
    expect(asked).toEqual([])
    expect(decode('{"user":"alice","a":1}')).toEqual({ name: 'alice', a: 1 })
    expect(load('{"user":"alice"}')).toEqual({ data: { name: 'alice' }, text: '{"name":"alice"}' })
    expect(asked).toEqual([{ user: 'alice', a: 1 }, { user: 'alice' }])
    for (const text of ['', '[]', 'null', '{', 'x'.repeat(2000)]) expect(decode(text)).toBeUndefined()
    expect(asked).toHaveLength(2)
  })

  it.each<[string, Upgrade]>([
    ['gives undefined', () => undefined],
    ['gives what does not pass', () => ({ name: 5 })],
    ['gives a list', () => ['alice']],
    ['gives a promise', async () => ({ name: 'alice' })],
    ['gives null', () => null as unknown as undefined],
    ['throws', () => fail()],
  ])('that %s gives no data', (_, upgrade) => {
    expect(format(upgrade).decode('{"user":"alice"}')).toBeUndefined()
    expect(format(upgrade).load('{"user":"alice"}')).toBeUndefined()
  })

  it('is for what is loaded: what was just assigned must pass by itself', () => {
    expect(() => format(renamed).readBack('{"user":"alice"}')).toThrow(usage('ERR_SOJOURN_UNSUPPORTED'))
  })
})

// --- helpers ---

function protoKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const own = Object.hasOwn(value, '__proto__') ? 1 : 0
  return Object.values(value).reduce<number>((sum, each) => sum + protoKeys(each), own)
}

function circle(): object {
  const data: Record<string, unknown> = {}
  return (data['self'] = data)
}

function fail(): never {
  throw new Error('on purpose')
}
