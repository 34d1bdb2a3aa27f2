import { afterAll, describe, expect, it } from 'vitest'
import type { Store, StoredSession } from '../../src/core/store.ts'
import { createSessions } from '../../src/index.ts'
import { migratingStore } from '../../src/migrate.ts'
import { type MemoryStore, memoryStore } from '../../src/stores/memory.ts'
import { casesFor } from '../../src/testing/index.ts'
import { redis } from '../servers/redis.ts'
import { isAvailable } from '../servers/suite.ts'
import { mapStore, type MapStore } from '../support/map-store.ts'
import { type OpenStore, type StoreEntry, stores } from '../support/stores.ts'
import { crashBefore, everyOrder, goTo, type Lane, Steps } from '../support/steps.ts'
import { Visitor } from '../support/visitor.ts'

const NOW = 2_000_000_000_000
const call = { now: NOW }

function stored(fields: Partial<StoredSession> = {}): StoredSession {
  return { version: 1, expiresAt: NOW + 3_600_000, principal: 'alice', body: '1 line\n{}', ...fields }
}

// --- it is a store ---

const opened: OpenStore[] = []
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()))
})

/** Both places, opened once for all cases: these share a database. */
function places(from: StoreEntry, to: StoreEntry): () => Promise<Store> {
  const open = async (entry: StoreEntry): Promise<Store> => {
    const one = await entry.open()
    opened.push(one)
    return one.store
  }
  let both: Promise<readonly [Store, Store]> | undefined
  return async () => {
    both ??= Promise.all([open(from), open(to)])
    const [old, young] = await both
    return migratingStore({ from: old, to: young })
  }
}

const { memory, sqlite } = stores as { memory: StoreEntry; sqlite: StoreEntry }
const later = stores['memory, answering later']!
const WAYS: [string, StoreEntry, StoreEntry][] = [
  ['memory to memory', memory, memory],
  ['memory to memory, each answering later', later, later],
  ...(isAvailable(redis) || process.env['CI'] === 'true'
    ? ([
        ['sqlite to redis', sqlite, stores['redis']!],
        ['redis to sqlite', stores['redis']!, sqlite],
      ] as [string, StoreEntry, StoreEntry][])
    : []),
]

const cases = casesFor(migratingStore({ from: memoryStore(), to: memoryStore() }))

describe.each(WAYS)('from %s it passes the case', (_, from, to) => {
  const open = places(from, to)
  it.each(cases.map((c) => [c.name, c] as const))('%s', async (_, c) => {
    const store = await open()
    await c.run({ open: () => store })
  })
})

// --- what is particular to it ---

interface Pair {
  readonly from: MapStore
  readonly to: MapStore
  readonly store: ReturnType<typeof migratingStore>
  readonly told: string[]
}

function pair(): Pair {
  const [from, to, told] = [mapStore(), mapStore(), [] as string[]]
  const store = migratingStore({ from, to, onDivergence: (kind, id) => told.push(`${kind} ${id}`) })
  return { from, to, store, told }
}

describe('a session that only the old store has', () => {
  it('is brought over when it is read, as it is, and read from the new one after that', async () => {
    const { from, to, store } = pair()
    const session = stored({ version: 7 })
    from.rows.set('id', session)
    expect(await store.load('id', call)).toEqual(session)
    expect([...to.rows]).toEqual([['id', session]])
    from.rows.clear()
    expect(await store.load('id', call)).toEqual(session)
    expect(store.counts).toMatchObject({ backfilled: 1, undone: 0 })
  })

  it('is brought over by a save and by a touch as well', async () => {
    const { from, to, store } = pair()
    from.rows.set('one', stored({ version: 7 }))
    from.rows.set('two', stored({ version: 7 }))
    expect(await store.save('one', stored({ version: 8 }), 7, call)).toBe('saved')
    expect(await store.touch('two', NOW + 7_200_000, call)).toBe(true)
    for (const rows of [from.rows, to.rows]) {
      expect([rows.get('one')?.version, rows.get('two')?.expiresAt]).toEqual([8, NOW + 7_200_000])
    }
  })

  it('conflicts with a save as it would in one store', async () => {
    const { from, store } = pair()
    from.rows.set('id', stored({ version: 7 }))
    expect(await store.save('id', stored({ version: 7 }), 6, call)).toEqual({ conflict: stored({ version: 7 }) })
  })

  it('has its id taken', async () => {
    const { from, to, store } = pair()
    from.rows.set('id', stored())
    expect(await store.create('id', stored({ body: '1 another\n{}' }), call)).toBe(false)
    expect(to.rows.size).toBe(0)
  })

  it('is listed, revoked and scanned with the others, each once', async () => {
    const { from, to, store } = pair()
    from.rows.set('old', stored())
    to.rows.set('new', stored())
    await store.create('both', stored(), call)
    const listed: string[] = []
    for await (const [id] of store.list!('alice', call)) listed.push(id)
    expect(listed.sort()).toEqual(['both', 'new', 'old'])
    expect(await store.removeAll!('alice', { except: 'new' }, call)).toBe(2)
    expect([[...from.rows.keys()], [...to.rows.keys()]]).toEqual([[], ['new']])
    expect(await store.revokedAt!('alice', call)).toBe(NOW)
  })

  it('belongs to whom the new store says, whatever the old one still says', async () => {
    const { from, to, store } = pair()
    from.rows.set('id', stored({ principal: 'bob' }))
    to.rows.set('id', stored({ version: 2, principal: 'alice' }))
    const listed: string[] = []
    for await (const [id] of store.list!('bob', call)) listed.push(id)
    expect(listed).toEqual([])
    expect(await store.removeAll!('alice', {}, call)).toBe(1)
    expect([from.rows.size, to.rows.size]).toEqual([0, 0])
  })
})

