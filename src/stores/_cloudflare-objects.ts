/**
 * Sessions in Durable Objects: one object a session, one a principal.
 *
 * An object carries out one request after another, with its storage beside it: a compare-and-swap is an `if`. What is
 * acknowledged is on disk, and there is one copy: whoever asks, from wherever, sees the last write.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import { BROOM_DELAY_MS, REVOCATION_MARK_MS } from '../core/store.ts'
import type { Saved, Store, StoreCall, StoredSession } from '../core/store.ts'
import { explained } from './_cloudflare-faults.ts'

/** The part of a Durable Object namespace's binding that the store calls. */
export interface ObjectNamespace {
  idFromName(name: string): unknown
  /** Takes what `idFromName` gave: Cloudflare's own type, which only its namespace knows. */
  get(id: never): { fetch(url: string, init: { method: string; body: string }): Promise<{ json(): Promise<unknown> }> }
}

/** The part of an object's state that it uses. */
export interface ObjectState {
  readonly storage: {
    get(key: string): Promise<unknown>
    put(entries: Record<string, unknown>): Promise<void>
    delete(keys: string[]): Promise<unknown>
    deleteAll(): Promise<void>
    list(options: { prefix: string }): Promise<Map<string, unknown>>
    getAlarm(): Promise<number | null>
    setAlarm(at: number): Promise<void>
  }
}

export interface DurableObjectStoreOptions {
  /** The binding of a namespace whose class is {@link SojournObject}. */
  namespace: ObjectNamespace
}

/** A store in Durable Objects: the whole contract, but for `scan`, since objects cannot be listed. */
export type DurableObjectStore = Required<Omit<Store, 'scan' | 'prune' | 'changes'>>

/**
 * Keeps each session in a Durable Object of its own.
 *
 * @throws ConfigError when this is no namespace of Durable Objects
 * @example
 * ```ts
 * export { SojournObject } from 'sojourn/cloudflare' // and in wrangler.toml a binding SESSIONS of this class
 * const sessions = createSessions({ store: durableObjectStore({ namespace: env.SESSIONS }) })
 * ```
 */
export function durableObjectStore({ namespace }: DurableObjectStoreOptions): DurableObjectStore {
  if (typeof namespace?.idFromName !== 'function') {
    throw new ConfigError(
      'durableObjectStore needs the binding of a namespace whose class is SojournObject; give env.SESSIONS, as wrangler.toml names it',
    )
  }
  const ask = async <R>(name: string, request: Ask): Promise<R> => {
    const object = namespace.get(namespace.idFromName(name) as never)
    const asked = object.fetch('https://sojourn.internal/', { method: 'POST', body: JSON.stringify(request) })
    const answer = await explained(asked)
    return ((await answer.json()) as { answer: R }).answer
  }
  const session = (id: string): string => `s:${id}`
  const owner = (principal: string): string => `p:${principal}`

  /** Index first, record second: what is in a session's object is always listed. */
  const enter = async (
    id: string,
    { principal }: StoredSession,
    before: string | null | undefined,
    now: number,
  ): Promise<void> => {
    if (principal !== null && principal !== before) await ask(owner(principal), { do: 'enter', id, now })
  }
  const load = async (id: string, { now }: StoreCall): Promise<StoredSession | undefined> =>
    (await ask<StoredSession | null>(session(id), { do: 'load', now })) ?? undefined
  const listed = async (principal: string, now: number): Promise<[string, StoredSession][]> => {
    const ids = await ask<string[]>(owner(principal), { do: 'ids' })
    // Expired ones too: by a clock that is behind this one they may still live.
    const found = await Promise.all(
      ids.map((id) => ask<StoredSession | null>(session(id), { do: 'load', now: -Infinity })),
    )
    const owned = ids.flatMap((id, at) =>
      found[at]?.principal === principal ? [[id, found[at]] as [string, StoredSession]] : [],
    )
    const stale = ids.filter((id) => !owned.some(([kept]) => kept === id))
    if (stale.length > 0) await ask(owner(principal), { do: 'sweep', ids: stale, now })
    return owned
  }

  return {
    load,
    async create(id, stored, { now }) {
      await enter(id, stored, null, now)
      return ask(session(id), { do: 'create', session: stored, now })
    },
    async save(id, stored, ifVersion, { now, principalBefore }): Promise<Saved> {
      await enter(id, stored, principalBefore, now)
      return ask(session(id), { do: 'save', session: stored, ifVersion, now })
    },
    touch: (id, expiresAt, { now }) => ask(session(id), { do: 'touch', expiresAt, now }),
    async remove(id) {
      await ask(session(id), { do: 'remove' })
    },
    async *list(principal, { now }) {
      for (const [id, stored] of await listed(principal, now)) if (stored.expiresAt > now) yield [id, stored]
    },
    async removeAll(principal, { except }, { now }) {
      await ask(owner(principal), { do: 'mark', now })
      const ending = (await listed(principal, now)).filter(([id]) => id !== except)
      await Promise.all(ending.map(([id]) => ask(session(id), { do: 'remove' })))
      return ending.filter(([, { expiresAt }]) => expiresAt > now).length
    },
    async revokedAt(principal, { now }) {
      const at = await ask<number | null>(owner(principal), { do: 'marked' })
      return at !== null && at > now - REVOCATION_MARK_MS ? at : undefined
    },
  }
}

