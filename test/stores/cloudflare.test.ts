/** The Cloudflare stores in workerd, Cloudflare's own runtime, through miniflare. */
import { afterAll, describe, expect, it } from 'vitest'
import {
  d1Store,
  durableObjectStore,
  migrationSql,
  SojournObject,
  workersKvStore,
} from '../../src/stores/cloudflare.ts'
import { startWorkerd } from '../servers/workerd.ts'

const worker = await startWorkerd()
const ask = (path: string, headers: Record<string, string> = {}) => worker.ask(path, { headers })
const casesOf = async (store: string): Promise<string[]> => (await (await ask(store)).json()) as string[]

afterAll(() => worker.stop())

describe.each(['objects', 'd1'])('the %s store in workerd', async (store) => {
  const cases = await casesOf(store)

  it.each(cases.map((name, at) => [name, at] as const))('%s', async (_, at) => {
    const answer = await ask(`${store}/${at}`)
    expect(await answer.text()).toBe('passed')
  })

  it('carries a manager: a visitor is counted', async () => {
    const first = await ask(`${store}/visit`)
    expect(await first.text()).toBe('1')
    const cookie = first.headers.get('set-cookie')!.split(';')[0]!
    const counts = await Promise.all(
      Array.from({ length: 5 }, async () => (await ask(`${store}/visit`, { cookie })).text()),
    )
    expect(counts.every((count) => Number(count) > 1)).toBe(true)
  })
})

describe.each([
  ['objects', 2_200_000],
  ['d1', 2_200_000],
  ['kv', 26_300_000],
])('the %s store, given more than the engine takes', (store, length) => {
  const now = Date.now()
  const call = async (method: string, ...args: unknown[]) =>
    (await worker.ask(`${store}/call`, { method: 'POST', body: JSON.stringify({ method, args }) })).json()
  const stored = (version: number, body: string) => ({ version, expiresAt: now + 60_000, principal: null, body })

  it('says so, and loses nothing', async () => {
    const large = 'x'.repeat(length)
    const refused = { code: 'ERR_SOJOURN_TOO_LARGE', message: expect.stringContaining('maxBytes') as string }
    expect(await call('create', 'large', stored(1, large), { now })).toEqual(refused)
    expect(await call('create', 'small', stored(1, 'small'), { now })).toBe(true)
    expect(await call('save', 'small', stored(2, large), 1, { now })).toEqual(refused)
    expect(await call('load', 'small', { now })).toEqual(stored(1, 'small'))
  })
})

describe("a principal's object in workerd", () => {
  const call = async (method: string, ...args: unknown[]): Promise<unknown> =>
    (await worker.ask('objects/call', { method: 'POST', body: JSON.stringify({ method, args }) })).json()
  const day = 86_400_000
  const now = Date.now()
  const session = (principal: string) => ({ version: 1, expiresAt: now + day, principal, body: 'line\n{}' })
  const ids = async (principal: string) => ((await call('list', principal, { now })) as [string][]).map(([id]) => id)

  it('sweeps itself when its sessions and its mark are over, and not before', async () => {
    const [longAgo, hoursAgo] = [{ now: now - 401 * day }, { now: now - day / 4 }]
    await call('create', 'of who is back', session('back'), { now })
    await call('removeAll', 'back', { except: 'of who is back' }, hoursAgo)
    await call('removeAll', 'marked', {}, hoursAgo)
    await call('create', 'of who was here', session('away'), longAgo)
    await expect.poll(() => call('revokedAt', 'marked', hoursAgo), PATIENT).toBeNull()
    await expect.poll(() => ids('away'), PATIENT).toEqual([])
    // An alarm that is to ring later is not brought nearer by a mark of then.
    expect(await ids('back')).toEqual(['of who is back'])
    expect(await call('revokedAt', 'back', hoursAgo)).toBe(hoursAgo.now)
  })
})

it("a principal's object deletes no more keys in one call than Cloudflare takes, which workerd by itself does not mind", async () => {
  const entries = new Map(Array.from({ length: 300 }, (_, at) => [`s:ended ${at}`, 0]))
  const taken: number[] = []
  const storage = {
    list: async () => new Map(entries),
    async delete(keys: string[]) {
      taken.push(keys.length)
      for (const key of keys) entries.delete(key)
    },
  }
  const object = new SojournObject({ storage } as never)
  const ids = [...entries.keys()].map((key) => key.slice(2))
  await object.fetch({ json: async () => ({ do: 'sweep', ids, now: Date.now() }) })
  expect([taken, entries.size]).toEqual([[128, 128, 44], 0])
})

/** An alarm rings when the runtime has time for it. */
const PATIENT = { timeout: 4000 }

/** The cases that KV cannot keep: it has no compare-and-swap, so of several writers at once more than one may win. */
const NOT_KEPT_BY_KV = [
  'of many creates at once under one id, one wins',
  'of many creates at once under the id of an expired session, one wins',
  'of many saves at once onto one version, one is saved and the others are handed what it saved',
  'a counter that many increment at once misses nothing',
  'a removed session stays gone, though others save and touch it at the same time',
  'a rotation is never reverted, though others save and touch at the same time',
]

describe('the KV store in workerd, which promises less', async () => {
  const cases = await casesOf('kv')

  it.each(cases.map((name, at) => [name, at] as const).filter(([name]) => !NOT_KEPT_BY_KV.includes(name)))(
    '%s',
    async (_, at) => {
      const answer = await ask(`kv/${at}`)
      expect(await answer.text()).toBe('passed')
    },
  )

  it('leaves out cases by their names, and none by a name that is no case', () => {
    expect(cases).toEqual(expect.arrayContaining(NOT_KEPT_BY_KV))
  })

  it('says in its type that it is eventually consistent, and can neither list nor revoke', () => {
    const store = workersKvStore({
      namespace: { get: async () => null, put: async () => undefined, delete: async () => undefined },
    })
    const cannot: undefined[] = [store.list, store.removeAll, store.revokedAt]
    expect([store.consistency, ...cannot]).toEqual(['eventual', undefined, undefined, undefined])
  })
})

describe('the Cloudflare stores', () => {
  it.each([
    ['durableObjectStore', () => durableObjectStore({ namespace: undefined as never })],
    ['d1Store', () => d1Store({ database: {} as never })],
    ['workersKvStore', () => workersKvStore({ namespace: {} as never })],
  ])('%s refuses what is no binding, and says what to give', (_, attempt) => {
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG', message: expect.stringContaining('env.') as string }),
    )
  })

  it('says that D1 lacks its table, and how to make it', async () => {
    const failing = { prepare: () => ({ bind: () => ({ run: missing, raw: missing }) }) }
    await expect(d1Store({ database: failing }).load('one', { now: 0 })).rejects.toMatchObject({
      code: 'ERR_SOJOURN_STORE',
      message: expect.stringContaining('migrate') as string,
    })
    expect(migrationSql({ table: 'mine' })).toContain('CREATE TABLE IF NOT EXISTS "mine"')
  })
})

function missing(): Promise<never> {
  return Promise.reject(new Error('D1_ERROR: no such table: sojourn_sessions: SQLITE_ERROR'))
}
