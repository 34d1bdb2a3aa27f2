import { createRequire } from 'node:module'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { StoredSession } from '../../src/core/store.ts'
import { createSessions } from '../../src/sessions.ts'
import { ANSWER_MAX_MS } from '../../src/stores/_connect-calls.ts'
import { type ConnectSession, type ConnectStore, fromConnectStore } from '../../src/stores/connect.ts'
import { casesFor } from '../../src/testing/store-cases.ts'
import { Gate } from '../support/gate.ts'

const NOW = 2_000_000_000_000
const call = { now: NOW }

/** express-session's own store, and its data. */
interface MemoryStore extends ConnectStore {
  sessions: Record<string, string>
}
const require = createRequire(import.meta.url)
const { MemoryStore } = require('express-session') as { MemoryStore: new () => MemoryStore }

function stored(fields: Partial<StoredSession> = {}): StoredSession {
  return { version: 1, expiresAt: NOW + 3_600_000, principal: null, body: '{}', ...fields }
}

/** express-session's own store, with some of its methods replaced. */
function odd(methods: (sound: MemoryStore) => Partial<ConnectStore>): MemoryStore {
  const sound = new MemoryStore()
  const bound: ConnectStore = {
    get: (sid, answer) => sound.get(sid, answer),
    set: (sid, session, answer) => sound.set(sid, session, answer),
    destroy: (sid, answer) => sound.destroy(sid, answer),
  }
  return Object.assign(bound, methods(sound), { sessions: sound.sessions })
}

afterEach(() => {
  vi.useRealTimers()
})

const cases = casesFor(fromConnectStore(new MemoryStore()))

describe('fromConnectStore over express-session’s MemoryStore passes the case', () => {
  it.each(cases.map((c) => [c.name, c] as const))('%s', async (_, { run }) => {
    const store = new MemoryStore()
    await run({ open: () => fromConnectStore(store) })
  })
})

/**
 * What only holds within one process. Two store objects on the same data are what two processes have: nothing makes
 * their writes take turns, and none of them can compare and swap.
 */
const WITHIN_A_PROCESS = [
  'of many creates at once under one id, one wins',
  'of many creates at once under the id of an expired session, one wins',
  'of many saves at once onto one version, one is saved and the others are handed what it saved',
  'a counter that many increment at once misses nothing',
  'a removed session stays gone, though others save and touch it at the same time',
  'a rotation is never reverted, though others save and touch at the same time',
]

describe('fromConnectStore over two MemoryStores on the same data', () => {
  const apart = (): (() => ReturnType<typeof fromConnectStore>) => {
    const { sessions } = new MemoryStore()
    return () => fromConnectStore(Object.assign(new MemoryStore(), { sessions }))
  }
  const kept = cases.filter(({ name }) => !WITHIN_A_PROCESS.includes(name))
  const broken = cases.filter(({ name }) => WITHIN_A_PROCESS.includes(name))

  it.each(kept.map((c) => [c.name, c] as const))('passes the case: %s', async (_, { run }) => {
    await run({ open: apart() })
  })

  it.each(broken.map((c) => [c.name, c] as const))('does not keep, as its page says: %s', async (_, { run }) => {
    await expect(run({ open: apart() })).rejects.toMatchObject({ name: 'StoreCaseError' })
  })
})

it('fromConnectStore cannot list, and its type says so', () => {
  const store = fromConnectStore(new MemoryStore())
  // @ts-expect-error there is no list
  expect(store.list).toBeUndefined()
  // @ts-expect-error nor anything that needs one
  expect(store.removeAll).toBeUndefined()
})

