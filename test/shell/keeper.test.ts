import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fromStored, marksToKeep, type SessionRecord, toStored } from '../../src/core/record.ts'
import type { Store } from '../../src/core/store.ts'
import { Calls } from '../../src/shell/calls.ts'
import { Events, type SessionEvent } from '../../src/shell/events.ts'
import { Keeper, type Propose } from '../../src/shell/keeper.ts'
import { type GatedStore, gatedStore } from '../support/gated-store.ts'
import { type MapStore, mapStore } from '../support/map-store.ts'
import { rejection } from '../support/scene.ts'

const NOW = 1_000_000

interface Made {
  keeper: Keeper
  map: MapStore
  store: GatedStore
  told: SessionEvent[]
  /** What is stored now. */
  stored(): SessionRecord | undefined
  /** Somebody else writes. */
  intrude(text: string): void
}

function made(change: (store: MapStore) => Store = (store) => store): Made {
  const map = mapStore()
  const store = gatedStore(change(map))
  const events = new Events(() => NOW)
  const told: SessionEvent[] = []
  for (const type of ['conflict', 'unreadable', 'store-error'] as const) events.on(type, (event) => told.push(event))
  const keeper = new Keeper(store, new Calls(() => NOW, 5000, events), events)
  const stored = (): SessionRecord | undefined => {
    const row = map.rows.get('x')
    return row && fromStored('x', row)
  }
  const intrude = (text: string): void => {
    const row = stored()!
    map.rows.set('x', toStored(written(row, `theirs${row.version}`, text)))
  }
  map.rows.set('x', toStored(START))
  return { keeper, map, store, told, stored, intrude }
}

const START: SessionRecord = {
  id: 'x',
  version: 1,
  expiresAt: NOW + 60_000,
  principal: null,
  metadata: { hash: 'h', mark: 'first', createdAt: NOW, startedAt: NOW, authenticatedAt: null, savedAt: NOW },
  text: 'a',
}

/** The record that a write leaves; like every writer, it carries the marks before its own on. */
function written(current: SessionRecord, mark: string, text: string): SessionRecord {
  const marks = marksToKeep(current.metadata, current.metadata.savedAt)
  return { ...current, version: current.version + 1, text, metadata: { ...current.metadata, marks, mark } }
}

const append: Propose = (current) => written(current, 'mine', `${current.text}+mine`)

