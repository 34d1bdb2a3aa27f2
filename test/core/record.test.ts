import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bears,
  formatMetadata,
  fromStored,
  marksToKeep,
  type Metadata,
  parseMetadata,
  type SessionRecord,
  toStored,
} from '../../src/core/record.ts'
import type { StoredSession } from '../../src/core/store.ts'
import { markMaker } from '../../src/core/token.ts'
import { forAll, hostileText, id, instant, metadata } from '../support/arbitraries.ts'

const PLAIN: Metadata = {
  hash: 'h'.repeat(43),
  mark: 'm'.repeat(8),
  createdAt: 1000,
  startedAt: 1000,
  authenticatedAt: null,
  savedAt: 2000,
}
const RECORD: SessionRecord = { id: 'x', version: 1, expiresAt: 5000, principal: null, metadata: PLAIN, text: '{}' }

describe('the metadata line', () => {
  it('is read back as it was written, with any label', () => {
    forAll(
      metadata,
      (metadata) => {
        const line = formatMetadata(metadata)
        expect(line).not.toContain('\n')
        expect(parseMetadata(line)).toEqual(metadata)
      },
      1000,
    )
  })

  it('is short for a session with nothing rare', () => {
    const now = 2_000_000_000_000
    const plain = { ...PLAIN, createdAt: now, startedAt: now, savedAt: now }
    expect(formatMetadata(plain)).toHaveLength('1'.length + 43 + 8 + 8 + 1 + 1 + 8 + 6)
  })

  it.each([
    ['nothing', ''],
    ['another version', formatMetadata(PLAIN).replace(/^1/, '2')],
    ['no version', formatMetadata(PLAIN).slice(2)],
    ['too few fields', formatMetadata(PLAIN).split(' ').slice(0, 6).join(' ')],
    ['a time that is none', formatMetadata(PLAIN).replace(/ \S+$/, ' !')],
    ['rare fields cut short', formatMetadata({ ...PLAIN, persistent: true }).slice(0, -1)],
    ['rare fields that are no object', `${formatMetadata(PLAIN)} 5`],
    ['rare fields that are null', `${formatMetadata(PLAIN)} null`],
    ['rare fields that are a list', `${formatMetadata(PLAIN)} []`],
    ['JSON', '{"cookie":{"originalMaxAge":null}}'],
  ])('is not read out of %s', (_, line) => {
    expect(parseMetadata(line)).toBeUndefined()
  })

  it.each([
    ['previous', 5],
    ['previous', null],
    ['previous', 'text'],
    ['previous', {}],
    ['previous', { hash: 5 }],
    ['previous', { hash: 'h', sealed: 5 }],
    ['previous', { hash: 'h', confirmedAt: 'soon' }],
    ['marks', 5],
    ['marks', {}],
    ['marks', ['m']],
    ['rotatedAt', 'x'],
    ['idleTimeout', '1e9'],
    ['lifetime', null],
    ['persistent', 'no'],
    ['userAgent', {}],
    ['address', 5],
  ])('is not read when its %s is %o, which it never writes', (key, value) => {
    expect(parseMetadata(`${formatMetadata(PLAIN)} ${JSON.stringify({ [key]: value })}`)).toBeUndefined()
  })
})