describe('what it gives to keep', () => {
  it('has a cookie that expires ten minutes after the session', async () => {
    const given: ConnectSession[] = []
    const store = fromConnectStore(
      odd((sound) => ({
        set(sid, session, answer) {
          given.push(session)
          sound.set(sid, session, answer)
        },
      })),
    )
    await store.create('id', stored({ expiresAt: NOW + 60_000, principal: 'ada' }), call)
    await store.touch('id', NOW + 120_000, { now: NOW + 1000 })
    expect(given).toEqual([
      {
        cookie: {
          originalMaxAge: 660_000,
          maxAge: 660_000,
          expires: new Date(NOW + 660_000),
          httpOnly: true,
          path: '/',
        },
        sojourn: stored({ expiresAt: NOW + 60_000, principal: 'ada' }),
      },
      {
        cookie: {
          originalMaxAge: 719_000,
          maxAge: 719_000,
          expires: new Date(NOW + 720_000),
          httpOnly: true,
          path: '/',
        },
        sojourn: stored({ expiresAt: NOW + 120_000, principal: 'ada' }),
      },
    ])
  })

  it('comes back as an object or as JSON, and what is not ours is absent', async () => {
    let there: unknown
    const store = fromConnectStore(odd(() => ({ get: (_, answer) => answer(null, there) })))
    const ours = { cookie: {}, sojourn: stored() }
    for (there of [ours, JSON.stringify(ours)]) expect(await store.load('id', call)).toEqual(stored())
    const spoilt = [{ version: '1' }, { expiresAt: null }, { principal: 7 }, { body: {} }]
    const foreign = [null, undefined, '', 'x', 'null', 7, [], { cookie: {}, user: 'ada' }, { sojourn: null }]
    for (there of [...foreign, ...spoilt.map((fields) => ({ sojourn: { ...stored(), ...fields } }))]) {
      expect(await store.load('id', call)).toBeUndefined()
    }
  })

  it('is absent where the store says that there is no such file', async () => {
    const missing = Object.assign(new Error('none'), { code: 'ENOENT' })
    const store = fromConnectStore(
      odd(() => ({ get: (_, answer) => answer(missing), destroy: (_, answer) => answer(missing) })),
    )
    expect(await store.load('id', call)).toBeUndefined()
    expect(await store.save('id', stored({ version: 2 }), 1, call)).toBe('gone')
    expect(await store.create('id', stored(), call)).toBe(true)
    await store.remove('id', call)
  })
})

