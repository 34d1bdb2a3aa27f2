/** Requests that go on through a fault, each counting on a session of its own, and what became of them. */
import { createSessions, type Sessions } from '../../src/sessions.ts'
import type { Store } from '../../src/core/store.ts'
import { until } from '../servers/_process.ts'

interface Data {
  count: number
  user?: string
}

/** What has become of one session's requests. */
export interface Lane {
  readonly id: string
  /** How many updates were asked for, and how many of them were answered with success. */
  attempted: number
  acknowledged: number
}

/** How long (seconds) one call to the store may take here. */
const STORE_TIMEOUT = 1

/** An update is a load and a save, and a save again after a conflict; beyond this it hangs. */
const LONGEST_MS = 10_000

export class Traffic {
  readonly sessions: Sessions<Data>
  readonly lanes: Lane[] = []
  /** What requests failed with, and what the events told. */
  readonly errors: unknown[] = []
  readonly told: unknown[] = []
  longestMs = 0
  readonly #running: Promise<void>[] = []
  #stopped = false

  constructor(store: Store) {
    this.sessions = createSessions<Data>({ store, storeTimeout: STORE_TIMEOUT })
    this.sessions.on('store-error', ({ error }) => this.told.push(error))
  }

  /** Creates the sessions, each at 0. */
  async begin(count: number): Promise<this> {
    for (let n = 0; n < count; n++) {
      const session = await this.sessions.open({ cookie: null, secure: true })
      Object.assign(session, { count: 0, user: `user-${n}` })
      await this.sessions.commit(session)
      this.lanes.push({ id: session.id, attempted: 0, acknowledged: 0 })
    }
    return this
  }

  /** Lets the requests go, one after another on each session, until they are stopped. */
  go(): void {
    for (const lane of this.lanes) this.#running.push(this.#run(lane))
  }

  /** Waits until every session has been counted on anew: the service is there. */
  async isServed(): Promise<void> {
    const before = this.lanes.map(({ acknowledged }) => acknowledged)
    await until('every session is served', () => this.lanes.every((lane, n) => lane.acknowledged > before[n]! + 5))
  }

  /** Waits until a request has failed since. */
  async hasFailed(): Promise<void> {
    const before = this.errors.length
    await until('a request fails', () => this.errors.length > before)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
  }

  /** By session, what was counted, as a manager over another connection reads it. */
  async counted(store: Store): Promise<number[]> {
    const sessions = createSessions<Data>({ store })
    return Promise.all(this.lanes.map(async ({ id }) => (await sessions.read(id))?.data.count ?? -1))
  }

  /** What is wrong with how it went: requests that hung, errors that are not the store's, failures nobody was told of. */
  complaints(): unknown[] {
    const hung = this.longestMs > LONGEST_MS ? [`a request took ${this.longestMs} ms`] : []
    const foreign = this.errors.filter((error) => !CODES.has((error as { code: string }).code))
    const untold = this.errors.filter((error) => !this.told.includes(error))
    return [...hung, ...foreign, ...untold]
  }

  async #run(lane: Lane): Promise<void> {
    while (!this.#stopped) {
      const startedAt = performance.now()
      lane.attempted++
      try {
        await this.sessions.update(lane.id, increment)
        lane.acknowledged++
      } catch (error) {
        this.errors.push(error)
        // Failures that come at once must not keep the process from hearing of anything else.
        await new Promise((resolve) => setImmediate(resolve))
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - startedAt)
    }
  }
}

/** One more. */
export function increment(data: Partial<Data>): void {
  data.count = Number(data.count) + 1
}

const CODES = new Set(['ERR_SOJOURN_STORE', 'ERR_SOJOURN_STORE_TIMEOUT'])
