/** Fuzzing, in short; `npm run fuzz` gives a million inputs. And proof that it finds what it looks for. */
import { describe, expect, it } from 'vitest'
import * as cookie from '../../src/core/cookie.ts'
import * as data from '../../src/core/data.ts'
import * as judge from '../../src/core/judge.ts'
import * as record from '../../src/core/record.ts'
import * as token from '../../src/core/token.ts'
import { createSessions } from '../../src/sessions.ts'
import * as seal from '../../src/stores/_seal.ts'
import { cookieStore } from '../../src/stores/cookie.ts'
import { memoryStore } from '../../src/stores/memory.ts'

const library = { ...cookie, ...data, ...judge, ...record, ...token, ...seal, createSessions, cookieStore, memoryStore }
type Library = typeof library

interface Fuzz {
  fuzz: (
    library: Library,
    how: { seed: number; inputs: number; only?: string },
  ) => Promise<Map<string, { inputs: number; taken: number }>>
}
const { fuzz }: Fuzz = await import(new URL('./fuzz/fuzz.mjs', import.meta.url).href)

const TARGETS = [
  'cookie headers',
  'tokens',
  'sealed values',
  'rotation secrets',
  'records',
  'session data',
  'requests with a token',
  'requests with a sealed cookie',
]
const SEED = 20_261_127

describe('random and mutated inputs', () => {
  it('have targets of these names', async () => {
    expect([...(await fuzz(library, { seed: SEED, inputs: 0 })).keys()]).toEqual(TARGETS)
  })

  it.each(TARGETS)('as %s make no exception and no forgery', async (only) => {
    const { inputs, taken } = (await fuzz(library, { seed: SEED, inputs: 3000, only })).get(only)!
    expect(inputs).toBe(3000)
    // Both kinds occur: what is genuine is still taken, and most is not.
    expect(taken).toBeGreaterThan(30)
    expect(taken).toBeLessThan(2000)
  })
})

const open =
  (also: (sealed: string) => unknown): Library['sealer'] =>
  (keys, ...purpose) => {
    const sealer = seal.sealer(keys, ...purpose)
    return {
      ...sealer,
      open(sealed) {
        const value = sealer.open(sealed) ?? also(sealed)
        return value === undefined ? undefined : (value as ReturnType<typeof sealer.open>)
      },
    }
  }

/** Mistakes that others have made. */
const mistakes: Record<string, [only: string, Partial<Library>]> = {
  'names trimmed as JavaScript trims': [
    'cookie headers',
    { parseCookies: (header, name) => cookie.parseCookies(header.replaceAll('\u00a0', ' '), name) },
  ],
  'quotes taken off': [
    'cookie headers',
    { parseCookies: (header, name) => cookie.parseCookies(header, name).map((value) => value.replaceAll('"', '')) },
  ],
  'the first of several cookies': [
    'cookie headers',
    { parseCookies: (header, name) => cookie.parseCookies(header, name).slice(0, 1) },
  ],
  'a second spelling of a token': ['tokens', { parseToken: (value) => token.parseToken(value.trim()) }],
  'a decoder to fall back on': [
    'sealed values',
    {
      sealer: open((sealed) => {
        const text = Buffer.from(sealed, 'base64url').toString()
        return text.startsWith('{"user"') ? { value: text, stale: false } : undefined
      }),
    },
  ],
  'an exception for what cannot be opened': [
    'sealed values',
    {
      sealer: open(() => {
        throw new Error('cannot be opened')
      }),
    },
  ],
  'a hash compared in its beginning': [
    'records',
    { judge: (...all) => (all[0].metadata.hash.length > 5 ? { opens: 'current' } : judge.judge(...all)) },
  ],
  'a record of the wrong kind': [
    'records',
    {
      fromStored: (id, stored) => {
        const metadata = record.parseMetadata(stored.body.split('\n')[0]!)
        return metadata && { id, ...stored, metadata, text: '' }
      },
    },
  ],
  'a prototype from the store': [
    'session data',
    { jsonCodec: { encode: JSON.stringify, decode: (text) => JSON.parse(text) as object } },
  ],
}

describe('fuzzing finds', () => {
  it.each(Object.keys(mistakes))('%s', async (mistake) => {
    const [only, broken] = mistakes[mistake]!
    await expect(fuzz({ ...library, ...broken }, { seed: SEED, inputs: 20_000, only })).rejects.toMatchObject({
      target: only,
    })
  })
})
