import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Store } from '../../src/core/store.ts'
import { LOOK_EVERY_MS } from '../../src/shell/watches.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import { type MapStore, mapStore } from '../support/map-store.ts'
import { MINUTE, scene, type Scene, SECOND, settled, type TestData } from '../support/scene.ts'
import type { Visitor } from '../support/visitor.ts'
import { warnings } from '../support/warnings.ts'

const idOf = ({ token }: Visitor<TestData>): string => token.split('.')[0]!

/** Watches a session of a manager's; tells how often its end was told. */
function watch(app: Scene, visitor: Visitor<TestData>): { told: number; stop: () => void } {
  const watched = { told: 0, stop: () => {} }
  watched.stop = app.sessions.watch(idOf(visitor), () => void watched.told++)
  return watched
}

/** Lets so much time pass, for the manager and for its timers. */
async function pass(app: Scene, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= SECOND) {
    const step = Math.min(left, SECOND)
    app.clock.advance(step)
    await vi.advanceTimersByTimeAsync(step)
  }
  await settled()
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a watch tells at once of a session that its own manager ended', () => {
  it.each<[string, (app: Scene, alice: Visitor<TestData>) => unknown]>([
    ['by destroy()', (_, alice) => alice.visit((session) => session.destroy())],
    ['by revoke()', (app, alice) => app.sessions.revoke(idOf(alice))],
    ['by revokeAll()', (app) => app.sessions.revokeAll('alice')],
    ['by revokeAll() but another one', (app) => app.sessions.revokeAll('alice', { except: 'another' })],
    ['by a sign-in that was one too many', (app) => app.signedIn('alice')],
    ['by a sign-in as somebody else', (_, alice) => alice.visit((session) => (session.user = { id: 'bob' }))],
    ['by a sign-out that keeps the data', (_, alice) => alice.visit((session) => delete session.user)],
  ])('%s', async (_, end) => {
    const app = scene({ maxSessions: 1 })
    const alice = await app.signedIn()
    const bob = await app.signedIn('carol')
    const [one, two, other] = [watch(app, alice), watch(app, alice), watch(app, bob)]
    await settled()
    expect([one.told, two.told]).toEqual([0, 0])
    await end(app, alice)
    await settled()
    expect([one.told, two.told, other.told]).toEqual([1, 1, 0])
  })

  it('even when the watch has only just begun', async () => {
    const app = scene({ slow: true })
    const alice = await app.signedIn()
    const held = app.store.holdAnswer('load')
    const watched = watch(app, alice)
    await held.reached
    // The look that is under way has seen the session.
    await app.beside().sessions.revokeAll('alice')
    await app.sessions.revokeAll('alice')
    expect(watched.told).toBe(0)
    held.open()
    await settled()
    expect(watched.told).toBe(1)
  })
})

describe('a watch tells of a session that another process ended', () => {
  it('within 30 seconds, on a store that tells nothing', async () => {
    const app = scene()
    const watched = watch(app, await app.signedIn())
    await app.beside().sessions.revokeAll('alice')
    await pass(app, LOOK_EVERY_MS - 1)
    expect(watched.told).toBe(0)
    await pass(app, 1)
    expect(watched.told).toBe(1)
    expect(LOOK_EVERY_MS).toBe(30 * SECOND)
  })

  it('at once, on a store that tells of changes', async () => {
    const { store, rows, listeners } = telling()
    const app = scene({}, { ...store, rows } as MapStore)
    const alice = await app.signedIn()
    const watched = watch(app, alice)
    await settled()
    await alice.visit((session) => (session['note'] = 'a change is no end'))
    expect(watched.told).toBe(0)
    await app.beside().sessions.revoke(idOf(alice))
    await settled()
    expect(watched.told).toBe(1)
    expect(listeners.size).toBe(0)
  })

  it('and when news comes while it is looking, looks once more, however much of it comes', async () => {
    const { store, rows, listeners } = telling()
    const app = scene({ slow: true }, { ...store, rows } as MapStore)
    const alice = await app.signedIn()
    const watched = watch(app, alice)
    await settled()
    const held = app.store.holdAnswer('load')
    const tell = (): void => listeners.forEach((fn) => fn(idOf(alice)))
    tell()
    await held.reached
    rows.delete(idOf(alice))
    app.store.calls.length = 0
    for (let times = 0; times < 100; times++) tell()
    held.open()
    await settled()
    expect(watched.told).toBe(1)
    expect(app.store.calls).toEqual(['load'])
  })

  it('though the news was lost', async () => {
    const { store, rows } = telling()
    const app = scene({}, { ...store, rows } as MapStore)
    const alice = await app.signedIn()
    const watched = watch(app, alice)
    await settled()
    rows.delete(idOf(alice))
    await pass(app, LOOK_EVERY_MS)
    expect(watched.told).toBe(1)
  })
})

