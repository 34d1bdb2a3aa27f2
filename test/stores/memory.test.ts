import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { REVOCATION_MARK_MS } from '../../src/core/store.ts'
import type { StoredSession } from '../../src/core/store.ts'
import { ANONYMOUS, Slots } from '../../src/stores/_memory-slots.ts'
import { hashText } from '../../src/stores/_memory-text.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { MemoryStore } from '../../src/stores/memory.ts'
import { casesFor } from '../../src/testing/index.ts'

// The seed of every hash, so that two names with one hash can be found.
vi.mock('node:crypto', async (original) => ({ ...(await original<object>()), randomInt: () => 0 }))

const NOW = 1_750_000_000_000
const call = { now: NOW }
const at = (now: number): { now: number } => ({ now })

const stored = (over: Partial<StoredSession> = {}): StoredSession => ({
  version: 1,
  expiresAt: NOW + 60_000,
  principal: 'ada',
  body: '{}\n{"user":"ada"}',
  ...over,
})

async function ids(entries: AsyncIterable<[string, StoredSession]>): Promise<string[]> {
  const all: string[] = []
  for await (const [id] of entries) all.push(id)
  return all.sort()
}

/** Which of the ids given are there. */
const present = (store: MemoryStore, ...wanted: string[]): string[] => wanted.filter((id) => store.load(id, call))

