import { describe, expect, it } from 'vitest'
import { casesFor, storeCases, type StoreContext } from '../../src/testing/index.ts'
import { referenceEngine } from './reference-store.ts'

/** A new engine. */
function sound(): StoreContext {
  const { open } = referenceEngine()
  return { open: () => open(), dying: open }
}

describe('the reference store keeps every rule', () => {
  for (const c of storeCases) it(c.name, async () => c.run(sound()))
})

describe('the cases as a list', () => {
  it('have a name of their own, and a rule that is a sentence', () => {
    expect(new Set(storeCases.map((c) => c.name)).size).toBe(storeCases.length)
    for (const c of storeCases) expect(c.rule).toMatch(/^\S.*\.$/)
  })

  it('may share one database and run side by side', async () => {
    const context = sound()
    await Promise.all(storeCases.map(async (c) => c.run(context)))
  })

  it('take place at any instant', async () => {
    const context = sound()
    for (const c of storeCases) await c.run({ ...context, now: 2_000_000_000_000 })
  })

  it('leave out, for a store, those whose needs it does not meet', () => {
    const { load, create, save, touch, remove, list } = referenceEngine().open()
    const cases = casesFor({ load, create, save, touch, remove, list })
    expect(cases.some((c) => c.needs.includes('list'))).toBe(true)
    expect(cases).toEqual(storeCases.filter((c) => c.needs.every((need) => need === 'list')))
    const more = casesFor({ load, create, save, touch, remove, list }, sound())
    expect(more.filter((c) => !cases.includes(c)).map((c) => c.needs)).toEqual([['list', 'dying']])
  })

  it('say which method is missing, and the remedy, when run on a store that lacks it', async () => {
    const { load, create, save, touch, remove } = referenceEngine().open()
    const c = storeCases.find((c) => c.needs.includes('scan'))
    const run = c?.run({ open: () => ({ load, create, save, touch, remove }) })
    await expect(run).rejects.toMatchObject({ message: expect.stringMatching(/no scan\(\).*casesFor/) })
  })

  it('tell an `open` that gives other data from a store that loses it', async () => {
    const c = storeCases.find((c) => c.name.startsWith('a counter'))
    const run = c?.run({ open: () => referenceEngine().open() })
    await expect(run).rejects.toMatchObject({ message: expect.stringContaining('same data') })
  })
})