describe('a watch tells of an expiry', () => {
  it('at that very instant', async () => {
    const app = scene({ idleTimeout: 100 })
    const watched = watch(app, await app.signedIn())
    await pass(app, 98_999)
    expect(watched.told).toBe(0)
    await pass(app, 1)
    expect(watched.told).toBe(1)
  })

  it('later when the session was used in another process meanwhile', async () => {
    const app = scene({ idleTimeout: 100 })
    const alice = await app.signedIn()
    const watched = watch(app, alice)
    await pass(app, 95 * SECOND)
    app.rows.set(idOf(alice), { ...app.rows.get(idOf(alice))!, expiresAt: app.clock() + 100 * SECOND })
    await pass(app, 99_999)
    expect(watched.told).toBe(0)
    await pass(app, 1)
    expect(watched.told).toBe(1)
  })

  it('by the limits as they are configured now', async () => {
    const clock = fakeClock()
    const map = mapStore()
    const alice = await scene({}, map, clock).signedIn()
    const strict = scene({ idleTimeout: 10, lifetime: 10 }, map, clock)
    const watched = watch(strict, alice)
    await pass(strict, 10 * SECOND)
    expect(watched.told).toBe(1)
  })

  it('and not before, however far away it is', async () => {
    const app = scene({ idleTimeout: 300 * 86_400, lifetime: 300 * 86_400 })
    const watched = watch(app, await app.signedIn())
    await pass(app, 10 * MINUTE)
    expect(watched.told).toBe(0)
  })
})