describe('what is written', () => {
  it('is in both stores, and removed from both', async () => {
    const { from, to, store } = pair()
    await store.create('id', stored(), call)
    await store.save('id', stored({ version: 2 }), 1, call)
    await store.touch('id', NOW + 7_200_000, call)
    expect(from.rows).toEqual(to.rows)
    expect(from.rows.get('id')).toEqual(stored({ version: 2, expiresAt: NOW + 7_200_000 }))
    await store.remove('id', call)
    expect([from.rows.size, to.rows.size]).toEqual([0, 0])
  })

  it('never comes into being in the old store by a save or a touch: it may have ended there', async () => {
    const { from, to, store, told } = pair()
    to.rows.set('id', stored())
    expect(await store.save('id', stored({ version: 2 }), 1, call)).toBe('saved')
    expect(await store.touch('id', NOW + 7_200_000, call)).toBe(true)
    expect([from.rows.size, told, store.counts.missing]).toEqual([0, ['missing id'], 1])
  })

  it('brings an old store up that has fallen behind, and leaves one alone that is as new', async () => {
    const { from, to, store, told } = pair()
    from.rows.set('id', stored({ version: 3 }))
    to.rows.set('id', stored({ version: 7 }))
    await store.save('id', stored({ version: 8, body: '1 new\n{}' }), 7, call)
    expect(from.rows.get('id')).toEqual(stored({ version: 8, body: '1 new\n{}' }))
    from.rows.set('id', stored({ version: 9, body: '1 other\n{}' }))
    await store.save('id', stored({ version: 9, body: '1 newer\n{}' }), 8, call)
    expect(from.rows.get('id')?.body).toBe('1 other\n{}')
    expect(told).toEqual(['behind id', 'differing id'])
    expect(store.counts).toMatchObject({ behind: 1, differing: 1, missing: 0 })
  })

  it('fails where the old store fails: nobody is told that a way back is open which is not', async () => {
    const { from, store } = pair()
    await store.create('id', stored(), call)
    const broken = new Error('connection lost')
    from.save = () => Promise.reject(broken)
    from.remove = () => Promise.reject(broken)
    await expect(store.save('id', stored({ version: 2 }), 1, call)).rejects.toBe(broken)
    await expect(store.remove('id', call)).rejects.toBe(broken)
    expect(await store.load('id', call)).toEqual(stored({ version: 2 }))
  })

  it('survives a listener that throws', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    const to = mapStore()
    to.rows.set('id', stored())
    const onDivergence = (): never => {
      throw new Error('on purpose')
    }
    const store = migratingStore({ from: mapStore(), to, onDivergence })
    expect(await store.save('id', stored({ version: 2 }), 1, call)).toBe('saved')
    expect(await warned).toMatchObject({ code: 'SOJOURN_LISTENER' })
  })
})

describe('a backfill', () => {
  it('brings over every session that the old store has alone, and tells how many', async () => {
    const [from, to] = [memoryStore(), memoryStore()]
    const store = migratingStore({ from, to })
    for (let n = 0; n < 30; n++) from.create(`old-${n}`, stored(), call)
    await store.create('both', stored(), call)
    expect(await store.backfill!(call)).toBe(30)
    expect(await store.backfill!(call)).toBe(0)
    for (let n = 0; n < 30; n++) expect(to.load(`old-${n}`, call)).toEqual(stored())
    expect(store.counts.backfilled).toBe(30)
  })

  it('is what only a store that scans can do', () => {
    const { from, store } = pair()
    expect(store.backfill).toBeUndefined()
    expect(migratingStore({ from: memoryStore(), to: from }).backfill).toBeTypeOf('function')
  })
})

