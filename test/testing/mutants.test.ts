import { describe, expect, it } from 'vitest'
import { storeCases, type StoreCase, type StoreContext } from '../../src/testing/index.ts'
import { mutants } from './mutants.ts'
import { open, type Mutant } from './mutants/_mutant.ts'

const contextOf = (mutant: Mutant): StoreContext => {
  const handle = open(mutant)
  return { open: () => handle(), dying: handle, limits: { patienceMs: 100 } }
}

const caseNamed = (name: string): StoreCase => {
  const found = storeCases.find((c) => c.name === name)
  if (!found) throw new Error(`There is no case with the name ${JSON.stringify(name)}.`)
  return found
}

describe.each(mutants)('a store in which $name', (mutant) => {
  it.each(mutant.caughtBy)('is caught by: %s', async (name) => {
    const c = caseNamed(name)
    await expect(c.run(contextOf(mutant))).rejects.toMatchObject({ name: 'StoreCaseError', rule: c.rule })
  })
})

describe('the mutants as a list', () => {
  it('have a name of their own', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  })

  it.each(storeCases)('prove that this case can fail: $name', ({ name }) => {
    expect(mutants.some(({ caughtBy }) => caughtBy.includes(name))).toBe(true)
  })
})

/** What others imply: the first of all, with which every other begins, and two that go the whole way of a request. */
const IMPLIED = [
  'create keeps a new session, and load gives it back as it was',
  'a sign-in whose session is gone signs in all the same, and a write does not',
  'two identities are never mixed in one session',
]

describe('no case could be left out: some mutant is found by nothing but', () => {
  const finds = async (storeCase: StoreCase, mutant: Mutant): Promise<boolean> =>
    storeCase.run(contextOf(mutant)).then(
      () => false,
      () => true,
    )
  const findsAlone = async (storeCase: StoreCase, mutant: Mutant): Promise<boolean> => {
    for (const other of storeCases) if (other !== storeCase && (await finds(other, mutant))) return false
    return true
  }

  it.each(storeCases.filter(({ name }) => !IMPLIED.includes(name)))('$name', async (storeCase) => {
    const own = mutants.filter(({ caughtBy }) => caughtBy.length === 1 && caughtBy[0] === storeCase.name)
    const alone = await Promise.all(own.map((mutant) => findsAlone(storeCase, mutant)))
    expect(alone).toContain(true)
  })
})
