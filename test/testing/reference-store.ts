/**
 * The shortest store that keeps every rule: two maps. The cases are proven on it, and the mutants are made of it.
 */
import { BROOM_DELAY_MS, REVOCATION_MARK_MS, type Store, type StoredSession } from '../../src/core/store.ts'

/** A store that can do everything. */
export interface FullStore extends Required<Store> {
  /** What comes after it is refused. */
  close(): void
  /** Sends one command: fails when the handle's process is dead, or dies of it and never hears the answer. */
  command<V>(work: () => V): V
}

/** What all handles share, as a database would be shared. */
export interface Engine {
  readonly sessions: Map<string, StoredSession>
  readonly marks: Map<string, number>
  readonly listeners: Map<(id: string) => void, FullStore>
  /** Gives another handle on it; of a process that dies after so many commands. */
  open(commands?: number): FullStore
}

export function referenceEngine(): Engine {
  const engine: Engine = {
    sessions: new Map(),
    marks: new Map(),
    listeners: new Map(),
    open: (commands) => referenceStore(engine, commands),
  }
  return engine
}

function referenceStore({ sessions, marks, listeners }: Engine, commands = Infinity): FullStore {
  let left = commands
  const live = (id: string, now: number): StoredSession | undefined => {
    const session = sessions.get(id)
    return session && session.expiresAt > now ? session : undefined
  }
  const tell = (id: string): void => {
    for (const [fn, by] of listeners) if (by !== store) fn(id)
  }
  const store: FullStore = {
    load: (id, { now }) =>
      store.command(() => {
        const session = live(id, now)
        return session && { ...session }
      }),
    create: (id, session, { now }) =>
      store.command(() => {
        if (live(id, now)) return false
        sessions.set(id, { ...session })
        return true
      }),
    save: (id, session, ifVersion, { now }) =>
      store.command(() => {
        const stored = live(id, now)
        if (!stored) return 'gone'
        if (stored.version !== ifVersion) return { conflict: { ...stored } }
        sessions.set(id, { ...session })
        tell(id)
        return 'saved'
      }),
    touch: (id, expiresAt, { now }) =>
      store.command(() => {
        const stored = live(id, now)
        if (stored && stored.expiresAt < expiresAt) stored.expiresAt = expiresAt
        return stored !== undefined
      }),
    remove: (id) =>
      store.command(() => {
        if (sessions.delete(id)) tell(id)
      }),
    async *list(principal, call) {
      for await (const [id, session] of store.scan(call)) if (session.principal === principal) yield [id, session]
    },
    async removeAll(principal, { except }, call) {
      marks.set(principal, Math.max(call.now, marks.get(principal) ?? 0))
      let ended = 0
      for await (const [id] of store.list(principal, call)) {
        if (id === except) continue
        await store.remove(id, call)
        ended++
      }
      return ended
    },
    revokedAt(principal, { now }) {
      const mark = marks.get(principal)
      return mark !== undefined && now - mark < REVOCATION_MARK_MS ? mark : undefined
    },
    async *scan({ now }) {
      for (const [id, session] of sessions) if (session.expiresAt > now) yield [id, { ...session }]
    },
    prune(limit, { now }) {
      const old = [...sessions].filter(([, session]) => session.expiresAt <= now - BROOM_DELAY_MS).slice(0, limit)
      for (const [id] of old) sessions.delete(id)
      return old.length
    },
    changes(fn) {
      listeners.set(fn, store)
      return () => void listeners.delete(fn)
    },
    close() {
      left = 0
    },
    command(work) {
      if (left <= 0) throw new Error('closed')
      const answer = work()
      if (--left === 0) throw new Error('dead')
      return answer
    },
  }
  return store
}
