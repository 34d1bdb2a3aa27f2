/**
 * Sessions in any store that was written for express-session, as far as it can go.
 *
 * Such a store gets, sets and destroys; it cannot compare and swap. So every write reads first, and those of one
 * session take turns: within one process that is as good. Between processes it is not, and there P1 and P2 are not
 * kept; see docs/stores/connect.md.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import { BROOM_DELAY_MS } from '../core/store.ts'
import type { Saved, Store, StoreCall, StoredSession } from '../core/store.ts'
import { absentIfNoFile, answered, linesOf, unlessAborted } from './_connect-calls.ts'

/** What is called of an express-session store. */
export interface ConnectStore {
  get(sid: string, callback: (error: unknown, session?: unknown) => void): unknown
  set(sid: string, session: ConnectSession, callback: (error?: unknown) => void): unknown
  destroy(sid: string, callback: (error?: unknown) => void): unknown
}

/** What such a store is given to keep: it looks at the cookie, and takes the rest for the session's data. */
export interface ConnectSession {
  readonly cookie: {
    /** From now, ms. */
    readonly originalMaxAge: number
    readonly maxAge: number
    readonly expires: Date
    readonly httpOnly: true
    readonly path: string
  }
  readonly sojourn: StoredSession
}

/** What can be done with such a store: the five verbs, of which compare-and-swap holds within one process only. */
export interface FromConnectStore extends Pick<Store, 'load' | 'create' | 'save' | 'touch' | 'remove'> {
  load(id: string, call: StoreCall): Promise<StoredSession | undefined>
  create(id: string, session: StoredSession, call: StoreCall): Promise<boolean>
  save(id: string, session: StoredSession, ifVersion: number, call: StoreCall): Promise<Saved>
  touch(id: string, expiresAt: number, call: StoreCall): Promise<boolean>
  remove(id: string, call: StoreCall): Promise<void>
}

/**
 * Gives a store over an express-session store.
 *
 * It cannot list or revoke by principal. Sessions that express-session itself wrote are absent.
 *
 * @throws ConfigError when this is no such store. Its methods throw StoreError when the store fails, in whatever way
 * @example
 * ```ts
 * const store = fromConnectStore(new RedisStore({ client }))
 * const sessions = createSessions({ store })
 * ```
 */
export function fromConnectStore(store: ConnectStore): FromConnectStore {
  check(store)
  const lines = linesOf(store)

  const read = async (id: string): Promise<StoredSession | undefined> => {
    return toSession(await answered('get', (answer) => store.get(id, answer)).catch(absentIfNoFile))
  }

  const write = async (id: string, session: StoredSession, { now }: StoreCall): Promise<void> => {
    await answered('set', (answer) => store.set(id, toConnectSession(session, now), answer))
  }

  /** Reads, and lets a write follow if the caller still waits: both in the session's turn. */
  const inTurn = <V>(
    id: string,
    call: StoreCall,
    decide: (there: StoredSession | undefined) => Decision<V>,
  ): Promise<V> =>
    unlessAborted(
      lines.run(id, async () => {
        call.signal?.throwIfAborted()
        const { answer, keeps } = decide(live(await read(id), call))
        call.signal?.throwIfAborted()
        if (keeps) await write(id, keeps, call)
        return answer
      }),
      call.signal,
    )

  return {
    load: (id, call) =>
      unlessAborted(
        read(id).then((session) => live(session, call)),
        call.signal,
      ),

    create: (id, session, call) => {
      const keeps = { ...session }
      return inTurn<boolean>(id, call, (there) => (there ? { answer: false } : { answer: true, keeps }))
    },

    save: (id, session, ifVersion, call) => {
      const keeps = { ...session }
      return inTurn<Saved>(id, call, (there) => {
        if (!there) return { answer: 'gone' }
        return there.version === ifVersion ? { answer: 'saved', keeps } : { answer: { conflict: there } }
      })
    },

    // Not by the store's own touch: most move only an expiry that nobody can read again.
    touch: (id, expiresAt, call) =>
      inTurn<boolean>(id, call, (there) => {
        if (!there || there.expiresAt >= expiresAt) return { answer: there !== undefined }
        return { answer: true, keeps: { ...there, expiresAt } }
      }),

    remove: (id, call) =>
      unlessAborted(
        lines.run(id, async () => {
          await answered('destroy', (answer) => store.destroy(id, answer)).catch(absentIfNoFile)
        }),
        call.signal,
      ),
  }
}

/** What a caller is answered, and what is kept from then on, if anything changes. */
interface Decision<V> {
  readonly answer: V
  readonly keeps?: StoredSession
}

function live(session: StoredSession | undefined, { now }: StoreCall): StoredSession | undefined {
  return session && session.expiresAt > now ? session : undefined
}

/** The cookie's expiry is the broom, by which the store forgets the session; Sojourn judges by its own. */
function toConnectSession(session: StoredSession, now: number): ConnectSession {
  const expires = session.expiresAt + BROOM_DELAY_MS
  const maxAge = expires - now
  return {
    cookie: { originalMaxAge: maxAge, maxAge, expires: new Date(expires), httpOnly: true, path: '/' },
    sojourn: session,
  }
}

/** Gives the session in what a store gives: an object, or its JSON; `undefined` for all else. */
function toSession(value: unknown): StoredSession | undefined {
  const { sojourn } = (typeof value === 'string' ? parsed(value) : (value ?? {})) as {
    sojourn?: Partial<StoredSession>
  }
  const { version, expiresAt, principal, body } = sojourn ?? {}
  if (typeof version !== 'number' || typeof expiresAt !== 'number' || typeof body !== 'string') return undefined
  return principal === null || typeof principal === 'string' ? { version, expiresAt, principal, body } : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {} // Not ours.
  }
}

function check(store: ConnectStore): void {
  const missing = (['get', 'set', 'destroy'] as const).find((method) => typeof store?.[method] !== 'function')
  if (missing === undefined) return
  throw new ConfigError(
    `fromConnectStore: the store has no ${missing}(). Give an express-session store, as in new RedisStore({ client }).`,
  )
}