/**
 * The Durable Object: of a session, or of a principal. Export it from your Worker and bind a namespace to it.
 *
 * Its storage sweeps itself by an alarm: a session's ten minutes after it expired, a principal's when the last session
 * that may be entered there has.
 */
export class SojournObject {
  readonly #storage: ObjectState['storage']

  constructor(state: ObjectState) {
    this.#storage = state.storage
  }

  /** Requests come from the store alone: a Durable Object has no address of its own. */
  async fetch(request: { json(): Promise<unknown> }): Promise<Response> {
    const answer = await this.#answer((await request.json()) as Ask)
    return Response.json({ answer: answer ?? null })
  }

  async alarm(): Promise<void> {
    const session = await this.#session()
    const due = (session?.expiresAt ?? 0) + BROOM_DELAY_MS
    if (due <= Date.now()) await this.#storage.deleteAll()
    else await this.#storage.setAlarm(due)
  }

  // One request at a time reads and writes: storage keeps others out while it is waited for.
  async #answer(ask: Ask): Promise<unknown> {
    switch (ask.do) {
      case 'load':
        return this.#live(ask.now)
      case 'create':
        if (await this.#live(ask.now)) return false
        await this.#keep(ask.session)
        return true
      case 'save': {
        const there = await this.#live(ask.now)
        if (!there) return 'gone'
        if (there.version !== ask.ifVersion) return { conflict: there }
        await this.#keep(ask.session)
        return 'saved'
      }
      case 'touch': {
        const there = await this.#live(ask.now)
        if (there && ask.expiresAt > there.expiresAt) await this.#keep({ ...there, expiresAt: ask.expiresAt })
        return there !== undefined
      }
      case 'remove':
        return this.#storage.deleteAll()
      case 'enter':
        await this.#storage.put({ [`s:${ask.id}`]: ask.now })
        return this.#sweepFrom(ask.now + LONGEST_MS)
      case 'ids':
        return [...(await this.#storage.list({ prefix: 's:' })).keys()].map((key) => key.slice(2))
      case 'sweep':
        return this.#sweep(ask.ids, ask.now)
      case 'mark':
        await this.#storage.put({
          revoked: Math.max(ask.now, ((await this.#storage.get('revoked')) as number | undefined) ?? ask.now),
        })
        return this.#sweepFrom(ask.now + REVOCATION_MARK_MS)
      case 'marked':
        return this.#storage.get('revoked')
    }
  }

  /** Entries whose session has gone; a young one may belong to a sign-in whose session is still to be written. */
  async #sweep(ids: string[], now: number): Promise<void> {
    const entries = await this.#storage.list({ prefix: 's:' })
    const old = ids.map((id) => `s:${id}`).filter((key) => (entries.get(key) as number) < now - REVOCATION_MARK_MS)
    while (old.length > 0) await this.#storage.delete(old.splice(0, MOST_KEYS))
  }

  /** Forward only: what was there before is to stay as long as it was. */
  async #sweepFrom(end: number): Promise<void> {
    const at = end + BROOM_DELAY_MS
    if (at > ((await this.#storage.getAlarm()) ?? 0)) await this.#storage.setAlarm(at)
  }

  async #session(): Promise<StoredSession | undefined> {
    return (await this.#storage.get('session')) as StoredSession | undefined
  }

  async #live(now: number | null): Promise<StoredSession | undefined> {
    const session = await this.#session()
    return session && session.expiresAt > (now ?? -Infinity) ? session : undefined
  }

  async #keep(session: StoredSession): Promise<void> {
    await this.#storage.put({ session })
    await this.#storage.setAlarm(session.expiresAt + BROOM_DELAY_MS)
  }
}

// --- internal ---

/** No session outlives 400 days: browsers keep no cookie longer. */
const LONGEST_MS = 400 * 86_400_000

/** @see https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/, delete */
const MOST_KEYS = 128

type Ask =
  | { do: 'load'; now: number | null }
  | { do: 'create'; session: StoredSession; now: number }
  | { do: 'save'; session: StoredSession; ifVersion: number; now: number }
  | { do: 'touch'; expiresAt: number; now: number }
  | { do: 'remove' }
  | { do: 'enter'; id: string; now: number }
  | { do: 'ids' }
  | { do: 'sweep'; ids: string[]; now: number }
  | { do: 'mark'; now: number }
  | { do: 'marked' }
