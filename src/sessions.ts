/**
 * The manager: opens a session for a request, commits it before the response, and looks after all the others.
 *
 * @module
 */
import type { Data } from './core/changes.ts'
import { UsageError } from './core/errors.ts'
import { type Options, resolveOptions } from './core/options.ts'
import type { Plan } from './core/plan.ts'
import { portOf, type Session, type SessionData } from './core/session.ts'
import type { Awaitable, Store } from './core/store.ts'
import { markMaker, secretHasher } from './core/token.ts'
import { Calls } from './shell/calls.ts'
import { type EventName, Events, type Listener } from './shell/events.ts'
import { Handle } from './shell/handle.ts'
import { Keeper } from './shell/keeper.ts'
import { Pruning } from './shell/pruning.ts'
import { Queue } from './shell/queue.ts'
import { pooledRandom } from './shell/random.ts'
import { Registry, type SessionInfo } from './shell/registry.ts'
import { isSealedStore, storeOfNothing } from './shell/sealed.ts'
import { scopeStore } from './shell/scope.ts'
import type { Shell } from './shell/shell.ts'
import { type Committed, type OpenInput, Visit } from './shell/visit.ts'
import { warner } from './shell/warnings.ts'
import { Watches } from './shell/watches.ts'
import { type MemoryStore, memoryStore } from './stores/memory.ts'

export type { SessionInfo } from './shell/registry.ts'

/** A manager of sessions: one for an application. */
export interface Sessions<T extends object = SessionData> {
  /**
   * Gives the session that a request's cookie names, or an empty one.
   *
   * Hostile, stale and unknown cookies are no error: they give an empty session, and an event.
   * @throws StoreError when the store failed and `onStoreFailure` is `error`
   */
  open(input: OpenInput): Promise<Session<T>>
  /** The session that the request goes on with: another object after `destroy()` or an emptying `regenerate()`. */
  current(session: Session<T>): Session<T>
  /**
   * Stores what the handler changed and tells which headers the response needs. May be called again.
   *
   * `Set-Cookie` is to be appended, `Vary` and `Clear-Site-Data` merged, and `Cache-Control` put in place of the handler's own unless that
   * is already `private` or `no-store`.
   * @throws StoreError, ConflictError, UsageError: nothing of the handler's response may leave then
   */
  commit(session: Session<T>, at?: { headersSent?: boolean }): Promise<{ plan: Plan; headers: [string, string][] }>
  /** Gives a session by its id. No token is needed: for administration. */
  read(id: string): Promise<{ info: SessionInfo; data: Partial<T> } | undefined>
  /**
   * Changes a session's data atomically, from outside its requests. `fn` is synchronous and may run again.
   * @throws ConflictError `ERR_SOJOURN_GONE` when there is none; UsageError when it would change the principal, since
   *   nobody could receive the new token
   */
  update<R>(id: string, fn: (data: Partial<T>) => R): Promise<R>
  /** Gives the live sessions of a principal. @throws UsageError when the store cannot list */
  list(principal: string): AsyncIterable<SessionInfo>
  /** Ends a session; `false` when there is none, or it is not that principal's. */
  revoke(id: string, only?: { principal?: string }): Promise<boolean>
  /** Ends every session of a principal, sign-ins under way included; tells how many. @throws UsageError when the store cannot */
  revokeAll(principal: string, but?: { except?: string }): Promise<number>
  /**
   * Calls `ended`, once, when the session has ended in whichever process: destroyed, revoked, evicted or expired; or when
   * it has become somebody else's. For connections that stay open: close them then. A new token is no end.
   *
   * Word comes at once from this manager and over a store's `changes`; otherwise within 30 seconds.
   * @returns the function that stops watching
   * @throws UsageError when the session lies in its cookie
   */
  watch(id: string, ended: () => void): () => void
  /** Removes up to `limit` expired sessions, default 1,000; tells how many. Stores with an expiry of their own have none. */
  prune(limit?: number): Promise<number>
  /** Listens; gives the function that ends it. */
  on(type: EventName, fn: Listener): () => void
  /** Ends the manager's own timers, and its watches. The store and its client stay open: whoever opened them closes them. */
  close(): Promise<void>
}

/** What the adapters of this package use beside the public methods: visits answer at once where the store does. */
export interface Manager<T extends object = SessionData> extends Sessions<T> {
  /** The cookie's name, domain and path: in a browser, one cookie. */
  readonly cookieScope: string
  visit(input: OpenInput): Awaitable<Visit>
  /** The bindings under which forms may have been shown to this session; none while it is not stored. */
  formBindings(session: unknown): string[]
}