describe('what it can do further', () => {
  it('is what both stores can; to prune, what one can', () => {
    const { load, create, save, touch, remove } = mapStore()
    const five = { load, create, save, touch, remove }
    const methods = ['list', 'removeAll', 'revokedAt', 'scan', 'prune'] as const
    const able = (from: Store, to: Store): string[] =>
      methods.filter((method) => migratingStore({ from, to })[method] !== undefined)
    const prune = (): number => 0
    expect(able(five, memoryStore())).toEqual([])
    expect(able(mapStore(), five)).toEqual([])
    expect(able(mapStore(), mapStore())).toEqual(['list', 'removeAll', 'revokedAt'])
    expect(able({ ...five, prune }, five)).toEqual(['prune'])
  })

  it('prunes no more than it may, of both', async () => {
    const five = mapStore()
    const asked: [string, number][] = []
    const pruning = (name: string, has: number): Store => ({
      ...five,
      prune: (limit) => (asked.push([name, limit]), Math.min(has, limit)),
    })
    const store = migratingStore({ from: pruning('from', 9), to: pruning('to', 2) })
    expect(await store.prune!(5, call)).toBe(5)
    expect(asked).toEqual([
      ['to', 5],
      ['from', 3],
    ])
  })

  it('tells of changes in the new store, and no more when nobody listens', async () => {
    const listeners = new Set<(id: string) => void>()
    const to = {
      ...mapStore(),
      changes: (fn: (id: string) => void) => (listeners.add(fn), () => void listeners.delete(fn)),
    }
    const told: string[] = []
    const end = migratingStore({ from: mapStore(), to }).changes!((id) => told.push(id))
    for (const fn of listeners) fn('id')
    end()
    expect([told, listeners.size]).toEqual([['id'], 0])
  })
})

it.each<[string, () => object]>([
  ['no old store', () => ({ to: mapStore() })],
  ['no new store', () => ({ from: mapStore() })],
  ['a store without touch', () => ({ from: mapStore(), to: { ...mapStore(), touch: undefined } })],
  ['the same store twice', () => ((store: MapStore) => ({ from: store, to: store }))(mapStore())],
  ['a listener that is none', () => ({ from: mapStore(), to: mapStore(), onDivergence: 7 })],
])('refuses %s', (_, options) => {
  expect(() => migratingStore(options() as never)).toThrow(
    expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG' }) as Error,
  )
})

describe('the way there and back', () => {
  it('signs nobody out: old store, both with the old one right, both with the new one right, new store, and back', async () => {
    const clock = (): number => NOW
    const [old, young]: [MemoryStore, MemoryStore] = [memoryStore(), memoryStore()]
    const both = (from: Store, to: Store): Store => migratingStore({ from, to })
    const away = [old, both(young, old), both(old, young), young]
    let cookie: string | null = null
    for (const [step, store] of [...away, ...away.toReversed()].entries()) {
      const visitor: Visitor<{ user?: { id: string }; steps?: number[] }> = new Visitor(
        createSessions<{ user?: { id: string }; steps?: number[] }>({ store, clock }),
        {},
        cookie,
      )
      await visitor.visit((session) => {
        if (step === 0) session.user = { id: 'alice' }
        session.steps = [...(session.steps ?? []), step]
      })
      const { session } = await visitor.visit()
      expect(session.user, `step ${step}`).toEqual({ id: 'alice' })
      // Before the very last stores, each is warm: the next one has all that was written.
      if (step !== 3 && step !== 7)
        expect(session.steps, `step ${step}`).toEqual(Array.from({ length: step + 1 }, (_, n) => n))
      cookie = visitor.cookie
      if (step === 3) await (both(young, old) as ReturnType<typeof migratingStore>).backfill!({ now: NOW })
    }
  })
})

// --- races ---

const CALLS: readonly (keyof Store)[] = ['load', 'create', 'save', 'touch', 'remove']

/** Two maps, and processes that use both, each of which goes one way or the other. */
class Maps {
  readonly #steps: Steps
  readonly old: MapStore
  readonly young: MapStore

  constructor(steps = new Steps(), old = mapStore(), young = mapStore()) {
    this.#steps = steps
    this.old = old
    this.young = young
  }

  process(way: 'there' | 'back' = 'there'): ReturnType<typeof migratingStore> {
    const old = this.#steps.around('old', this.old, CALLS)
    const young = this.#steps.around('new', this.young, CALLS)
    return way === 'there' ? migratingStore({ from: old, to: young }) : migratingStore({ from: young, to: old })
  }