beforeEach(() => {
  vi.useFakeTimers({ now: NOW })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('the memory store keeps the contract', () => {
  for (const c of casesFor(memoryStore())) {
    it(c.name, async () => {
      vi.useRealTimers()
      const store = memoryStore()
      await c.run({ open: () => store })
    })
  }

  it('and answers at once, without a promise', () => {
    const store = memoryStore()
    expect(store.create('id', stored(), call)).toBe(true)
    expect(store.load('id', call)).toEqual(stored())
    expect(store.save('id', stored({ version: 2 }), 1, call)).toBe('saved')
    expect(store.save('id', stored({ version: 2 }), 1, call)).toEqual({ conflict: stored({ version: 2 }) })
    expect(store.touch('id', NOW + 90_000, call)).toBe(true)
    expect(store.removeAll('ada', {}, call)).toBe(1)
    expect(store.revokedAt('ada', call)).toBe(NOW)
    expect(store.remove('id', call)).toBeUndefined()
    expect(store.load('id', call)).toBeUndefined()
  })

  it('a new session under the id of an expired one is there once', async () => {
    const store = memoryStore()
    store.create('id', stored({ expiresAt: NOW }), call)
    expect(store.create('id', stored(), call)).toBe(true)
    expect(await ids(store.list('ada', call))).toEqual(['id'])
    expect(store.size.entries).toBe(1)
  })

  it('a session that was touched to an earlier instant keeps its own', () => {
    const store = memoryStore()
    store.create('id', stored(), call)
    expect(store.touch('id', NOW + 1, call)).toBe(true)
    expect(store.load('id', call)).toEqual(stored())
  })
})

describe('options', () => {
  it.each([
    { maxEntries: 0 },
    { maxEntries: 1.5 },
    { maxEntries: Number.NaN },
    { maxBytes: -1 },
    { maxBytes: Infinity },
    { maxBytes: '1 GB' as unknown as number },
  ])('%j is refused, with the remedy', (options) => {
    expect(() => memoryStore(options)).toThrow(
      expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG', message: expect.stringMatching(/max\w+.*Give a whole/) }),
    )
  })
})

describe('any text is a key', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    // Lone surrogates, and texts that a careless encoding takes for one another.
    fc.string({ unit: fc.constantFrom('\ud800', '\udc00', '\ufffd', 'ÿ', 'Ā', '\0', 'a'), maxLength: 6 }),
    fc.constantFrom('', '__proto__', 'x'.repeat(1000), 'é'.repeat(300), '漢'.repeat(300)),
  )

  it('ids, principals and bodies come back exactly, and only under their own name', async () => {
    const texts = fc.uniqueArray(hostile, { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(texts, async (texts) => {
        const store = memoryStore()
        for (const text of texts) {
          expect(store.create(text, stored({ principal: text, body: text }), call)).toBe(true)
          expect(store.create(text, stored(), call)).toBe(false)
        }
        for (const text of texts) {
          expect(store.load(text, call)).toEqual(stored({ principal: text, body: text }))
          expect(await ids(store.list(text, call))).toEqual([text])
        }
        expect(await ids(store.scan(call))).toEqual(texts.toSorted())
      }),
      { numRuns: 60 },
    )
  })
})

it('two names with the same hash are two names', async () => {
  const byHash = new Map<number, string>()
  let twins: string[] = []
  for (let n = 0; twins.length === 0; n++) {
    const hash = hashText(`name-${n}`, 0)
    const other = byHash.get(hash)
    if (other) twins = [other, `name-${n}`]
    byHash.set(hash, `name-${n}`)
  }
  const store = memoryStore()
  for (const name of twins) {
    expect(store.load(name, call)).toBeUndefined()
    store.create(name, stored({ principal: name }), call)
  }
  for (const name of twins) expect(await ids(store.list(name, call))).toEqual([name])
  expect(twins.map((name) => store.load(name, call)?.principal)).toEqual(twins)
})

describe('against a plain map', () => {
  const id = fc.integer({ min: 0, max: 40 }).map((n) => `id-${n}`)
  const lifeMs = fc.integer({ min: 0, max: 30_000 })
  const principal = fc.constantFrom(null, 'ada', 'grace', '')
  // From well within one slot size to several apart, and beyond a whole chunk.
  const size = fc.oneof(fc.nat(200), fc.nat(2000), fc.constant(300_000))
  const operation = fc.oneof(
    fc.record({ what: fc.constant('create' as const), id, lifeMs, principal, size }),
    fc.record({ what: fc.constant('create' as const), id, lifeMs, principal, size }),
    fc.record({ what: fc.constant('save' as const), id, lifeMs, principal, size }),
    fc.record({ what: fc.constant('edit' as const), id, size: fc.nat(200) }),
    fc.record({ what: fc.constant('touch' as const), id, lifeMs }),
    fc.record({ what: fc.constant('remove' as const), id }),
    fc.record({ what: fc.constant('removeAll' as const), principal: fc.constantFrom('ada', 'grace', ''), id }),
    fc.record({ what: fc.constant('wait' as const), lifeMs }),
  )

  it('every history of calls, with sweeps in between, ends with the same sessions', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 150 }), async (operations) => {
        vi.setSystemTime(NOW)
        const store = memoryStore()
        const model = new Map<string, StoredSession>()
        const alive = (id: string): StoredSession | undefined => {
          const session = model.get(id)
          return session && session.expiresAt > Date.now() ? session : undefined
        }
        const create = (id: string, session: StoredSession): void => {
          expect(store.create(id, session, at(Date.now()))).toBe(!alive(id))
          if (!alive(id)) model.set(id, session)
        }
        const save = (id: string, change: Partial<StoredSession>): void => {
          const before = alive(id)
          const session = stored({ ...before, ...change, version: (before?.version ?? 1) + 1 })
          expect(store.save(id, session, session.version - 1, at(Date.now()))).toBe(before ? 'saved' : 'gone')
          if (before) model.set(id, session)
        }

        for (const op of operations) {
          const now = Date.now()
          if (op.what === 'wait') vi.advanceTimersByTime(op.lifeMs)
          else if (op.what === 'create') {
            create(op.id, stored({ expiresAt: now + op.lifeMs, principal: op.principal, body: 'x'.repeat(op.size) }))
          } else if (op.what === 'save') {
            save(op.id, { expiresAt: now + op.lifeMs, principal: op.principal, body: 'y'.repeat(op.size) })
          } else if (op.what === 'edit') save(op.id, { body: 'z'.repeat(op.size) })
          else if (op.what === 'touch') {
            expect(store.touch(op.id, now + op.lifeMs, at(now))).toBe(Boolean(alive(op.id)))
            const session = alive(op.id)
            if (session) session.expiresAt = Math.max(session.expiresAt, now + op.lifeMs)
          } else if (op.what === 'remove') {
            store.remove(op.id, at(now))
            model.delete(op.id)
          } else {
            const gone = [...model.keys()].filter((id) => alive(id)?.principal === op.principal && id !== op.id)
            expect(store.removeAll(op.principal, { except: op.id }, at(now))).toBe(gone.length)
            for (const id of gone) model.delete(id)
          }
        }

        const now = Date.now()
        const left = [...model.keys()].filter((id) => alive(id)).sort()
        for (const id of model.keys()) expect(store.load(id, at(now))).toEqual(alive(id))
        expect(await ids(store.scan(at(now)))).toEqual(left)
        for (const principal of ['ada', 'grace', '']) {
          const own = left.filter((id) => model.get(id)?.principal === principal)
          expect(await ids(store.list(principal, at(now)))).toEqual(own)
        }
        // Whatever has expired is gone for good once a sweep has come by.
        const entries = [...model.values()].filter((session) => session.expiresAt > now + 6000).length
        vi.advanceTimersByTime(10_000)
        expect(store.size.entries).toBeLessThanOrEqual(entries)
      }),
      { numRuns: 150 },
    )
  })

  it('thousands of sessions, created and removed in another order, are all found until they go', async () => {
    const store = memoryStore()
    const all = Array.from({ length: 12_000 }, (_, n) => `id-${(n * 7919) % 12_000}`)
    const principalOf = (id: string): string | null => (id.endsWith('7') ? null : `user-${Number(id.slice(3)) % 5000}`)
    for (const id of all) store.create(id, stored({ principal: principalOf(id), body: id.repeat(20) }), call)
    expect(await ids(store.scan(call))).toEqual(all.toSorted())

    for (const [n, id] of all.entries()) {
      expect(store.load(id, call)).toEqual(stored({ principal: principalOf(id), body: id.repeat(20) }))
      if (n % 12 !== 0) store.remove(id, call)
    }
    const left = all.filter((_, n) => n % 12 === 0).sort()
    expect(await ids(store.scan(call))).toEqual(left)
    for (const id of left) expect(await ids(store.list(principalOf(id) ?? '', call))).toContain(id)
  })
})

