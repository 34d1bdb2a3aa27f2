/**
 * Sessions in memcached: a value each, changed by compare-and-swap.
 *
 * The CAS value of what a process last saw of a session is remembered, so that a save, or a touch, is one round trip.
 * Everything that changes a session names the CAS value of what it replaces: so does a touch, which therefore never
 * undoes a save, and never brings a session back.
 *
 * @module
 */
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { ConfigError } from '../core/errors.ts'
import type { Saved, Store, StoreCall, StoredSession } from '../core/store.ts'
import { Connection } from './_memcached-connection.ts'
import type { Manners } from './_memcached-connection.ts'
import { tooLarge, withoutCas } from './_memcached-faults.ts'
import { flagOf } from './_memcached-protocol.ts'
import type { Reply } from './_memcached-protocol.ts'
import { spotter, toAddresses } from './_memcached-servers.ts'
import { broomSecond, Sights, toSession, toValue } from './_memcached-values.ts'
import type { Sight } from './_memcached-values.ts'

/** Where the sessions are kept, and how the servers are spoken to. */
export interface MemcachedStoreOptions {
  /**
   * The servers: `host`, `host:port` (default 11211) or the path of a socket. The same in every process, character by
   * character: the names decide which of them keeps a session.
   */
  servers: string | readonly string[]
  /** What every key begins with. Default `sojourn:`. */
  prefix?: string
  /** Whether to speak TLS, or how. Default: no. */
  tls?: boolean | TlsOptions
  /** For servers with an `--auth-file`. Sent as it is: without `tls` anybody on the way can read it. */
  username?: string
  password?: string
  /** Seconds for which a server that owes an answer may be silent; then the connection is given up. Default 2. */
  timeout?: number
}

/** What memcached can do: the five verbs. It cannot list, so nobody's sessions can be found by whose they are. */
export interface MemcachedStore extends Pick<Store, 'load' | 'create' | 'save' | 'touch' | 'remove'> {
  load(id: string, call: StoreCall): Promise<StoredSession | undefined>
  create(id: string, session: StoredSession, call: StoreCall): Promise<boolean>
  save(id: string, session: StoredSession, ifVersion: number, call: StoreCall): Promise<Saved>
  touch(id: string, expiresAt: number, call: StoreCall): Promise<boolean>
  remove(id: string, call: StoreCall): Promise<void>
  /** Waits for the answers that are due, and closes the connections. */
  close(): Promise<void>
}

/**
 * Gives a store in memcached 1.6 or later.
 *
 * It makes a connection to each server when one is first needed, and never keeps the process alive for it. A server
 * that is down, or never answers, is a StoreError that names the remedy; no other server takes its place, since with
 * it the sessions would come back that were logged out meanwhile.
 *
 * @throws ConfigError when the options contradict each other. `create` and `save` throw UsageError
 *   (`ERR_SOJOURN_TOO_LARGE`) for a session that no item can hold
 * @example
 * ```ts
 * const store = memcachedStore({ servers: ['cache-1:11211', 'cache-2:11211'] })
 * const sessions = createSessions({ store })
 * ```
 */
export function memcachedStore(options: MemcachedStoreOptions): MemcachedStore {
  const addresses = toAddresses(options.servers)
  const spotOf = spotter(addresses, prefixOf(options))
  const manners = mannersOf(options)
  const places = addresses.map((address) => ({
    name: address.name,
    connection: new Connection(address, manners),
    sights: new Sights(),
  }))

  /** Where a session lies, and what can be done there. */
  const at = (id: string, call: StoreCall): Spot => {
    const { server, key } = spotOf(id)
    const { name, connection, sights } = places[server]!
    return new Spot(key, call, name, connection, sights)
  }

  return {
    async load(id, call) {
      const spot = at(id, call)
      return spot.live(await spot.look())
    },

    async create(id, session, call) {
      const spot = at(id, call)
      for (;;) {
        if ((await spot.put(session, 'add')) === 'done') return true
        const seen = await spot.look()
        if (spot.live(seen)) return false
        if (seen && (await spot.put(session, seen)) === 'done') return true
        call.signal?.throwIfAborted()
      }
    },

    async save(id, session, ifVersion, call) {
      const spot = at(id, call)
      let seen = spot.recall(({ version }) => version === ifVersion)
      for (;;) {
        seen ??= await spot.look()
        const there = spot.live(seen)
        if (!seen || !there) return 'gone'
        if (there.version !== ifVersion) return { conflict: there }
        const outcome = await spot.put(session, seen)
        if (outcome !== 'changed') return outcome === 'done' ? 'saved' : 'gone'
        call.signal?.throwIfAborted()
        seen = undefined
      }
    },

    async touch(id, expiresAt, call) {
      const spot = at(id, call)
      let seen = spot.recall((session) => session.expiresAt < expiresAt)
      for (;;) {
        seen ??= await spot.look()
        const there = spot.live(seen)
        if (!seen || !there) return false
        if (there.expiresAt >= expiresAt) return true
        const outcome = await spot.put({ ...there, expiresAt }, seen)
        if (outcome !== 'changed') return outcome === 'done'
        call.signal?.throwIfAborted()
        seen = undefined
      }
    },

    async remove(id, call) {
      await at(id, call).clear()
    },

    async close() {
      await Promise.all(places.map(({ connection }) => connection.close()))
    },
  }
}