describe('a record', () => {
  it('is read back as it was stored, whatever its text', () => {
    const record = fc.record({
      id,
      version: fc.integer({ min: 1 }),
      expiresAt: instant,
      principal: fc.option(hostileText),
      metadata,
      text: hostileText,
    })
    forAll(record, (record) => expect(fromStored(record.id, toStored(record))).toEqual(record))
  })

  const stored = toStored(RECORD)
  it.each<[string, Partial<Record<keyof StoredSession, unknown>>]>([
    ['a body that is no text', { body: 5 }],
    ['a body of null', { body: null }],
    ['an empty body', { body: '' }],
    ['a body without a line of metadata', { body: '{"user":"mallory"}' }],
    ["another library's body", { body: '{"cookie":{}}\n{}' }],
    ['a version that is no number', { version: '1' }],
    ['a version with a fraction', { version: 1.5 }],
    ['an expiry that is no number', { expiresAt: '5000' }],
    ['an expiry of NaN', { expiresAt: NaN }],
    ['an expiry of Infinity', { expiresAt: Infinity }],
    ['nothing at all', { body: undefined, version: undefined, expiresAt: undefined, principal: undefined }],
  ])('is not read out of %s', (_, spoiled) => {
    expect(fromStored('x', { ...stored, ...spoiled } as StoredSession)).toBeUndefined()
  })

  it('is not read when it was cut within its metadata', () => {
    const line = formatMetadata(PLAIN)
    for (let at = 0; at <= line.length; at++)
      expect(fromStored('x', { ...stored, body: line.slice(0, at) })).toBeUndefined()
  })

  it('takes a missing principal for nobody', () => {
    const { principal: _, ...nobody } = stored
    expect(fromStored('x', nobody as StoredSession)?.principal).toBeNull()
  })

  it('damaged anywhere is absent, or has the kinds of values it always has', () => {
    forAll(
      fc.tuple(metadata, fc.nat(400), hostileText),
      ([metadata, at, insert]) => {
        const { body } = toStored({ ...RECORD, metadata })
        const read = fromStored('x', { ...stored, body: body.slice(0, at) + insert + body.slice(at + 1) })
        if (!read) return
        const { hash, mark, previous, marks, createdAt, startedAt, authenticatedAt, savedAt } = read.metadata
        expect([typeof hash, typeof mark, typeof read.text]).toEqual(['string', 'string', 'string'])
        expect(createdAt + startedAt + (authenticatedAt ?? 0) + savedAt).not.toBeNaN()
        expect(typeof (previous ?? { hash }).hash).toBe('string')
        expect(typeof (marks ?? '')).toBe('string')
      },
      3000,
    )
  })
})

describe('a write mark', () => {
  it('is borne by what its write left, and by what others made of it shortly after', () => {
    expect(bears({ ...PLAIN, mark: 'mine' }, 'mine')).toBe(true)
    expect(bears({ ...PLAIN, mark: 'theirs', marks: 'older,mine' }, 'mine')).toBe(true)
    expect(bears({ ...PLAIN, mark: 'theirs', marks: 'older' }, 'mine')).toBe(false)
    expect(bears({ ...PLAIN, mark: 'theirs' }, 'mine')).toBe(false)
  })

  it('is carried on while writes follow each other within ten seconds, and then forgotten', () => {
    const metadata = { ...PLAIN, mark: 'b', marks: 'a', savedAt: 50_000 }
    expect(marksToKeep(metadata, 50_000)).toBe('a,b')
    expect(marksToKeep(metadata, 59_999)).toBe('a,b')
    expect(marksToKeep(metadata, 60_000)).toBeUndefined()
  })

  it('is one of at most 32, the latest', () => {
    const marks = Array.from({ length: 40 }, (_, at) => `by${at + 10}`)
    const kept = marksToKeep({ ...PLAIN, mark: 'by me', marks: marks.join(',') }, PLAIN.savedAt)
    expect(kept?.split(',')).toEqual([...marks.slice(-31), 'by me'])
  })

  it('takes the place of the one before it of the same writer, however many others have written since', () => {
    const [mine, theirs] = [markMaker(() => new Uint8Array(3).fill(1)), markMaker(() => new Uint8Array(3).fill(2))]
    let record: Metadata = { ...PLAIN, mark: mine() }
    const own = record.mark
    for (let n = 0; n < 100; n++) record = { ...record, mark: theirs(), marks: marksToKeep(record, PLAIN.savedAt) }
    expect(bears(record, own)).toBe(true)
    expect(record.marks?.split(',')).toHaveLength(2)
  })
})