describe('when it is full', () => {
  const evictionsOf = (store: MemoryStore): string[] => {
    const evicted: string[] = []
    store.evictions((id, principal) => evicted.push(`${id} of ${principal}`))
    return evicted
  }
  const create = (store: MemoryStore, id: string, principal: string | null, lifeMs: number, body = ''): boolean =>
    store.create(id, stored({ principal, expiresAt: NOW + lifeMs, body }), call)

  it('what has expired goes first, then who is not signed in, then who is; and of these, who expires soonest', () => {
    const store = memoryStore({ maxEntries: 6 })
    const evicted = evictionsOf(store)
    create(store, 'signed-in, late', 'ada', 9000)
    create(store, 'signed-in, soon', 'ada', 3000)
    create(store, 'anonymous, late', null, 8000)
    create(store, 'anonymous, soon', null, 4000)
    create(store, 'signed-in, expired', 'ada', 0)
    create(store, 'anonymous, expired', null, -1)
    for (let n = 0; n < 2; n++) create(store, `new-${n}`, 'grace', 5000)
    expect(present(store, 'signed-in, late', 'signed-in, soon', 'anonymous, late', 'anonymous, soon')).toHaveLength(4)
    for (let n = 2; n < 5; n++) create(store, `new-${n}`, 'grace', 5000)
    expect(evicted).toEqual(['anonymous, soon of null', 'anonymous, late of null', 'signed-in, soon of ada'])
    expect(store.size.entries).toBe(6)
  })

  it('a flood of visitors evicts visitors only', () => {
    const store = memoryStore({ maxEntries: 1000 })
    const users = Array.from({ length: 900 }, (_, n) => `user-${n}`)
    for (const id of users) create(store, id, id, 1000)
    for (let n = 0; n < 5000; n++) create(store, `visitor-${n}`, null, 60_000)
    expect(present(store, ...users)).toEqual(users)
    expect(store.size.entries).toBe(1000)
  })

  it('bytes count, and a save that grows evicts others, but not itself', () => {
    const store = memoryStore({ maxBytes: 10_000 })
    const evicted = evictionsOf(store)
    create(store, 'soonest of all', null, 1, 'x'.repeat(3000))
    create(store, 'other', null, 2, 'x'.repeat(3000))
    create(store, 'signed-in', 'ada', 3, 'x'.repeat(2000))
    const grown = stored({ version: 2, principal: null, expiresAt: NOW + 1, body: 'y'.repeat(9000) })
    expect(store.save('soonest of all', grown, 1, call)).toBe('saved')
    expect(evicted).toEqual(['other of null', 'signed-in of ada'])
    expect(store.load('soonest of all', call)).toEqual(grown)
    expect(store.size.bytes).toBeLessThanOrEqual(10_000)
  })

  it('a session larger than the whole store is refused, and nobody has to go for it', () => {
    const store = memoryStore({ maxBytes: 1000 })
    const tooLarge = expect.objectContaining({
      code: 'ERR_SOJOURN_TOO_LARGE',
      message: expect.stringContaining('maxBytes'),
    })
    store.create('id', stored(), call)
    expect(() => create(store, 'large', null, 1, 'x'.repeat(1000))).toThrow(tooLarge)
    expect(() => store.save('id', stored({ version: 2, body: 'x'.repeat(1000) }), 1, call)).toThrow(tooLarge)
    expect(store.load('id', call)).toEqual(stored())
  })

  it('whoever listens may call the store, and stop listening', () => {
    const store = memoryStore({ maxEntries: 1 })
    const seen: [unknown, string[]][] = []
    const stop = store.evictions((id) => {
      seen.push([id, present(store, 'a', 'b')])
      store.remove('b', call)
    })
    create(store, 'a', null, 1000)
    create(store, 'b', null, 1000)
    expect(seen).toEqual([['a', ['b']]])
    expect(store.size.entries).toBe(0)
    stop()
    create(store, 'c', null, 1000)
    create(store, 'd', null, 1000)
    expect(seen).toHaveLength(1)
  })
})