/** How often it was tried; after a pause it looks first at what has become of the session. */
const saves = ({ calls }: { calls: readonly string[] }): number => calls.filter((call) => call === 'save').length

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a swap', () => {
  it('writes over what the caller has seen', async () => {
    const { keeper, stored, store, told } = made()
    expect(await keeper.swap(START, 'mine', append, 'retry')).toEqual({ record: stored() })
    expect(stored()).toMatchObject({ version: 2, text: 'a+mine' })
    expect([store.calls, told]).toEqual([['save'], []])
  })

  it('writes over what others made of it meanwhile, and tells of the conflict', async () => {
    const { keeper, stored, intrude, told } = made()
    intrude('a+theirs')
    await keeper.swap(START, 'mine', append, 'retry')
    expect(stored()).toMatchObject({ version: 3, text: 'a+theirs+mine' })
    expect(told).toEqual([{ type: 'conflict', at: NOW, id: 'x' }])
  })

  it('tries again until it holds, as often as a hundred times in all', async () => {
    const { keeper, store, stored, intrude } = made()
    const intruding: Propose = (current) => {
      if (saves(store) < 99) intrude(`${current.text}.`)
      return append(current)
    }
    const swapped = keeper.swap(START, 'mine', intruding, 'retry')
    await vi.runAllTimersAsync()
    await swapped
    expect(saves(store)).toBe(100)
    expect(stored()?.text).toBe(`a${'.'.repeat(99)}+mine`)
  })

  it('gives up after a hundred tries with a ConflictError that says so', async () => {
    const { keeper, store, stored, intrude, told } = made()
    const intruding: Propose = (current) => {
      intrude('theirs')
      return append(current)
    }
    const failed = rejection(keeper.swap(START, 'mine', intruding, 'retry'))
    await vi.runAllTimersAsync()
    expect(await failed).toMatchObject({
      name: 'ConflictError',
      code: 'ERR_SOJOURN_CONFLICT',
      status: 409,
      message: expect.stringContaining('100 times in a row;') as string,
    })
    expect(saves(store)).toBe(100)
    expect(told).toHaveLength(100)
    expect(stored()?.text).toBe('theirs')
  })

  it('retries at once, and then waits for a random while of at most 50 ms', async () => {
    const { keeper, store, intrude } = made()
    const intruding: Propose = (current) => {
      intrude('theirs')
      return append(current)
    }
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const failed = rejection(keeper.swap(START, 'mine', intruding, 'retry'))
    await vi.advanceTimersByTimeAsync(0)
    expect(saves(store)).toBe(2)
    await vi.advanceTimersByTimeAsync(2 + 4 + 8 + 16 + 32)
    expect(saves(store)).toBe(7)
    await vi.advanceTimersByTimeAsync(10 * 50)
    expect(saves(store)).toBe(17)
    await vi.runAllTimersAsync()
    await failed
    vi.restoreAllMocks()
  })

  it('is rejected at the first conflict when conflicts are to be', async () => {
    const { keeper, store, stored, intrude } = made()
    intrude('theirs')
    expect(await rejection(keeper.swap(START, 'mine', append, 'reject'))).toMatchObject({
      name: 'ConflictError',
      code: 'ERR_SOJOURN_CONFLICT',
    })
    expect(store.calls).toEqual(['save'])
    expect(stored()?.text).toBe('theirs')
  })

  it.each(['retry', 'reject'] as const)(
    'that a driver sent twice is its own success, with conflicts to %s',
    async (mode) => {
      const { keeper, store, stored, told } = made()
      store.resend('save')
      expect(await keeper.swap(START, 'mine', append, mode)).toEqual({ record: stored() })
      expect(stored()).toMatchObject({ version: 2, text: 'a+mine' })
      expect([store.calls.length, told]).toEqual([1, []])
    },
  )

  it('that a driver sent twice is its own success though others wrote on top of it meanwhile', async () => {
    const { keeper, store, stored, intrude, told } = made()
    store.resend('save', () => {
      intrude(`${stored()?.text}+theirs`)
      intrude(`${stored()?.text}+more`)
    })
    expect(await keeper.swap(START, 'mine', append, 'retry')).toEqual({ record: stored() })
    expect(stored()).toMatchObject({ version: 4, text: 'a+mine+theirs+more' })
    expect(told).toEqual([])
  })

  it('has nothing to write onto when the session is gone', async () => {
    const { keeper, map } = made()
    map.rows.clear()
    expect(await keeper.swap(START, 'mine', append, 'retry')).toBe('gone')
    expect(map.rows.size).toBe(0)
  })

  it('has nothing to write onto when what is there is none of ours', async () => {
    const { keeper, map, told } = made()
    map.rows.set('x', { ...toStored(START), version: 7, body: 'foreign' })
    expect(await keeper.swap(START, 'mine', append, 'retry')).toBe('gone')
    expect(told).toEqual([{ type: 'unreadable', at: NOW, id: 'x', reason: 'record' }])
    expect(map.rows.get('x')?.body).toBe('foreign')
  })

  it('ends when the writer may no longer write over what it finds', async () => {
    const { keeper, stored, intrude } = made()
    intrude('theirs')
    const careful: Propose = (current) => (current.text === 'a' ? append(current) : 'superseded')
    expect(await keeper.swap(START, 'mine', careful, 'retry')).toBe('superseded')
    expect(stored()?.text).toBe('theirs')
  })

  it('fails as the store fails', async () => {
    const { keeper, store, told } = made()
    store.fail('save')
    expect(await rejection(keeper.swap(START, 'mine', append, 'retry'))).toMatchObject({ code: 'ERR_SOJOURN_STORE' })
    expect(told).toMatchObject([{ type: 'store-error', id: 'x', reason: 'save' }])
  })
})