describe('a watch', () => {
  it('does not take a new token for an end', async () => {
    const app = scene({ rotateEvery: 60 })
    const alice = await app.signedIn()
    const watched = watch(app, alice)
    await settled()
    await alice.visit((session) => session.regenerate())
    app.clock.advance(MINUTE)
    expect((await alice.visit()).cookie).toBeDefined()
    await pass(app, LOOK_EVERY_MS)
    expect(watched.told).toBe(0)
  })

  it('lives on with the one session that revokeAll() spares', async () => {
    const app = scene()
    const [here, elsewhere] = [await app.signedIn(), await app.signedIn()]
    const [spared, ended] = [watch(app, here), watch(app, elsewhere)]
    await settled()
    await app.sessions.revokeAll('alice', { except: idOf(here) })
    await settled()
    expect([spared.told, ended.told]).toEqual([0, 1])
  })

  it('tells of a sign-in on an anonymous session as of an end: it is another person’s', async () => {
    const app = scene()
    const known = await app.known()
    const watched = watch(app, known)
    await settled()
    await known.visit((session) => (session.user = { id: 'alice' }))
    await settled()
    expect(watched.told).toBe(1)
  })

  it.each([
    ['that has ended already', 'AAAAAAAAAAAAAAAAAAAAAA'],
    ['that cannot be', '../../etc'],
  ])('of a session %s tells so, though never before it has begun', async (_, id) => {
    const app = scene()
    let told = 0
    app.sessions.watch(id, () => told++)
    expect(told).toBe(0)
    await settled()
    expect(told).toBe(1)
  })

  it('tells once, and nothing after it was stopped', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const [kept, stopped] = [watch(app, alice), watch(app, alice)]
    await settled()
    stopped.stop()
    stopped.stop()
    await app.sessions.revoke(idOf(alice))
    await app.sessions.revokeAll('alice')
    await pass(app, 5 * MINUTE)
    expect([kept.told, stopped.told]).toEqual([1, 0])
  })

  it('takes a store that fails for no end, and goes on looking', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const watched = watch(app, alice)
    await settled()
    app.store.fail('load', 2)
    await pass(app, LOOK_EVERY_MS)
    await pass(app, LOOK_EVERY_MS)
    expect(watched.told).toBe(0)
    expect(app.takeTold()).toEqual(['store-error', 'store-error'])
    app.rows.clear()
    await pass(app, LOOK_EVERY_MS)
    expect(watched.told).toBe(1)
  })

  it('moves no expiry: to be connected is no activity', async () => {
    const app = scene({ idleTimeout: 3600 })
    const alice = await app.signedIn()
    const { expiresAt } = app.rows.get(idOf(alice))!
    watch(app, alice)
    await pass(app, 30 * MINUTE)
    expect(app.rows.get(idOf(alice))!.expiresAt).toBe(expiresAt)
    expect(new Set(app.store.calls)).toEqual(new Set(['load']))
  })

  it('hears of a listener that throws, and harms nobody by it', async () => {
    const app = scene()
    const alice = await app.signedIn()
    app.sessions.watch(idOf(alice), () => {
      throw new Error('on purpose')
    })
    const other = watch(app, alice)
    const raised = await warnings(() => app.sessions.revoke(idOf(alice)))
    expect(raised).toMatchObject([{ code: 'SOJOURN_LISTENER' }])
    expect(other.told).toBe(1)
  })

  it('shares one subscription to changes with all others, made at the first and ended with the last', async () => {
    const { store, rows, listeners } = telling()
    const app = scene({}, { ...store, rows } as MapStore)
    const [alice, bob] = [await app.signedIn(), await app.signedIn('bob')]
    expect(listeners.size).toBe(0)
    const watches = [watch(app, alice), watch(app, alice), watch(app, bob)]
    expect(listeners.size).toBe(1)
    for (const { stop } of watches) {
      expect(listeners.size).toBe(1)
      stop()
    }
    expect([listeners.size, vi.getTimerCount()]).toEqual([0, 0])
    watch(app, alice)
    expect(listeners.size).toBe(1)
  })

  it('ends with close, and leaves nothing behind', async () => {
    const { store, rows, listeners } = telling()
    const app = scene({}, { ...store, rows } as MapStore)
    const alice = await app.signedIn()
    const [one, two] = [watch(app, alice), watch(app, await app.signedIn('bob'))]
    await settled()
    expect(vi.getTimerCount()).toBe(2)
    const closing = watch(app, alice)
    await app.sessions.close()
    await settled()
    expect([listeners.size, vi.getTimerCount()]).toEqual([0, 0])
    await app.beside().sessions.revokeAll('alice')
    await pass(app, 5 * MINUTE)
    expect([one.told, two.told, closing.told]).toEqual([0, 0, 0])
  })

  it('keeps no process alive', async () => {
    vi.useRealTimers()
    const app = scene()
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const watched = watch(app, await app.signedIn())
    await settled()
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout')).toHaveLength(before)
    watched.stop()
  })

  it('is refused for sessions in their cookies', () => {
    const { sessions } = scene({ store: { seal: () => '', unseal: () => undefined } })
    expect(() => sessions.watch('AAAAAAAAAAAAAAAAAAAAAA', () => {})).toThrow(
      expect.objectContaining({ code: 'ERR_SOJOURN_UNSUPPORTED' }) as Error,
    )
  })
})

/** A store that tells of saves and removals, and who listens. */
function telling(): { store: Store; rows: MapStore['rows']; listeners: Set<(id: string) => void> } {
  const map = mapStore()
  const listeners = new Set<(id: string) => void>()
  const tell = (id: string): void => listeners.forEach((fn) => fn(id))
  const store: Store = {
    ...map,
    async save(...given) {
      const saved = await map.save(...given)
      tell(given[0])
      return saved
    },
    async remove(...given) {
      await map.remove(...given)
      tell(given[0])
    },
    changes(fn) {
      const listener = (id: string): void => fn(id)
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  return { store, rows: map.rows, listeners }
}