/**
 * Makes a manager.
 *
 * @throws ConfigError `ERR_SOJOURN_CONFIG` when options contradict each other; the message ends with the remedy
 * @example
 * ```ts
 * const sessions = createSessions<{ user?: { id: string } }>({ idleTimeout: 3600 })
 * const session = await sessions.open({ cookie: null, secure: true })
 * session.user = { id: 'alice' }
 * const { headers } = await sessions.commit(session) // [['Set-Cookie', '__Host-sid=…'], …]
 * ```
 */
export function createSessions<T extends object = SessionData>(options: Options<T> = {}): Sessions<T> {
  return new SessionManager<T>(options)
}

// --- internal ---

class SessionManager<T extends object> implements Manager<T> {
  readonly #shell: Shell
  readonly #store: Store
  readonly #registry: Registry
  readonly #watches: Watches
  readonly #pruning: Pruning | undefined

  constructor(options: Options<T>) {
    const config = resolveOptions(options)
    const clock = options.clock ?? Date.now
    const events = new Events(clock)
    const store = options.store ?? memoryStore()
    const { namespace, cookieName } = config
    const sealed = isSealedStore(store) ? (store.bind?.({ namespace, cookie: cookieName }) ?? store) : undefined
    const reachable = sealed ? storeOfNothing(sealed, (now) => now + config.limits.lifetimeMs) : (store as Store)
    this.#store = scopeStore(reachable, config.namespace)
    const calls = new Calls(clock, config.storeTimeoutMs, events)
    const random = options.random ?? pooledRandom()
    this.#shell = {
      calls,
      sealed,
      config,
      clock,
      random,
      drawMark: markMaker(random),
      events,
      keeper: new Keeper(this.#store, calls, events, config.from),
      queue: new Queue(),
      hash: secretHasher(config.namespace, config.cookieName),
      warnOnce: warner(events),
    }
    this.#registry = new Registry(this.#shell, this.#store)
    this.#watches = new Watches(this.#shell, this.#store)
    this.#pruning = this.#store.prune && new Pruning((limit) => this.prune(limit))
    tellOfEvictions(store, events)
  }

  get cookieScope(): string {
    return this.#shell.config.cookieScope
  }

  visit(input: OpenInput): Awaitable<Visit> {
    this.#pruning?.start()
    return new Visit(this.#shell, input).open()
  }

  async open(input: OpenInput): Promise<Session<T>> {
    const visit = await this.visit(input)
    return visit.look() as Session<T>
  }

  current(session: Session<T>): Session<T> {
    return visitOf(session).look() as Session<T>
  }

  async commit(
    session: Session<T>,
    at: { headersSent?: boolean } = {},
  ): Promise<{ plan: Plan; headers: [string, string][] }> {
    const { plan, headers }: Committed = await visitOf(session).commit(at.headersSent)
    return { plan, headers }
  }

  formBindings(session: unknown): string[] {
    return visitOf(session).handle.formBindings
  }

  async read(id: string): Promise<{ info: SessionInfo; data: Partial<T> } | undefined> {
    return this.#registry.read(id) as Promise<{ info: SessionInfo; data: Partial<T> } | undefined>
  }

  async update<R>(id: string, fn: (data: Partial<T>) => R): Promise<R> {
    return this.#registry.update(id, fn as (data: Data) => R)
  }

  list(principal: string): AsyncIterable<SessionInfo> {
    return this.#registry.list(principal)
  }

  async revoke(id: string, only: { principal?: string } = {}): Promise<boolean> {
    return this.#registry.revoke(id, only)
  }

  async revokeAll(principal: string, but: { except?: string } = {}): Promise<number> {
    return this.#registry.revokeAll(principal, but)
  }

  watch(id: string, ended: () => void): () => void {
    if (this.#shell.sealed) {
      throw new UsageError(
        'ERR_SOJOURN_UNSUPPORTED',
        'A session in its cookie cannot be watched, since nobody but its browser has it; use a store on the server',
      )
    }
    return this.#watches.add(id, ended)
  }

  async prune(limit = 1000): Promise<number> {
    const { prune } = this.#store
    return prune ? this.#shell.calls.make('prune', {}, (call) => prune.call(this.#store, limit, call)) : 0
  }

  on(type: EventName, fn: Listener): () => void {
    return this.#shell.events.on(type, fn)
  }

  async close(): Promise<void> {
    this.#pruning?.stop()
    this.#watches.close()
  }
}

function visitOf(session: unknown): Visit {
  const port = portOf(session)
  if (port instanceof Handle) return port.visit
  throw new UsageError('ERR_SOJOURN_UNSUPPORTED', 'This is no session that open() gave; pass the very object')
}

/** A full memory store ends sessions to make room; nobody else does. */
function tellOfEvictions(store: object, events: Events): void {
  const { evictions } = store as Partial<MemoryStore>
  evictions?.call(store, (id, principal) => {
    events.emit('evicted', { id, ...(principal !== null && { principal }) })
  })
}
