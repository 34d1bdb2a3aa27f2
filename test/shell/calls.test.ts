import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { UsageError } from '../../src/core/errors.ts'
import type { StoreCall } from '../../src/core/store.ts'
import { Calls } from '../../src/shell/calls.ts'
import { Events, type SessionEvent } from '../../src/shell/events.ts'
import { rejection } from '../support/scene.ts'

const NOW = 1_000_000
const LIMIT_MS = 5000
const never = new Promise<never>(() => {})
const down = new Error('connection lost')
const failed = expect.objectContaining({ name: 'StoreError', code: 'ERR_SOJOURN_STORE', status: 503, cause: down })
const late = expect.objectContaining({ name: 'StoreError', code: 'ERR_SOJOURN_STORE_TIMEOUT', status: 503 })

function made(): { calls: Calls; told: SessionEvent[] } {
  const events = new Events(() => NOW)
  const told: SessionEvent[] = []
  events.on('store-error', (event) => told.push(event))
  return { calls: new Calls(() => NOW, LIMIT_MS, events), told }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a call to the store', () => {
  it('tells the store the time and what the caller saw', () => {
    const { calls } = made()
    const seen: StoreCall[] = []
    for (const context of [{ principalBefore: 'alice' }, { principalBefore: null }, {}])
      void calls.make('remove', context, (call) => void seen.push(call))
    expect(seen.map(({ now }) => now)).toEqual([NOW, NOW, NOW])
    expect(seen.map(({ principalBefore }) => principalBefore)).toEqual(['alice', null, undefined])
  })

  it('is answered at once by a store that answers at once', () => {
    expect(made().calls.make('load', {}, () => 'answer')).toBe('answer')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is answered later by a store that answers later, and leaves no timer behind', async () => {
    const answer = made().calls.make('load', {}, async () => 'answer')
    expect(vi.getTimerCount()).toBe(1)
    expect(await answer).toBe('answer')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that throws at once is a StoreError at once, and an event', () => {
    const { calls, told } = made()
    const throws = (): never => {
      throw down
    }
    expect(() => calls.make('load', { id: 'x' }, throws)).toThrow(failed)
    expect(told).toEqual([{ type: 'store-error', at: NOW, id: 'x', reason: 'load', error: failed }])
  })

  it('that rejects is a StoreError, and an event', async () => {
    const { calls, told } = made()
    const call = calls.make('save', { id: 'x' }, () => Promise.reject(down))
    expect(await rejection(Promise.resolve(call))).toEqual(failed)
    expect(told).toEqual([{ type: 'store-error', at: NOW, id: 'x', reason: 'save', error: failed }])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("keeps what the store says in Sojourn's own words", async () => {
    const { calls, told } = made()
    const own = new UsageError('ERR_SOJOURN_TOO_LARGE', 'too large; store less')
    expect(await rejection(Promise.resolve(calls.make('save', {}, () => Promise.reject(own))))).toBe(own)
    expect(told).toMatchObject([{ type: 'store-error', error: own }])
  })

  it('that is never answered is a StoreError when its time is over, and not before', async () => {
    const { calls, told } = made()
    const call = rejection(Promise.resolve(calls.make('load', { id: 'x' }, () => never)))
    await vi.advanceTimersByTimeAsync(LIMIT_MS - 1)
    expect(told).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(await call).toEqual(late)
    expect(await call).toMatchObject({ message: expect.stringMatching(/load within 5 s; .*storeTimeout$/) as string })
    expect(told).toMatchObject([{ type: 'store-error', id: 'x', reason: 'load' }])
  })

  it('whose answer comes too late troubles nobody', async () => {
    let fail!: (error: Error) => void
    const call = made().calls.make('load', {}, () => new Promise((_, reject) => (fail = reject)))
    const rejected = rejection(Promise.resolve(call))
    await vi.advanceTimersByTimeAsync(LIMIT_MS)
    expect(await rejected).toEqual(late)
    fail(down)
  })
})

describe("a call's signal", () => {
  const signalOf = async (
    context: { signal?: AbortSignal },
    answer: () => Promise<unknown>,
  ): Promise<{ call: StoreCall; ended: Promise<unknown> }> => {
    let call!: StoreCall
    const ended = Promise.resolve(
      made().calls.make('load', context, (given) => {
        call = given
        return answer()
      }),
    ).catch((error: unknown) => error)
    return { call, ended }
  }

  it('is aborted when its time is over', async () => {
    const { call, ended } = await signalOf({}, () => never)
    const { signal } = call
    expect(signal?.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(LIMIT_MS)
    await ended
    expect(signal?.aborted).toBe(true)
  })

  it('is aborted too for a store that looks at it only then', async () => {
    const { call, ended } = await signalOf({}, () => never)
    await vi.advanceTimersByTimeAsync(LIMIT_MS)
    await ended
    expect(call.signal?.aborted).toBe(true)
  })

  it('is aborted when the caller has gone', async () => {
    const gone = new AbortController()
    const { call } = await signalOf({ signal: gone.signal }, () => never)
    expect(call.signal?.aborted).toBe(false)
    gone.abort()
    expect(call.signal?.aborted).toBe(true)
  })

  it('stays quiet when the call was answered', async () => {
    const { call, ended } = await signalOf({}, async () => 'answer')
    const { signal } = call
    await ended
    await vi.advanceTimersByTimeAsync(LIMIT_MS)
    expect(signal?.aborted).toBe(false)
  })
})

describe('a listing', () => {
  const all = async (rows: AsyncIterable<unknown>, seen: unknown[] = []): Promise<unknown[]> => {
    for await (const row of rows) seen.push(row)
    return seen
  }

  it('gives what the store gives', async () => {
    const rows = async function* (): AsyncGenerator<number> {
      yield 1
      yield 2
    }
    expect(await all(made().calls.iterate('list', rows))).toEqual([1, 2])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that fails in its midst is a StoreError, and an event', async () => {
    const { calls, told } = made()
    const seen: unknown[] = []
    const rows = async function* (): AsyncGenerator<number> {
      yield 1
      throw down
    }
    expect(await rejection(all(calls.iterate('list', rows), seen))).toEqual(failed)
    expect(seen).toEqual([1])
    expect(told).toMatchObject([{ type: 'store-error', reason: 'list' }])
  })

  it('that throws before its first step is a StoreError too', async () => {
    const { calls, told } = made()
    const throws = (): never => {
      throw down
    }
    expect(await rejection(all(calls.iterate('list', throws)))).toEqual(failed)
    expect(told).toHaveLength(1)
  })

  it('has its time for each step, and ends when a step is never answered', async () => {
    const { calls } = made()
    const rows = async function* (): AsyncGenerator<number> {
      yield 1
      await never
    }
    const seen: unknown[] = []
    const ended = rejection(all(calls.iterate('scan', rows), seen))
    await vi.advanceTimersByTimeAsync(LIMIT_MS)
    expect(await ended).toEqual(late)
    expect(seen).toEqual([1])
  })

  it('is closed when nobody wants more of it', async () => {
    let closed = false
    const rows = async function* (): AsyncGenerator<number> {
      try {
        for (let at = 0; ; at++) yield at
      } finally {
        closed = true
      }
    }
    for await (const row of made().calls.iterate('list', rows)) if (row === 2) break
    expect(closed).toBe(true)
  })
})