describe('a store that misbehaves', () => {
  const broken = new Error('broken')
  const verbs = (store: ReturnType<typeof fromConnectStore>, signal?: AbortSignal): (() => Promise<unknown>)[] => {
    const with_ = { ...call, ...(signal ? { signal } : {}) }
    return [
      () => store.load('id', with_),
      () => store.create('id', stored(), with_),
      () => store.save('id', stored({ version: 2 }), 1, with_),
      () => store.touch('id', NOW + 9e6, with_),
      () => store.remove('id', with_),
    ]
  }

  it.each<[string, (...args: unknown[]) => unknown]>([
    ['calls back with an error', (...args) => (args.at(-1) as (error: unknown) => void)(broken)],
    [
      'throws',
      () => {
        throw broken
      },
    ],
    ['rejects, and never calls back', () => Promise.reject(broken)],
    [
      'calls back with an error and rejects',
      async (...args) => {
        ;(args.at(-1) as (error: unknown) => void)(broken)
        throw broken
      },
    ],
  ])('%s: a failure, with its error as the cause', async (_, fail) => {
    const store = fromConnectStore({ get: fail, set: fail, destroy: fail })
    for (const verb of verbs(store)) {
      await expect(verb()).rejects.toMatchObject({ code: 'ERR_SOJOURN_STORE', cause: broken })
    }
  })

  it('answers twice, or answers and then throws: the first answer counts', async () => {
    const store = fromConnectStore(
      odd((sound) => ({
        get: (sid, answer) =>
          sound.get(sid, (_, session) => {
            answer(null, session)
            answer(broken)
          }),
        set(sid, session, answer) {
          sound.set(sid, session, () => undefined)
          answer()
          answer(broken)
          throw broken
        },
        destroy(sid, answer) {
          sound.destroy(sid, () => undefined)
          answer(null)
          return Promise.reject(broken)
        },
      })),
    )
    expect(await store.create('id', stored(), call)).toBe(true)
    expect(await store.save('id', stored({ version: 2 }), 1, call)).toBe('saved')
    expect(await store.load('id', call)).toEqual(stored({ version: 2 }))
    await store.remove('id', call)
    expect(await store.load('id', call)).toBeUndefined()
  })

  it('never answers: a call ends when its caller gives up', async () => {
    const silent = (): void => undefined
    const giveUp = new AbortController()
    const store = fromConnectStore({ get: silent, set: silent, destroy: silent })
    const ends = verbs(store, giveUp.signal).map((verb) => expect(verb()).rejects.toBe(broken))
    giveUp.abort(broken)
    await Promise.all(ends)
    for (const verb of verbs(store, giveUp.signal)) await expect(verb()).rejects.toBe(broken)
  })

  it('never answers, and nobody gives up: a call ends after a minute, and the next one is served', async () => {
    vi.useFakeTimers()
    let silent = true
    const store = fromConnectStore(
      odd((sound) => ({ set: (sid, session, answer) => (silent ? undefined : sound.set(sid, session, answer)) })),
    )
    const failed = expect(store.create('id', stored(), call)).rejects.toMatchObject({
      code: 'ERR_SOJOURN_STORE_TIMEOUT',
    })
    await vi.advanceTimersByTimeAsync(ANSWER_MAX_MS - 1)
    silent = false
    const next = store.create('id', stored(), call)
    await vi.advanceTimersByTimeAsync(2)
    await failed
    expect(await next).toBe(true)
  })

  it('never answers: a request ends within the manager’s limit', async () => {
    const silent = (): void => undefined
    const store = fromConnectStore({ get: silent, set: silent, destroy: silent })
    const sessions = createSessions({ store, storeTimeout: 0.05 })
    const cookie = `__Host-sid=${'a'.repeat(21)}A.${'b'.repeat(42)}A`
    const failure = { code: 'ERR_SOJOURN_STORE_TIMEOUT' }
    await expect(sessions.open({ cookie, secure: true })).rejects.toMatchObject(failure)
    await sessions.close()
  })

  it('takes its time for a write that nobody waits for any more: a removal comes after it, and holds', async () => {
    const gate = new Gate()
    const store = fromConnectStore(
      odd((sound) => ({
        async set(sid, session, answer) {
          if (session.sojourn.version === 2) await gate.pass()
          sound.set(sid, session, answer)
        },
      })),
    )
    await store.create('id', stored(), call)
    const giveUp = new AbortController()
    const save = store.save('id', stored({ version: 2 }), 1, { ...call, signal: giveUp.signal })
    await gate.reached
    giveUp.abort(broken)
    await expect(save).rejects.toBe(broken)
    const removal = store.remove('id', call)
    gate.open()
    await removal
    expect(await store.load('id', call)).toBeUndefined()
  })

  it('answers a read after its caller has gone: nothing is written for them', async () => {
    const gate = new Gate()
    const store = fromConnectStore(
      odd((sound) => ({
        async get(sid, answer) {
          await gate.pass()
          sound.get(sid, answer)
        },
      })),
    )
    const giveUp = new AbortController()
    const creation = store.create('id', stored(), { ...call, signal: giveUp.signal })
    await gate.reached
    giveUp.abort(broken)
    gate.open()
    await expect(creation).rejects.toBe(broken)
    // In line behind it, so that it comes after whatever it did.
    expect(await store.touch('id', NOW + 9e6, call)).toBe(false)
  })

  it.each(['get', 'set', 'destroy'] as const)('without %s is refused', (method) => {
    const store = odd(() => ({ [method]: undefined }))
    expect(() => fromConnectStore(store)).toThrow(expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG' }) as Error)
  })
})
