/**
 * Cookies as the store: the carrier whose cookies hold the data, sealed.
 *
 * Within a request the opened session lies in a slot that is a store of one entry, so that everything else goes its
 * ordinary way. What the slot holds at the end is sealed into cookies: `sid`, and `sid.1`, `sid.2` where one is not
 * enough; the first value begins with how many there are.
 *
 * @module
 */
import { formatClearing, formatCookie, MAX_CANDIDATES, parseCookies, type CookieShape } from '../core/cookie.ts'
import { UsageError } from '../core/errors.ts'
import { endOfLife, endsAt, limitsOf } from '../core/expiry.ts'
import { fromStored, type SessionRecord, toStored } from '../core/record.ts'
import type { Saved, SealedStore, Store, StoreCall, StoredSession } from '../core/store.ts'
import { drawId, type Random, type Token } from '../core/token.ts'
import type { Carrier, Opened } from './carrier.ts'
import type { Shell } from './shell.ts'
import type { OpenInput } from './visit.ts'

/** Browsers keep 4,096 bytes of name and value (RFC 6265bis section 5.6); servers take 16 KB of headers in all. */
const MAX_COOKIE = 4096
const MAX_CHUNKS = 3

/** The store of one request: what its cookie held, and what the handler made of it. */
export class Slot implements Store {
  readonly #sealed: SealedStore
  readonly #random: Random
  #entry: [id: string, session: StoredSession] | undefined

  constructor(sealed: SealedStore, random: Random) {
    this.#sealed = sealed
    this.#random = random
  }

  get entry(): [id: string, session: StoredSession] | undefined {
    return this.#entry
  }

  put(id: string, session: StoredSession): void {
    this.#entry = [id, session]
  }

  /** It may have expired since the request began. */
  load(id: string, { now }: StoreCall): StoredSession | undefined {
    const session = this.#kept(id)
    return session && session.expiresAt > now ? session : undefined
  }

  create(id: string, session: StoredSession): boolean {
    this.#entry = [id, session]
    return true
  }

  async save(id: string, session: StoredSession, _: number, call: StoreCall): Promise<Saved> {
    const before = this.load(id, call)
    if (!before) return 'gone'
    const replaced = fromStored(id, before)?.metadata.hash !== fromStored(id, session)?.metadata.hash
    // Nothing but the id can end a cookie that is already out: with a new token comes a new id, and the old one goes.
    // One that had gone before, by a logout meanwhile, is not brought back under another id.
    if (replaced && (await this.#revoke(id, before)) === false) return 'gone'
    this.#entry = [replaced ? drawId(this.#random) : id, session]
    return 'saved'
  }

  touch(id: string, expiresAt: number, call: StoreCall): boolean {
    const session = this.load(id, call)
    if (session) this.#entry = [id, { ...session, expiresAt: Math.max(expiresAt, session.expiresAt) }]
    return session !== undefined
  }

  async remove(id: string): Promise<void> {
    const session = this.#kept(id)
    this.#entry = undefined
    if (session) await this.#revoke(id, session)
  }

  #kept(id: string): StoredSession | undefined {
    return this.#entry?.[0] === id ? this.#entry[1] : undefined
  }

  async #revoke(id: string, session: StoredSession): Promise<boolean | void> {
    const metadata = fromStored(id, session)?.metadata
    const forever = { idleMs: Infinity, lifetimeMs: 400 * 86_400_000 }
    return metadata && this.#sealed.revoked?.add(id, endOfLife(metadata, limitsOf(metadata, forever)))
  }
}

/** Carries the data themselves. */
export class SealedCarrier implements Carrier {
  readonly #shell: Shell
  readonly #sealed: SealedStore
  readonly #slot: Slot
  readonly #shape: CookieShape
  readonly #header: string
  readonly #openedAt: number

  constructor(shell: Shell, sealed: SealedStore, slot: Slot, shape: CookieShape, input: OpenInput, openedAt: number) {
    this.#shell = shell
    this.#sealed = sealed
    this.#slot = slot
    this.#shape = shape
    this.#header = input.cookie ?? ''
    this.#openedAt = openedAt
  }

  get presented(): boolean {
    return this.#chunkNames().some((name) => parseCookies(this.#header, name).length > 0)
  }