/** One session's place in one server, for the time of one call. */
class Spot {
  readonly #key: string
  readonly #call: StoreCall
  readonly #server: string
  readonly #connection: Connection
  readonly #sights: Sights

  constructor(key: string, call: StoreCall, server: string, connection: Connection, sights: Sights) {
    this.#key = key
    this.#call = call
    this.#server = server
    this.#connection = connection
    this.#sights = sights
  }

  /** Looks at what lies there. */
  async look(): Promise<Sight | undefined> {
    const { breaks } = this.#connection
    const reply = await this.#connection.ask(`mg ${this.#key} v c`, this.#call)
    if (reply.value) return this.#keep(reply, toSession(reply.value), breaks)
    this.#sights.forget(this.#key)
    return undefined
  }

  /** What was seen there last, if it will do: a live session, on a connection that still stands. */
  recall(willDo: (session: StoredSession) => boolean): Sight | undefined {
    const seen = this.#sights.recall(this.#key)
    const session = seen?.connection === this.#connection.breaks ? this.live(seen) : undefined
    return session && willDo(session) ? seen : undefined
  }

  /** Puts a session there: where nothing is, or in the place of exactly what was seen. */
  async put(session: StoredSession, over: Sight | 'add'): Promise<'done' | 'changed' | 'gone'> {
    const kept = { ...session }
    const value = toValue(kept)
    const bytes = Buffer.byteLength(value)
    // memcached answers an item that is too large by deleting the one that it would have replaced.
    if (bytes + ITEM_OVERHEAD > this.#connection.itemMax) throw tooLarge()
    const condition = over === 'add' ? 'ME' : `C${over.cas}`
    const command = `ms ${this.#key} ${bytes} c T${broomSecond(kept.expiresAt)} ${condition}`
    const { breaks } = this.#connection
    this.#sights.forget(this.#key)
    const reply = await this.#connection.ask(command, this.#call, value)
    if (reply.code === 'HD') this.#keep(reply, kept, breaks)
    return OUTCOMES[reply.code] ?? 'changed'
  }

  /** Leaves nothing there. */
  async clear(): Promise<void> {
    this.#sights.forget(this.#key)
    await this.#connection.ask(`md ${this.#key}`, this.#call)
  }

  /** Gives the session that was seen, unless it has expired. */
  live(seen: Sight | undefined): StoredSession | undefined {
    return seen?.session && seen.session.expiresAt > this.#call.now ? { ...seen.session } : undefined
  }

  #keep(reply: Reply, session: StoredSession | undefined, breaks: number): Sight {
    const cas = flagOf(reply, 'c')
    if (cas === undefined || cas === '0') throw withoutCas(this.#server)
    const sight = { cas, session, connection: breaks }
    this.#sights.keep(this.#key, sight)
    return sight
  }
}

/** What an item takes beside its value, generously: its header, its key, its place among others. */
const ITEM_OVERHEAD = 512

const OUTCOMES: Readonly<Record<string, 'done' | 'changed' | 'gone'>> = { HD: 'done', EX: 'changed', NF: 'gone' }

/** A key has 250 bytes at most, of which a hash takes 43. */
const PREFIX_MAX = 200

function prefixOf({ prefix = 'sojourn:' }: MemcachedStoreOptions): string {
  if (/^[!-~]*$/.test(prefix) && prefix.length <= PREFIX_MAX) return prefix
  throw new ConfigError(
    `memcachedStore: \`prefix\` must be at most ${PREFIX_MAX} characters of ASCII without spaces. Leave it out for sojourn:.`,
  )
}

function mannersOf({ tls, username, password, timeout = 2 }: MemcachedStoreOptions): Manners {
  if (!(timeout > 0 && timeout <= 3600)) {
    throw new ConfigError('memcachedStore: `timeout` must be a number of seconds above 0. Leave it out for 2.')
  }
  if ((username === undefined) !== (password === undefined)) {
    throw new ConfigError('memcachedStore: `username` and `password` belong together. Give both, or neither.')
  }
  if (/[\s:]|^$/.test(username ?? 'x') || /\s|^$/.test(password ?? 'x')) {
    throw new ConfigError(
      'memcachedStore: a memcached takes no such `username` or `password`. Give those of its --auth-file.',
    )
  }
  return {
    tls: tls === true ? {} : tls || undefined,
    login: username === undefined || password === undefined ? undefined : { username, password },
    timeoutMs: timeout * 1000,
  }
}
