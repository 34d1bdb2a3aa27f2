/** A manager over a store that the test can see into, a clock that the test moves, and all that the manager tells. */
import type { Options } from '../../src/core/options.ts'
import type { StoredSession } from '../../src/core/store.ts'
import { createSessions, type Manager } from '../../src/sessions.ts'
import type { EventName, SessionEvent } from '../../src/shell/events.ts'
import type { OpenInput } from '../../src/shell/visit.ts'
import { fakeClock, type FakeClock } from '../../src/testing/clock.ts'
import { type GatedStore, gatedStore } from './gated-store.ts'
import { type MapStore, mapStore } from './map-store.ts'
import { Visitor } from './visitor.ts'

/** What the tests keep in sessions. */
export interface TestData {
  user?: { id: string; [key: string]: unknown }
  [key: string]: unknown
}

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const EVENT_NAMES: readonly EventName[] = [
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

export interface SceneOptions extends Options<TestData> {
  /** Each of the store's answers is a promise. */
  slow?: boolean
}

export interface Scene {
  readonly sessions: Manager<TestData>
  readonly clock: FakeClock
  /** What the manager calls. */
  readonly store: GatedStore
  /** What the store keeps. */
  readonly rows: Map<string, StoredSession>
  /** All that was told, in order. */
  readonly events: SessionEvent[]
  /** The names of what was told since the last time. */
  takeTold(): EventName[]
  visitor(input?: Partial<OpenInput>): Visitor<TestData>
  /** A visitor who has signed in, some time ago. */
  signedIn(id?: string): Promise<Visitor<TestData>>
  /** A visitor of whom something is remembered, though not who it is. */
  known(data?: TestData): Promise<Visitor<TestData>>
  /** Another manager on the same store, with the same clock: another process, or another application. */
  beside(options?: SceneOptions): Scene
}

export function scene(options: SceneOptions = {}, map: MapStore = mapStore(), clock: FakeClock = fakeClock()): Scene {
  const { slow, ...rest } = options
  const store = gatedStore(map, slow)
  const sessions = createSessions<TestData>({ store, clock, ...rest }) as Manager<TestData>
  const events: SessionEvent[] = []
  let taken = 0
  for (const type of EVENT_NAMES) sessions.on(type, (event) => events.push(event))
  const visitor: Scene['visitor'] = (input) => new Visitor(sessions, input)
  const known: Scene['known'] = async (data = { theme: 'dark' }) => {
    const known = visitor()
    await known.visit((session) => Object.assign(session, data))
    clock.advance(SECOND)
    store.calls.length = 0
    taken = events.length
    return known
  }
  return {
    sessions,
    clock,
    store,
    rows: map.rows,
    events,
    takeTold: () => events.slice(taken, (taken = events.length)).map(({ type }) => type),
    visitor,
    known,
    signedIn: (id = 'alice') => known({ user: { id } }),
    beside: (other = {}) => scene({ ...options, ...other }, map, clock),
  }
}

/** Lets everything run that waits for nothing but promises already settled. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`it did not reject, but gave ${String(value)}`)
    },
    (error: unknown) => error,
  )
}