describe('a new record', () => {
  const fresh = { ...START, id: 'y', metadata: { ...START.metadata, mark: 'mine' } }

  it('is kept under its id', async () => {
    const { keeper, map } = made()
    expect(await keeper.create(fresh, () => 'other')).toEqual(fresh)
    expect(map.rows.get('y')).toEqual(toStored(fresh))
  })

  it('is kept under another id when its own is taken', async () => {
    const { keeper, map } = made()
    map.rows.set('y', toStored({ ...fresh, metadata: START.metadata }))
    expect(await keeper.create(fresh, () => 'other')).toEqual({ ...fresh, id: 'other' })
    expect(map.rows.get('other')).toEqual(toStored(fresh))
    expect(fromStored('y', map.rows.get('y')!)?.metadata.mark).toBe('first')
  })

  it('that a driver sent twice is its own success, under the first id', async () => {
    const { keeper, store, map } = made()
    store.resend('create')
    expect(await keeper.create(fresh, () => 'other')).toEqual(fresh)
    expect([...map.rows.keys()]).toEqual(['x', 'y'])
  })

  it('that a driver sent twice is its own success though others wrote on top of it meanwhile', async () => {
    const { keeper, store, map } = made()
    const theirs = written(fresh, 'theirs', 'b')
    store.resend('create', () => map.rows.set('y', toStored(theirs)))
    expect(await keeper.create(fresh, () => 'other')).toEqual(theirs)
  })

  it('finds no free id when the random source always draws the same', async () => {
    const { keeper, map } = made()
    map.rows.set('y', toStored({ ...fresh, metadata: START.metadata }))
    expect(await rejection(keeper.create(fresh, () => 'y'))).toMatchObject({
      name: 'ConflictError',
      code: 'ERR_SOJOURN_CONFLICT',
    })
  })
})

describe('loading', () => {
  it('gives the record at once when the store does', () => {
    expect(made().keeper.load('x')).toEqual(START)
  })

  it('gives it later when the store does', async () => {
    const { keeper, store } = made()
    store.next('load', async (go) => go())
    expect(await keeper.load('x')).toEqual(START)
  })

  it('gives nothing for what is none of ours, and tells of it', () => {
    const { keeper, map, told } = made()
    map.rows.set('x', { ...toStored(START), body: '{"cookie":{}}' })
    expect(keeper.load('x')).toBeUndefined()
    expect(told).toEqual([{ type: 'unreadable', at: NOW, id: 'x', reason: 'record' }])
  })
})

describe('what a store can do beside', () => {
  it('is asked for by its name, and an error when it cannot', async () => {
    const bare = made((map) => {
      const { list: _, removeAll: __, revokedAt: ___, ...store } = map
      return store
    })
    const unable = expect.objectContaining({ name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' })
    expect(() => bare.keeper.ability('list')).toThrow(unable)
    expect(() => bare.keeper.ability('removeAll')).toThrow(unable)
    expect(await bare.keeper.revokedAt('alice')).toBeUndefined()
    expect(made().keeper.ability('list')).toBeTypeOf('function')
  })

  it('is told which index entry a removal and a save concern', async () => {
    const seen: unknown[] = []
    const { keeper } = made((map) => ({
      ...map,
      remove: (_, { principalBefore }) => void seen.push(['remove', principalBefore]),
      save: (_, __, ___, { principalBefore }) => (seen.push(['save', principalBefore]), 'saved' as const),
    }))
    await keeper.remove('x', 'alice')
    await keeper.swap({ ...START, principal: 'bob' }, 'mine', append, 'retry')
    expect(seen).toEqual([
      ['remove', 'alice'],
      ['save', 'bob'],
    ])
  })

  it('is asked to move an expiry, and nothing else', async () => {
    const { keeper, store, stored } = made()
    expect(await keeper.touch(START, NOW + 90_000)).toBe(true)
    expect([store.calls, stored()]).toEqual([['touch'], { ...START, expiresAt: NOW + 90_000 }])
  })
})