  /** Whether a new request would find the session, looked at on a copy. */
  async has(way: 'there' | 'back' = 'there'): Promise<boolean> {
    const copy = new Maps()
    for (const [id, session] of this.old.rows) copy.old.rows.set(id, session)
    for (const [id, session] of this.young.rows) copy.young.rows.set(id, session)
    return (await copy.process(way).load('id', call)) !== undefined
  }
}

/** A request that reads and writes. */
async function request(store: Store): Promise<void> {
  const seen = await store.load('id', call)
  if (seen)
    await store.save('id', { ...seen, version: seen.version + 1, body: `${seen.body} more` }, seen.version, call)
}

describe('a logout while the session is being brought over', () => {
  it.each(['there', 'back'] as const)(
    'is final for a request under way, in every order, and so is one of a process that goes %s',
    async (way) => {
      const orders = await everyOrder(async (steps) => {
        const maps = new Maps(steps)
        maps.old.rows.set('id', stored())
        const [slow, leaving] = [maps.process(), maps.process(way)]
        return {
          lanes: { slow: () => request(slow), leaving: () => leaving.remove('id', call) },
          async look(ended) {
            if (ended.has('leaving')) expect([await maps.has(), await maps.has('back')]).toEqual([false, false])
          },
        }
      })
      expect(orders).toBeGreaterThan(45)
    },
  )

  it('is final for two requests under way, in every order with a change of turn', async () => {
    const orders = await everyOrder(
      async (steps) => {
        const maps = new Maps(steps)
        maps.old.rows.set('id', stored())
        const [one, two, leaving] = [maps.process(), maps.process(), maps.process()]
        return {
          lanes: { one: () => request(one), two: () => request(two), leaving: () => leaving.remove('id', call) },
          async look(ended) {
            if (ended.has('leaving')) expect(await maps.has()).toBe(false)
            if (ended.size === 3) expect([maps.old.rows.size, maps.young.rows.size]).toEqual([0, 0])
          },
        }
      },
      { switches: 1 },
    )
    expect(orders).toBeGreaterThan(50)
  })

  it('is final for one about to make a session of its copy, when another has put a copy there since', async () => {
    const steps = new Steps()
    const maps = new Maps(steps)
    maps.old.rows.set('id', stored())
    const [stale, slow] = ['stale', 'slow'].map((name) => steps.start(name, () => request(maps.process()))) as [
      Lane,
      Lane,
    ]
    await goTo('new.create', stale)
    await goTo('new.save', slow)
    await maps.process().remove('id', call)
    await stale.go()
    expect(maps.young.rows.size).toBe(1)
    for (const lane of [slow, stale]) {
      while (!lane.ended) {
        await lane.go()
        expect(await maps.has()).toBe(false)
      }
    }
    expect(maps.young.rows.size).toBe(0)
  })

  it('is final though the request dies before any of its calls', async () => {
    for (let calls = 0, cameSoFar = true; cameSoFar; calls++) {
      const steps = new Steps()
      const maps = new Maps(steps)
      maps.old.rows.set('id', stored())
      cameSoFar = await crashBefore(calls, steps, () => request(maps.process()))
      expect(await maps.has(), `a death before call ${calls} ends nothing`).toBe(true)
      await maps.process().remove('id', call)
      expect(await maps.has()).toBe(false)
    }
  })

  it('that dies before any of its calls can be made again', async () => {
    for (let calls = 0, cameSoFar = true; cameSoFar; calls++) {
      const steps = new Steps()
      const maps = new Maps(steps)
      maps.old.rows.set('id', stored())
      cameSoFar = await crashBefore(calls, steps, () => maps.process().remove('id', call))
      await maps.process().remove('id', call)
      expect(await maps.has()).toBe(false)
    }
  })
})

describe('two requests that bring the same session over', () => {
  it('lose nobody’s write, in every order with two changes of turn', async () => {
    const count = async (store: Store): Promise<void> => {
      for (let done = false; !done;) {
        const seen = (await store.load('id', call))!
        const next = { ...seen, version: seen.version + 1, body: String(Number(seen.body) + 1) }
        done = (await store.save('id', next, seen.version, call)) === 'saved'
      }
    }
    const orders = await everyOrder(
      async (steps) => {
        const maps = new Maps(steps)
        maps.old.rows.set('id', stored({ version: 3, body: '0' }))
        const [one, two] = [maps.process(), maps.process()]
        return {
          lanes: { one: () => count(one), two: () => count(two) },
          async look(ended) {
            expect(await maps.has()).toBe(true)
            if (ended.size < 2) return
            const due = stored({ version: 5, body: '2' })
            expect([maps.old.rows.get('id'), maps.young.rows.get('id')]).toEqual([due, due])
          },
        }
      },
      { switches: 2 },
    )
    expect(orders).toBeGreaterThan(45)
  })
})
