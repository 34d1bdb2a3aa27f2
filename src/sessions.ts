/**
 * The manager: opens a session for a request, commits it before the response, and looks after all the others.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto'
import type { Data } from './core/changes.ts'
import { nextRecord } from './core/compose.ts'
import { ConflictError, UsageError } from './core/errors.ts'
import { lastSeenAt, limitsOf } from './core/expiry.ts'
import { type Options, resolveOptions } from './core/options.ts'
import type { Plan } from './core/plan.ts'
import { normalisePrincipal } from './core/principal.ts'
import type { SessionRecord } from './core/record.ts'
import { portOf, type Session, type SessionData } from './core/session.ts'
import type { Awaitable, Store } from './core/store.ts'
import { drawMark, isId, type Random, secretHasher } from './core/token.ts'
import { Calls } from './shell/calls.ts'
import { type EventName, Events, type Listener } from './shell/events.ts'
import { Handle } from './shell/handle.ts'
import { Keeper } from './shell/keeper.ts'
import { Queue } from './shell/queue.ts'
import { isSealedStore, storeOfNothing } from './shell/sealed.ts'
import { scopeStore } from './shell/scope.ts'
import { isAlive, type Shell } from './shell/shell.ts'
import { type Committed, type OpenInput, Visit } from './shell/visit.ts'
import { Watches } from './shell/watches.ts'
import { synchronous } from './shell/writer.ts'
import { type MemoryStore, memoryStore } from './stores/memory.ts'

/** What is known of a session without its data. */
export interface SessionInfo {
  /** The public handle; opens nothing. */
  id: string
  principal: string | null
  /** Instants, ms since the epoch. */
  createdAt: number
  authenticatedAt: number | null
  lastSeenAt: number
  expiresAt: number
  /** Labels from the request that signed in. */
  userAgent?: string
  address?: string
}

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

const PRUNE_EVERY_MS = 60_000
const PRUNE_BATCH = 100

class SessionManager<T extends object> implements Manager<T> {
  readonly #shell: Shell
  readonly #store: Store
  readonly #calls: Calls
  readonly #watches: Watches
  #pruning: NodeJS.Timeout | undefined

  constructor(options: Options<T>) {
    const config = resolveOptions(options)
    const clock = options.clock ?? Date.now
    const events = new Events(clock)
    const store = options.store ?? memoryStore()
    const { namespace, cookieName } = config
    const sealed = isSealedStore(store) ? (store.bind?.({ namespace, cookie: cookieName }) ?? store) : undefined
    const reachable = sealed ? storeOfNothing(sealed, (now) => now + config.limits.lifetimeMs) : (store as Store)
    this.#store = scopeStore(reachable, config.namespace)
    this.#calls = new Calls(clock, config.storeTimeoutMs, events)
    this.#shell = {
      calls: this.#calls,
      sealed,
      config,
      clock,
      random: options.random ?? pooledRandom(),
      events,
      keeper: new Keeper(this.#store, this.#calls, events, config.from),
      queue: new Queue(),
      hash: secretHasher(config.namespace, config.cookieName),
      warnOnce: warner(events),
    }
    this.#watches = new Watches(this.#shell, this.#store)
    tellOfEvictions(store, events)
  }

  get cookieScope(): string {
    return this.#shell.config.cookieScope
  }

  visit(input: OpenInput): Awaitable<Visit> {
    this.#startPruning()
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
    const record = await this.#load(id)
    const data = record && this.#dataOf(record)
    return record && data && { info: this.#info(record), data: data as Partial<T> }
  }

  async update<R>(id: string, fn: (data: Partial<T>) => R): Promise<R> {
    return this.#shell.queue.run(id, async (turn) => {
      const { keeper, random } = this.#shell
      const start = turn.latest ?? (await this.#load(id))
      if (!start) throw noSession(id)
      let result!: R
      const mark = drawMark(random)
      const swapped = await keeper.swap(
        start,
        mark,
        (current) => {
          const data = this.#dataOf(current)
          if (!data) throw noSession(id)
          result = synchronous(fn(data as Partial<T>))
          return this.#updated(current, data, mark)
        },
        'retry',
      )
      if (typeof swapped === 'string') throw noSession(id)
      turn.latest = swapped.record
      return result
    })
  }

