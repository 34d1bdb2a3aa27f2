import { describe, expect, it } from 'vitest'
import type { StoreCall, StoredSession } from '../../src/core/store.ts'
import { scopeStore } from '../../src/shell/scope.ts'
import { type MapStore, mapStore } from '../support/map-store.ts'

const NOW = 1000
const call: StoreCall = { now: NOW }
const stored = (principal: string | null): StoredSession => ({ version: 1, expiresAt: 9000, principal, body: 'b' })

const ids = async (rows: AsyncIterable<[string, StoredSession]>): Promise<[string, string | null][]> => {
  const found: [string, string | null][] = []
  for await (const [id, { principal }] of rows) found.push([id, principal])
  return found
}

describe('a store without a namespace', () => {
  it('is the very store', () => {
    const store = mapStore()
    expect(scopeStore(store, '')).toBe(store)
  })
})

describe('a store in a namespace', () => {
  const two = (): { map: MapStore; shop: MapStore; blog: MapStore } => {
    const map = mapStore()
    return { map, shop: scopeStore(map, 'shop') as MapStore, blog: scopeStore(map, 'blog') as MapStore }
  }

  it("keeps one application's alice from another's", async () => {
    const { map, shop, blog } = two()
    await shop.create('a', stored('alice'), call)
    await blog.create('b', stored('alice'), call)
    expect(map.rows.get('a')?.principal).not.toBe(map.rows.get('b')?.principal)
    expect(await ids(shop.list('alice', call))).toEqual([['a', 'alice']])
    expect(await ids(blog.list('alice', call))).toEqual([['b', 'alice']])
    expect(await shop.removeAll('alice', {}, call)).toBe(1)
    expect(await shop.revokedAt('alice', call)).toBe(NOW)
    expect(await blog.revokedAt('alice', call)).toBeUndefined()
    expect([...map.rows.keys()]).toEqual(['b'])
  })

  it('gives principals back as they were given, on loading and in a conflict', async () => {
    const { shop } = two()
    await shop.create('a', stored('alice'), call)
    expect(await shop.load('a', call)).toEqual(stored('alice'))
    expect(await shop.save('a', { ...stored('bob'), version: 3 }, 2, call)).toEqual({ conflict: stored('alice') })
    expect(await shop.save('a', { ...stored('bob'), version: 2 }, 1, call)).toBe('saved')
    expect(await shop.load('a', call)).toMatchObject({ principal: 'bob' })
    expect(await shop.save('gone', stored(null), 1, call)).toBe('gone')
  })

  it("does not know another application's sessions, and keeps nobody's as nobody's", async () => {
    const { map, shop, blog } = two()
    await shop.create('a', stored('alice'), call)
    await map.create('c', stored('carol'), call)
    expect(await blog.load('a', call)).toBeUndefined()
    expect(await blog.load('c', call)).toBeUndefined()
    await shop.create('n', stored(null), call)
    expect(map.rows.get('n')?.principal).toBeNull()
    expect(await shop.load('n', call)).toEqual(stored(null))
  })

  it('passes touches, removals and sweeps on', async () => {
    const map = mapStore()
    const asked: unknown[] = []
    const shop = scopeStore(
      { ...map, prune: (limit) => (asked.push(limit), 3), changes: (fn) => (fn('x'), () => {}) },
      'shop',
    )
    await shop.create('a', stored(null), call)
    expect(await shop.touch('a', 9500, call)).toBe(true)
    expect(map.rows.get('a')?.expiresAt).toBe(9500)
    await shop.remove('a', call)
    expect(map.rows.size).toBe(0)
    expect(await shop.prune?.(7, call)).toBe(3)
    shop.changes?.((id) => asked.push(id))
    expect(asked).toEqual([7, 'x'])
  })

  it('scans its own sessions alone', async () => {
    const map = mapStore()
    const all = async function* (): AsyncGenerator<[string, StoredSession]> {
      for (const row of map.rows) yield row
    }
    const shop = scopeStore({ ...map, scan: all }, 'shop')
    await shop.create('a', stored('alice'), call)
    await map.create('b', stored('alice'), call)
    expect(await ids(shop.scan!(call))).toEqual([['a', 'alice']])
  })

  it('tells the store which index entry to move, and asks for a signal only when the store does', async () => {
    const seen: StoreCall[] = []
    const map = mapStore()
    const shop = scopeStore({ ...map, remove: (_, call) => void seen.push(call) }, 'shop')
    let asked = 0
    const { signal } = new AbortController()
    const lazy = {
      now: NOW,
      principalBefore: 'alice',
      get signal() {
        asked++
        return signal
      },
    }
    await shop.remove('a', lazy)
    expect(seen[0]?.principalBefore).toBe('shop\u001falice')
    expect([seen[0]?.now, asked]).toEqual([NOW, 0])
    expect(seen[0]?.signal).toBe(signal)
    await shop.remove('a', { now: NOW, principalBefore: null })
    expect(seen[1]).toEqual({ now: NOW, principalBefore: null })
  })

  it('can do no more than the store', () => {
    const { list: _, removeAll: __, revokedAt: ___, ...bare } = mapStore()
    expect(Object.keys(scopeStore(bare, 'shop')).sort()).toEqual(['create', 'load', 'remove', 'save', 'touch'])
  })
})
