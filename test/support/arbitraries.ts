/** What the property tests draw from. */
import * as fc from 'fast-check'
import type { Data } from '../../src/core/changes.ts'
import type { Metadata, Rare } from '../../src/core/record.ts'
import type { Token } from '../../src/core/token.ts'

/** Checks that something holds for all that an arbitrary draws. */
export function forAll<T>(arbitrary: fc.Arbitrary<T>, check: (drawn: T) => void, numRuns = 200): void {
  fc.assert(
    fc.property(arbitrary, (drawn) => {
      check(drawn)
    }),
    { numRuns },
  )
}

/** Text with everything that has ever confused a parser. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'binary-ascii' }),
  fc.string({
    unit: fc.constantFrom(...Array.from('\n\r\t\0 -"\\{}[]%2;=,:.1é\u2028'), '\ud800'),
  }),
)

const base64url = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((drawn) => Buffer.from(drawn).toString('base64url'))

export const id: fc.Arbitrary<string> = base64url(16)
export const secret: fc.Arbitrary<string> = base64url(32)
export const hash: fc.Arbitrary<string> = base64url(32)
export const mark: fc.Arbitrary<string> = base64url(6)
export const token: fc.Arbitrary<Token> = fc.record({ id, secret })

/** A hundred thousand `Cookie` headers, none of which has this token, though many come close to it. */
export function hostileCookies(token: string): string[] {
  const names = fc.constantFrom('__Host-sid', 'sid', '__host-sid', '__proto__', '', ' __Host-sid', '__Host-sid\u00a0')
  const letter = fc.constantFrom('A', 'Q', 'g', 'w', '0', '_', '-', '.')
  const spoiled = fc
    .tuple(fc.nat(token.length - 1), fc.oneof(letter, hostileText))
    .map(([at, text]) => token.slice(0, at) + text + token.slice(at + 1))
    .filter((spoiled) => spoiled !== token)
  const another = fc.tuple(id, secret).map((parts) => parts.join('.'))
  const value = fc.oneof(hostileText, spoiled, another, fc.constant('x'.repeat(4096)))
  const pair = fc.tuple(names, fc.constantFrom('=', '==', '', ' = '), value).map((parts) => parts.join(''))
  const header = fc.array(fc.oneof(pair, hostileText), { maxLength: 5 }).map((pairs) => pairs.join('; '))
  return fc.sample(header, 10_000).flatMap((each) => {
    const variants = [each, each.slice(1), `${each};`, each.toUpperCase(), each.replaceAll('=', '')]
    return [...variants, ...variants.map((variant) => `theme=dark;${variant}`)]
  })
}

export const instant: fc.Arbitrary<number> = fc.nat({ max: 4_000_000_000_000 })

const seconds = fc.integer({ min: 1, max: 34_560_000 })
const rare: fc.Arbitrary<Rare> = fc.record(
  {
    rotatedAt: instant,
    previous: fc.record({ hash, sealed: base64url(71), confirmedAt: instant }, { requiredKeys: ['hash'] }),
    idleTimeout: seconds,
    lifetime: seconds,
    persistent: fc.boolean(),
    userAgent: hostileText,
    address: hostileText,
    marks: fc.array(mark, { minLength: 1 }).map((marks) => marks.join(',')),
  },
  { requiredKeys: [] },
)
const common = fc.record({
  hash,
  mark,
  createdAt: instant,
  startedAt: instant,
  authenticatedAt: fc.option(instant),
  savedAt: instant,
})

/** Metadata as the library writes them, with any label. */
export const metadata: fc.Arbitrary<Metadata> = fc.tuple(common, rare).map(([fields, more]) => ({ ...fields, ...more }))

const key = fc
  .oneof(
    fc.constantFrom('a', 'b', 'c', 'user', 'constructor', 'toString', 'hasOwnProperty', 'prototype', ''),
    fc.string(),
  )
  .filter((key) => key !== '__proto__')

/** Session data as JSON keeps them: nested, with awkward keys. */
export const data: fc.Arbitrary<Data> = fc.letrec<{ value: unknown; object: Data }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
})).object