  async *list(principal: string): AsyncGenerator<SessionInfo> {
    const name = requirePrincipal(principal)
    for await (const record of this.#shell.keeper.list(name)) {
      if (isAlive(this.#shell, record)) yield this.#info(record)
    }
  }

  async revoke(id: string, only: { principal?: string } = {}): Promise<boolean> {
    if (this.#shell.sealed) return this.#revokeUnseen(id, only)
    const record = await this.#load(id)
    // Asked for by name: a principal that is missing by mistake is not everybody.
    if (!record || ('principal' in only && record.principal !== requirePrincipal(only.principal))) return false
    await this.#shell.keeper.end(record)
    this.#shell.events.emit('revoked', { id, ...(record.principal !== null && { principal: record.principal }) })
    return true
  }

  async revokeAll(principal: string, but: { except?: string } = {}): Promise<number> {
    const removeAll = this.#shell.keeper.ability('removeAll')
    const name = requirePrincipal(principal)
    await this.#retireAll(name, but)
    const ended = await this.#calls.make('removeAll', {}, (call) => removeAll(name, but, call))
    this.#shell.events.emit('revoked', { principal: name, reason: `all, ${ended}` })
    return ended
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
    return prune ? this.#calls.make('prune', {}, (call) => prune.call(this.#store, limit, call)) : 0
  }

  on(type: EventName, fn: Listener): () => void {
    return this.#shell.events.on(type, fn)
  }

  async close(): Promise<void> {
    clearTimeout(this.#pruning)
    this.#pruning = undefined
    this.#watches.close()
  }

  async #load(id: string): Promise<SessionRecord | undefined> {
    const record = isId(id) ? await this.#shell.keeper.load(id) : undefined
    return record && isAlive(this.#shell, record) ? record : undefined
  }

  /** Before sessions that were taken over end, what they came from does: after that, the store names them no more. */
  async #retireAll(principal: string, { except }: { except?: string }): Promise<void> {
    const { config, keeper } = this.#shell
    if (!config.from || !this.#store.list) return
    for await (const { id, metadata } of keeper.list(principal)) {
      if (metadata.origin && id !== except) await keeper.retire(metadata.origin.id)
    }
  }

  /** A session in its cookie cannot be looked at from here: not whether it is there, nor whose it is. */
  async #revokeUnseen(id: string, only: { principal?: string }): Promise<boolean> {
    if (!this.#shell.sealed?.revoked || 'principal' in only) {
      throw new UsageError(
        'ERR_SOJOURN_UNSUPPORTED',
        'A session in its cookie can be ended from elsewhere by its id alone, and only with revocations; give cookieStore({ revocations }), or use a store on the server',
      )
    }
    await this.#shell.keeper.remove(id, null)
    this.#shell.events.emit('revoked', { id })
    return true
  }

  /** A session whose data cannot be read is as good as none: nobody makes up others for it. */
  #dataOf({ id, text }: SessionRecord): Data | undefined {
    const data = this.#shell.config.format.decode(text)
    if (!data) this.#shell.events.emit('unreadable', { id, reason: 'data' })
    return data
  }

  /** What an update from outside leaves: other data, the same principal, and the same expiry: it is no activity. */
  #updated(current: SessionRecord, data: Data, mark: string): SessionRecord {
    const { config, clock } = this.#shell
    const text = config.format.encode(data)
    const principal = normalisePrincipal(config.principal(config.format.readBack(text)))
    if (principal !== current.principal) {
      throw new UsageError(
        'ERR_SOJOURN_UNSUPPORTED',
        'update() from outside a request may not change the principal, since nobody could receive the new token; use revoke() or revokeAll(), or let the handler sign in',
      )
    }
    const next = nextRecord(current, { mark, text, principal }, clock(), config.limits)
    return { ...next, expiresAt: current.expiresAt, metadata: { ...next.metadata, savedAt: current.metadata.savedAt } }
  }

  #info({ id, principal, expiresAt, metadata }: SessionRecord): SessionInfo {
    const { createdAt, authenticatedAt, savedAt, userAgent, address } = metadata
    const seen = lastSeenAt(savedAt, expiresAt, limitsOf(metadata, this.#shell.config.limits))
    const info = { id, principal, createdAt, authenticatedAt, lastSeenAt: seen, expiresAt }
    return {
      ...info,
      ...(userAgent !== undefined && { userAgent }),
      ...(address !== undefined && { address }),
    }
  }

  /** Prunes now and then, in small batches, while the manager is in use; never keeps a process alive. */
  #startPruning(): void {
    if (this.#pruning || !this.#store.prune) return
    const wait = PRUNE_EVERY_MS * (0.5 + Math.random())
    this.#pruning = setTimeout(() => {
      this.#pruneAll()
        // The failure has been told as an event; the next request starts another round.
        .catch(() => undefined)
        .finally(() => (this.#pruning = undefined))
    }, wait).unref()
  }

  async #pruneAll(): Promise<void> {
    while ((await this.prune(PRUNE_BATCH)) === PRUNE_BATCH) await new Promise((resolve) => setImmediate(resolve))
  }
}

function visitOf(session: unknown): Visit {
  const port = portOf(session)
  if (port instanceof Handle) return port.visit
  throw new UsageError('ERR_SOJOURN_UNSUPPORTED', 'This is no session that open() gave; pass the very object')
}

function requirePrincipal(principal: unknown): string {
  const name = normalisePrincipal(principal)
  if (name !== null) return name
  throw new UsageError(
    'ERR_SOJOURN_UNSUPPORTED',
    'A principal is needed; give what principal(data) gives for that person',
  )
}

function noSession(id: string): ConflictError {
  return new ConflictError(
    'ERR_SOJOURN_GONE',
    `There is no session ${isId(id) ? id : 'of this id'}; it has ended or never was`,
  )
}

/** A full memory store ends sessions to make room; nobody else does. */
function tellOfEvictions(store: object, events: Events): void {
  const { evictions } = store as Partial<MemoryStore>
  evictions?.call(store, (id, principal) => {
    events.emit('evicted', { id, ...(principal !== null && { principal }) })
  })
}

/** Random bytes, drawn in bulk: a tenth of the cost of drawing for each token. Bytes are never given twice. */
function pooledRandom(): Random {
  const pool = new Uint8Array(4096)
  let used = pool.length
  return (size) => {
    if (used + size > pool.length) {
      randomFillSync(pool)
      used = 0
    }
    const bytes = pool.slice(used, used + size)
    pool.fill(0, used, used + size)
    used += size
    return bytes
  }
}

function warner(events: Events): Shell['warnOnce'] {
  const said = new Set<string>()
  return (reason, message) => {
    // Node's own convention: unset means development.
    const development = ['development', 'test', undefined].includes(process.env['NODE_ENV'])
    if (development || said.has(reason)) return
    said.add(reason)
    events.emit('warning', { reason })
    process.emitWarning(message, { code: reason })
  }
}