describe('the sweep', () => {
  it('gives the memory of expired sessions back, without a call', () => {
    const store = memoryStore()
    for (let n = 0; n < 3000; n++) store.create(`id-${n}`, stored({ expiresAt: NOW + (n % 2 ? 1000 : 90_000) }), call)
    vi.advanceTimersByTime(5000)
    expect(store.size.entries).toBe(1500)
    vi.advanceTimersByTime(90_000)
    expect(store.size).toEqual({ entries: 0, bytes: 0 })
  })

  it('finds those again that it found alive, and those that came to lie elsewhere', () => {
    const store = memoryStore()
    const fill = (count: number, name: string, lifeMs: number): void => {
      for (let n = 0; n < count; n++) store.create(`${name}-${n}`, stored({ expiresAt: NOW + lifeMs, body: '' }), call)
    }
    store.create('touched', stored({ expiresAt: NOW + 1000, principal: null }), call)
    store.touch('touched', NOW + 10_000, call)
    // The last chunk's sessions fill the gaps in the first, where nobody else expires for long.
    fill(700, 'late', 90_000)
    fill(10, 'soon', 8000)
    for (let n = 0; n < 10; n++) store.remove(`late-${n}`, call)
    vi.advanceTimersByTime(5000)
    expect(store.size.entries).toBe(701)
    vi.advanceTimersByTime(10_000)
    expect(store.size.entries).toBe(690)
  })

  it('leaves nothing to an empty store', () => {
    const resize = vi.spyOn(ArrayBuffer.prototype as ArrayBuffer & { resize(bytes: number): void }, 'resize')
    const store = memoryStore()
    store.create('id', stored(), call)
    store.remove('id', call)
    expect(resize).not.toHaveBeenCalled()
    vi.advanceTimersByTime(2000)
    expect(resize.mock.calls).toEqual([[0]])
    resize.mockRestore()
  })

  it('leaves no memory to the garbage collection', () => {
    const slots = new Slots()
    const refs = Array.from({ length: 2000 }, () => slots.allocate(ANONYMOUS, 1000))
    const chunks = new Set(refs.map((ref) => slots.chunk(ref)))
    const kept = slots.chunk(refs[0]!)
    for (const ref of refs.toReversed()) slots.free(ref)
    slots.discard(kept.pool)
    expect(chunks.size).toBeGreaterThan(2)
    expect([...chunks].filter((chunk) => chunk.memory.byteLength > 0)).toEqual([])
    expect(slots.allocate(ANONYMOUS, 1000)).toBe(refs[0])
  })

  it('takes and gives no memory when one session comes and goes', () => {
    const slots = new Slots()
    const first = slots.allocate(ANONYMOUS, 100_000)
    const { pool } = slots.chunk(first)
    while (pool.count < pool.slotsPerChunk) slots.allocate(ANONYMOUS, 100_000)
    const next = slots.chunk(slots.allocate(ANONYMOUS, 100_000))
    slots.free(first)
    expect(slots.chunk(slots.allocate(ANONYMOUS, 100_000))).toBe(next)
  })

  it('runs only while there is something to sweep', () => {
    const store = memoryStore()
    expect(vi.getTimerCount()).toBe(0)
    store.create('id', stored(), call)
    store.create('id-2', stored(), call)
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(30_000)
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(60_000)
    expect(vi.getTimerCount()).toBe(0)
    store.create('id', stored({ expiresAt: Date.now() + 1000 }), at(Date.now()))
    expect(vi.getTimerCount()).toBe(1)
  })

  it('keeps no process alive', () => {
    vi.useRealTimers()
    const setTimeout = vi.spyOn(globalThis, 'setTimeout')
    memoryStore().create('id', stored(), call)
    expect(setTimeout.mock.results.map((result) => (result.value as NodeJS.Timeout).hasRef())).toEqual([false])
    setTimeout.mockRestore()
  })

  it('does its work in slices, with everybody else in between', () => {
    const setImmediate = vi.spyOn(globalThis, 'setImmediate')
    // Whoever looks at the clock finds that the time for a slice is over.
    let looks = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => Date.now() + 5 * looks++)
    const store = memoryStore()
    for (let n = 0; n < 3000; n++) store.create(`id-${n}`, stored({ expiresAt: NOW + 1 }), call)
    vi.advanceTimersByTime(5000)
    expect(store.size.entries).toBe(0)
    expect(setImmediate.mock.calls.length).toBeGreaterThan(3)
    clock.mockRestore()
    setImmediate.mockRestore()
  })

  it.each([
    ['long past', -1_000_000_000_000, 60_000],
    ['slow by an hour', -3_600_000, 60_000],
    ['fast by half a minute', 30_000, 20_000],
    ['fast by an hour', 3_600_000, 60_000],
    ['far in the future', 1_000_000_000_000, 60_000],
  ])('takes nobody whom a clock %s takes for alive', (_, skewMs, waitMs) => {
    const store = memoryStore()
    const theirs = NOW + skewMs
    store.create('id', stored({ expiresAt: theirs + 5000 }), at(theirs))
    // Their clock stands still meanwhile.
    vi.advanceTimersByTime(waitMs)
    expect(store.load('id', at(theirs))).toBeDefined()
    expect(store.load('id', at(theirs + 4999))).toBeDefined()
  })

  it('leaves a slow request the time to finish', () => {
    const store = memoryStore()
    store.create('id', stored({ expiresAt: NOW + 1000 }), call)
    vi.advanceTimersByTime(2500)
    expect(store.save('id', stored({ version: 2, expiresAt: NOW + 60_000 }), 1, at(NOW + 999))).toBe('saved')
  })
})

