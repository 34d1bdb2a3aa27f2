/** The page of requirements, the catalogue, and the tests that are named. What ran and passed, the reporter checks. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { storeCases } from '../../src/testing/store-cases.ts'
import { CATALOGUE, requirements } from './requirements/index.ts'
import { page } from './requirements/page.ts'
import { unproven } from './requirements/unproven.ts'

const root = new URL('../../', import.meta.url)
const names = new Set<string>(storeCases.map(({ name }) => name))

describe('the requirements', () => {
  it('are all that the catalogue has, once each and in its order', () => {
    const ids = Object.entries(CATALOGUE).flatMap(([series, count]) =>
      Array.from({ length: count }, (_, at) => `${series}${String(at + 1).padStart(2, '0')}`),
    )
    expect(requirements.map(({ id }) => id)).toEqual(ids)
  })

  it('leave no critical or high one open, but those on device-bound sessions', () => {
    const open = requirements.filter(({ id, severity, status }) => {
      return status === 'later' && (severity === 'critical' || severity === 'high') && !id.startsWith('N')
    })
    expect(open.map(({ id }) => id)).toEqual([])
  })

  it.each(requirements.map((each) => [each.id, each] as const))(
    '%s is shown by tests that are there, or says why not',
    (_, { status, reason, proofs }) => {
      if (status === 'met') expect(proofs.length).toBeGreaterThan(0)
      else expect(reason).toMatch(/^[A-Z`].*\.$/)
      for (const [file, words] of proofs) {
        if (file === 'stores') expect(names).toContain(words)
        else {
          const path = new URL(`test/${file}.test.ts`, root)
          expect(existsSync(path), file).toBe(true)
          expect(unescaped(readFileSync(path, 'utf8')).includes(words), `${file}: ${words}`).toBe(true)
        }
      }
    },
  )

  it('are unproven where a file ran and a test that is named did not pass in it', () => {
    const [a01, l01] = ['A01', 'L01'].map((id) => requirements.find((each) => each.id === id)!)
    const proof = 'tokens > is drawn from as many random bytes as it says'
    const ran = (names: string[]): ReadonlyMap<string, string[]> => new Map([['core/token', names]])
    expect(unproven([a01!, l01!], ran([proof, 'another']))).toEqual([])
    expect(unproven([a01!, l01!], ran(['another']))).toEqual([
      'A01: no test with these words passed in core/token: is drawn from as many random bytes as it says',
    ])
  })

  it('are what their page says: npm run docs:security writes it', async () => {
    await expect(page()).toMatchFileSnapshot('../../docs/security/requirements.md')
  })
})

function unescaped(source: string): string {
  return source.replaceAll("\\'", "'")
}