  async open(): Promise<Opened[]> {
    const opened = new Map<string, Opened>()
    const candidates = this.#candidates()
    // A chunk alone, or a count that none of ours has: there is nothing to unseal, and it is refused like what is forged.
    if (candidates.length === 0 && this.presented) this.#refuse()
    for (const value of candidates) {
      const found = await this.#shell.calls.make('load', {}, () => this.#sealed.unseal(value))
      const one = found && (await this.#judge(found[0], found[1], found[2]))
      if (one) opened.set(one.record.id, one)
      else if (!found) this.#refuse()
    }
    const [only] = opened.values()
    if (opened.size === 1 && only) this.#slot.put(only.record.id, toStored(only.record))
    return [...opened.values()]
  }

  async handOut(_: Token, __: SessionRecord, maxAge: number | undefined): Promise<string[]> {
    const { entry } = this.#slot
    if (!entry) return this.takeAway()
    const value = await this.#shell.calls.make('save', { id: entry[0] }, () => this.#sealed.seal(...entry))
    const chunks = this.#chunks(value)
    const lines = chunks.map((chunk, at) => formatCookie(this.#chunkShape(at), chunk, maxAge))
    return [...lines, ...this.#takeAwayFrom(chunks.length)]
  }

  takeAway(): string[] {
    return this.#takeAwayFrom(0)
  }

  /** Whole values, put together from chunks; a browser may hold several of a name, and each may be the right one. */
  #candidates(): string[] {
    return parseCookies(this.#header, this.#shape.name)
      .flatMap((first) => this.#completed(first))
      .slice(0, MAX_CANDIDATES)
  }

  #completed(first: string): string[] {
    const [, count, rest] = /^([1-9])\.(.*)$/s.exec(first) ?? []
    if (count === undefined || rest === undefined || Number(count) > MAX_CHUNKS) return []
    let values = [rest]
    for (let at = 1; at < Number(count); at++) {
      const chunks = parseCookies(this.#header, this.#chunkShape(at).name)
      values = values.flatMap((value) => chunks.map((chunk) => value + chunk)).slice(0, MAX_CANDIDATES)
    }
    return values
  }

  #refuse(): void {
    this.#shell.events.emit('bad-token', { reason: 'sealed' })
  }

  async #judge(id: string, stored: StoredSession, stale = false): Promise<Opened | undefined> {
    const { config, events } = this.#shell
    const record = fromStored(id, stored)
    if (!record) {
      events.emit('unreadable', { id, reason: 'record' })
      return undefined
    }
    const { metadata } = record
    if (this.#openedAt >= endsAt(record, config.limits)) {
      events.emit('expired', { id, ...(record.principal !== null && { principal: record.principal }) })
      return undefined
    }
    const { revoked } = this.#sealed
    if (revoked && (await this.#shell.calls.make('load', { id }, () => revoked.has(id)))) {
      events.emit('bad-token', { id, reason: 'revoked' })
      return undefined
    }
    // Sealed with an old key: handing it out again seals it anew.
    return { record, token: { id, secret: '' }, hash: metadata.hash, ...(stale && { next: '' }) }
  }

  #chunks(value: string): string[] {
    const room = (at: number): number => MAX_COOKIE - this.#chunkShape(at).name.length - 2
    const chunks = [`.${value.slice(0, room(0) - 2)}`]
    for (let from = room(0) - 2; from < value.length; from += room(1)) chunks.push(value.slice(from, from + room(1)))
    if (chunks.length > MAX_CHUNKS) {
      throw new UsageError(
        'ERR_SOJOURN_TOO_LARGE',
        `The session takes ${value.length} bytes of cookies, more than ${MAX_CHUNKS} cookies hold; keep less in it, or use a store on the server`,
      )
    }
    chunks[0] = `${chunks.length}${chunks[0]}`
    return chunks
  }

  /** A smaller session leaves chunks behind in the browser: they go. */
  #takeAwayFrom(first: number): string[] {
    return this.#chunkNames().flatMap((name, at) => {
      const stale = at >= first && parseCookies(this.#header, name).length > 0
      return stale ? [formatClearing(this.#chunkShape(at))] : []
    })
  }

  #chunkNames(): string[] {
    return Array.from({ length: MAX_CHUNKS }, (_, at) => this.#chunkShape(at).name)
  }

  #chunkShape(at: number): CookieShape {
    return at === 0 ? this.#shape : { ...this.#shape, name: `${this.#shape.name}.${at}` }
  }
}

/** What a manager can reach of sessions whose data nobody but their browsers has: nothing, but to end them. */
export function storeOfNothing(sealed: SealedStore, endsAt: (now: number) => number): Store {
  const unreachable = (): never => {
    throw new UsageError(
      'ERR_SOJOURN_UNSUPPORTED',
      'The session lies in its cookie and cannot be written from elsewhere',
    )
  }
  return {
    load: () => undefined,
    create: unreachable,
    save: unreachable,
    touch: () => false,
    async remove(id, { now }) {
      await sealed.revoked?.add(id, endsAt(now))
    },
  }
}

/** Whether a place to keep sessions is the cookie itself. */
export function isSealedStore(store: Store | SealedStore): store is SealedStore {
  return typeof (store as Partial<SealedStore>).seal === 'function'
}