describe('all sessions of a principal', () => {
  it('the mark stands before anybody is removed, never moves back, and is kept an hour', () => {
    const store = memoryStore()
    store.create('id', stored(), call)
    expect(store.revokedAt('ada', call)).toBeUndefined()
    store.removeAll('ada', {}, at(NOW + 10))
    store.removeAll('ada', {}, at(NOW + 5))
    expect(store.revokedAt('ada', call)).toBe(NOW + 10)
    expect(store.revokedAt('ada', at(NOW + 9 + REVOCATION_MARK_MS))).toBe(NOW + 10)
    expect(store.revokedAt('ada', at(NOW + 10 + REVOCATION_MARK_MS))).toBeUndefined()
    expect(store.revokedAt('grace', call)).toBeUndefined()
  })

  it('the exception is spared, others are not touched, and only the living are counted', async () => {
    const store = memoryStore()
    for (const id of ['a', 'b', 'c']) store.create(id, stored(), call)
    store.create('expired', stored({ expiresAt: NOW }), call)
    store.create('other', stored({ principal: 'Ada' }), call)
    store.create('nobody', stored({ principal: null }), call)
    expect(store.removeAll('ada', { except: 'b' }, call)).toBe(2)
    expect(await ids(store.scan(call))).toEqual(['b', 'nobody', 'other'])
  })

  it('are listed as they are when their turn comes', async () => {
    const store = memoryStore()
    for (const id of ['a', 'b', 'c', 'd']) store.create(id, stored(), call)
    const seen: string[] = []
    for await (const [id] of store.list('ada', call)) {
      seen.push(id)
      if (seen.length > 1) continue
      store.save('c', stored({ version: 2, principal: 'grace' }), 1, call)
      store.remove('b', call)
      store.create('e', stored(), call)
    }
    expect(seen.sort()).toEqual(['a', 'd'])
  })

  it('a scan gives whoever is there all along, exactly once, whatever else comes and goes', async () => {
    const store = memoryStore()
    const stay = Array.from({ length: 3000 }, (_, n) => `stay-${n}`)
    for (const id of stay) store.create(id, stored({ principal: id }), call)
    for (const id of stay) store.create(`go-${id}`, stored({ principal: null }), call)
    const seen: string[] = []
    for await (const [id, session] of store.scan(call)) {
      if (!id.startsWith('stay')) continue
      const n = seen.push(id)
      // Whoever was seen moves to another slot and principal; others go, and new ones come in their place.
      store.save(id, { ...session, version: 2, principal: null, body: 'x'.repeat(n) }, 1, call)
      store.remove(`go-${id}`, call)
      for (let k = 0; k < 3; k++) store.create(`new-${id}-${k}`, stored(), call)
    }
    expect(seen.sort()).toEqual(stay.toSorted())
  })
})
