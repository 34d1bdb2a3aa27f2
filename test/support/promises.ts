/** What the tests of the promises share: the places where each is kept, and an application in two processes there. */
import { describe } from 'vitest'
import { fakeClock, type FakeClock } from '../../src/testing/clock.ts'
import type { Options } from '../../src/core/options.ts'
import type { Store, StoredSession } from '../../src/core/store.ts'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import type { EventName, SessionEvent } from '../../src/shell/events.ts'
import { type AdapterEntry, adapters, type App, type Free } from './adapters.ts'
import { Browser } from './client.ts'
import { type PromiseName, PROMISES } from './promise-table.ts'
import { type OpenStore, type StoreEntry, stores } from './stores.ts'
import { WatchedStore } from './watched-store.ts'

/** A store and an adapter. */
export interface Setting {
  readonly name: string
  readonly storeName: string
  readonly store: StoreEntry
  readonly adapter: AdapterEntry
  /** Whether it is the adapter that every store goes through. */
  readonly isFirstAdapter: boolean
  /** Of so many rounds, how many are enough here: a fifth on a slow engine. */
  rounds(most: number): number
}

/** Every store through one adapter, and every adapter on one store. */
export const settings: readonly Setting[] = Object.entries(adapters).flatMap(([adapterName, adapter], adapterAt) =>
  Object.entries(stores)
    .filter((_, storeAt) => adapterAt === 0 || storeAt === 0)
    .map(([storeName, store]) => ({
      name: `${storeName}, ${adapterName}`,
      storeName,
      store,
      adapter,
      isFirstAdapter: adapterAt === 0,
      rounds: (most) => (store.isSlow ? most / 5 : most),
    })),
)

/** Describes a promise in each of these settings. */
export function promiseSuite(promise: PromiseName, suite: (setting: Setting) => void): void {
  for (const setting of settings) {
    const { name, storeName, store } = setting
    keptSuite(promise, name, { ...store, store: storeName }, () => suite(setting))
  }
}

/** Describes a promise on one store, as far as that keeps it, so that the README's table can tell of it. */
export function keptSuite(
  promise: PromiseName,
  name: string,
  { store, keeps, cannotList }: Pick<StoreEntry, 'keeps' | 'cannotList'> & { store: string },
  suite: () => void,
): void {
  const words = keeps?.[promise] ?? '✓'
  if (words === 'no') return
  describe(`${PROMISES[promise]}: ${name}`, { meta: { kept: { promise, store, words, lists: !cannotList } } }, suite)
}

/** A process of an application: its manager and its server. */
export interface Process {
  readonly sessions: Sessions<Free>
  readonly port: number
  browser(cookie?: string): Browser
}

/** An application in two processes on one engine, with one clock. */
export interface World {
  readonly clock: FakeClock
  /** The engine itself, which nobody watches. */
  readonly engine: Store
  readonly dump: OpenStore['dump']
  /** The store of `here`: its calls are written down, and can be held. */
  readonly watched: WatchedStore
  readonly here: Process
  /** Another process on the same engine. */
  readonly there: Process
  /** What both told, in order. */
  events: SessionEvent[]
  /** The events told since the last time, without those that every sign-in brings. */
  takeEvents(): SessionEvent[]
  /** What the engine has under an id, now. */
  stored(id: string): Promise<StoredSession | undefined>
  close(): Promise<void>
}

/** What is otherwise in the process `here`. */
export interface Otherwise {
  /** Puts trouble between the manager and the engine. */
  readonly around?: (engine: Store) => Store
  readonly options?: Options<Free>
}

export async function openWorld(
  setting: Setting,
  app: App,
  options: Options<Free> = {},
  { around = (engine) => engine, options: ownOptions }: Otherwise = {},
): Promise<World> {
  const { store: engine, dump, close } = await setting.store.open()
  if ('removeAll' in engine === (setting.store.cannotList === true))
    throw new Error('cannotList is not what the store can')
  const clock = fakeClock()
  const watched = new WatchedStore(around(engine))
  const events: SessionEvent[] = []
  const start = async (store: Store, own?: Options<Free>): Promise<Process & { stop(): Promise<void> }> => {
    // What counts is that a response waits, not for how long: so many at once are much for a small server.
    const patience = setting.store.isSlow ? { storeTimeout: 30 } : {}
    const sessions = createSessions<Free>({ ...patience, ...options, ...own, store, clock })
    for (const name of EVENTS) sessions.on(name, (event) => events.push(event))
    const serving = await setting.adapter.start(sessions, app)
    return {
      sessions,
      port: serving.port,
      browser: (cookie) => new Browser(serving.port, cookie),
      async stop() {
        await serving.close()
        await sessions.close()
      },
    }
  }
  const [here, there] = [await start(watched.store, ownOptions), await start(engine)]
  return {
    clock,
    engine,
    dump,
    watched,
    here,
    there,
    events,
    takeEvents: () => events.splice(0).filter(({ type }) => !USUAL.has(type)),
    stored: async (id) => engine.load(id, { now: clock() }),
    async close() {
      await here.stop()
      await there.stop()
      await close()
    },
  }
}

let users = 0

/** A user whom nobody has met: others' revocations are none of theirs. */
export function newUser(): string {
  return `user-${++users}`
}

const USUAL: ReadonlySet<EventName> = new Set(['created', 'signed-in', 'rotated', 'conflict'])

const EVENTS: readonly EventName[] = [
  'created',
  'signed-in',
  'rotated',
  'destroyed',
  'revoked',
  'expired',
  'evicted',
  'conflict',
  'dropped-write',
  'bad-token',
  'token-reuse',
  'ambiguous-cookie',
  'unreadable',
  'store-error',
  'warning',
]
