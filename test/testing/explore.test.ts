import { describe, expect, it } from 'vitest'
import { atOnce, explore, MOST_ORDERS, overlap, type Race } from '../../src/testing/_explore.ts'

/** A race whose steps only write down that they ran. */
const writtenDown = (lanes: Record<string, string[]>, runs: string[][], check = async (): Promise<void> => {}) => {
  return async (): Promise<Race> => {
    const run: string[] = []
    const steps = (names: string[]) => Object.fromEntries(names.map((name) => [name, () => run.push(name)]))
    return {
      lanes: Object.fromEntries(Object.entries(lanes).map(([who, names]) => [who, steps(names)])),
      check: async () => {
        runs.push(run)
        await check()
      },
    }
  }
}

describe('explore', () => {
  it('runs every order that keeps the order of each lane, once and on a fresh race', async () => {
    const runs: string[][] = []
    await explore(writtenDown({ x: ['a', 'b'], y: ['1', '2'] }, runs))
    expect(runs.map((run) => run.join(''))).toEqual(['ab12', 'a1b2', 'a12b', '1ab2', '1a2b', '12ab'])
  })

  it('tells the order in which a race went wrong', async () => {
    let left = 1
    const check = async (): Promise<void> => {
      if (left-- === 0) throw new Error('wrong')
    }
    const found = explore(writtenDown({ x: ['a', 'b'], y: ['1'] }, [], check))
    await expect(found).rejects.toMatchObject({ message: 'In the order x: a → y: 1 → x: b: wrong' })
  })

  it('finds what only one order shows: an upsert that undoes a logout', async () => {
    const found = explore(async () => {
      const kept = new Map([['id', 'session']])
      let seen: string | undefined
      return {
        lanes: {
          writer: { load: () => (seen = kept.get('id')), save: () => seen && kept.set('id', seen) },
          logout: { remove: () => kept.delete('id') },
        },
        check: async () => {
          if (kept.size > 0) throw new Error('resurrected')
        },
      }
    })
    await expect(found).rejects.toMatchObject({ message: expect.stringContaining('logout: remove → writer: save') })
  })

  it('refuses a race with more orders than an engine can be asked to run', async () => {
    const runs: string[][] = []
    const tooLong = explore(writtenDown({ x: ['a', 'b', 'c', 'd', 'e', 'f'], y: ['1', '2', '3', '4'] }, runs))
    await expect(tooLong).resolves.toBeUndefined()
    expect(runs).toHaveLength(210)
    const tooMany = explore(writtenDown({ x: ['a', 'b', 'c', 'd', 'e'], y: ['1', '2', '3', '4', '5', '6'] }, runs))
    await expect(tooMany).rejects.toMatchObject({ message: expect.stringContaining(`${MOST_ORDERS}`) })
  })
})

describe('overlap', () => {
  it('lets each lane go first, with all the others later and later', async () => {
    const runs: string[][] = []
    await overlap(writtenDown({ x: ['a', 'b', 'c'], y: ['1'] }, runs), async () => {})
    const seen = new Set(runs.map((run) => run.join('')))
    expect([...seen].sort()).toEqual(['1abc', 'a1bc', 'ab1c', 'abc1'])
  })

  it('tells who was ahead, and by how much', async () => {
    const check = async (): Promise<void> => {
      throw new Error('wrong')
    }
    const found = overlap(writtenDown({ x: ['a'], y: ['1'] }, [], check), async () => {})
    await expect(found).rejects.toMatchObject({ message: 'With x before y by 0 ticks: wrong' })
  })
})

describe('atOnce', () => {
  it('throws what one threw only when all have come to an end', async () => {
    let ended = false
    const slow = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) await Promise.resolve()
      ended = true
    }
    const failing = async (): Promise<void> => {
      throw new Error('first')
    }
    await expect(atOnce([failing, slow])).rejects.toMatchObject({ message: 'first' })
    expect(ended).toBe(true)
  })
})
