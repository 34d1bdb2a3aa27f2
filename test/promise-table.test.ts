/** The README's table: what is written there follows from what the tests of the promises found. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Found, type PromiseName, PROMISES, tableIn, tableOf, withTable } from './support/promise-table.ts'
import { stores } from './support/stores.ts'

const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const names = Object.keys(PROMISES) as PromiseName[]

/** What a run in which all is well finds of a store. */
function kept(store: string, more: Partial<Found> = {}): Found[] {
  return names.map((promise) => ({ promise, store, words: '✓', lists: true, passed: true, ...more }))
}

function rowOf(table: readonly string[], word: string): string[] {
  return table
    .find((line) => line.includes(word))!
    .split(' | ')
    .slice(1)
    .map((cell) => cell.replace(' |', ''))
}

describe('the table of stores and promises', () => {
  it('says of a store what its tests found', () => {
    expect(rowOf(tableOf(kept('sqlite')), 'sqliteStore')).toEqual(['✓', '✓', '✓', '✓', '✓', '✓', '✓'])
  })

  it('says how far a promise goes, in the words of its suite', () => {
    const found = kept('connect', { lists: false }).map((each) =>
      each.promise === 'P2' ? { ...each, words: 'half' } : each,
    )
    expect(rowOf(tableOf(found), 'fromConnectStore')).toEqual(['✓', 'half', '✓', '✓', '✓', '✓', 'no'])
  })

  it('says no where nothing was tried', () => {
    const found = kept('cookie').filter(({ promise }) => promise !== 'P2')
    expect(rowOf(tableOf(found), 'cookieStore')[1]).toBe('no')
  })

  it('says that a promise was broken when one test of any place of the store failed', () => {
    const found = [...kept('memory'), ...kept('memory, answering later', { passed: false })]
    expect(new Set(rowOf(tableOf(found), 'memoryStore'))).toEqual(new Set(['**failed**']))
  })

  it('leaves a row as it is when its store could not be tried', () => {
    const before = tableIn(page)
    expect(tableOf([], before)).toEqual(before)
    expect(tableOf(kept('redis'), before)).toEqual(before)
  })

  it.each(Object.keys(stores))('has a row for %s', (store) => {
    const [head, rule, ...rows] = tableOf(kept(store))
    expect([head, rule].join()).toContain('---')
    expect(rows.filter((row) => row.includes('✓'))).toHaveLength(1)
  })

  it('stands in the page between its markers, and nothing else of the page is touched', () => {
    expect(withTable(page, tableIn(page))).toBe(page)
    expect(tableIn(withTable(page, ['| a |', '| b |']))).toEqual(['| a |', '| b |'])
  })
})
