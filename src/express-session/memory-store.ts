/**
 * Sessions in memory, as JSON texts: for development and for tests.
 *
 * Expired sessions leave when they are asked for; until then they stay. `memoryStore()` of `sojourn` has none of this.
 *
 * @module
 */
import { inherits } from 'node:util'
import type { Row } from './create-session.ts'
import type { Done } from './store-contract.ts'
import { Store } from './store.ts'

type Told<V> = (error: null, value: V) => void

export interface MemoryStore extends Store {
  /** The texts by id. */
  sessions: Record<string, string>
  get(id: string, found: Told<Row | undefined>): void
  set(id: string, session: object, done?: Done): void
  touch(id: string, session: object, done?: Done): void
  destroy(id: string, done?: Done): void
  /** Gives the sessions that have not expired, by id. */
  all(given?: Told<Record<string, Row>>): void
  /** Gives how many they are. */
  length(given: Told<number>): void
  clear(done?: Done): void
}

export interface MemoryStoreConstructor {
  readonly prototype: MemoryStore
  new (): MemoryStore
  (this: MemoryStore): void
}

export const MemoryStore: MemoryStoreConstructor = function MemoryStore(this: MemoryStore): void {
  Store.call(this)
  this.sessions = noSessions()
} as unknown as MemoryStoreConstructor

inherits(MemoryStore, Store)

Object.assign(MemoryStore.prototype, {
  get(this: MemoryStore, id: string, found: Told<Row | undefined>): void {
    setImmediate(found, null, live(this, id))
  },

  set(this: MemoryStore, id: string, session: object, done?: Done): void {
    this.sessions[id] = JSON.stringify(session)
    later(done)
  },

  touch(this: MemoryStore, id: string, session: { cookie: Row['cookie'] }, done?: Done): void {
    const text = this.sessions[id] ?? ''
    const head = HEAD.exec(text)?.[0] ?? text.slice(0, -1)
    const there = live(this, id, `${head}}`)
    if (there) {
      const touched = JSON.stringify({ ...there, cookie: session.cookie })
      this.sessions[id] = touched.slice(0, -1) + text.slice(head.length)
    }
    later(done)
  },

  destroy(this: MemoryStore, id: string, done?: Done): void {
    delete this.sessions[id]
    later(done)
  },

  all(this: MemoryStore, given?: Told<Record<string, Row>>): void {
    const rows = noSessions<Row>()
    for (const id of Object.keys(this.sessions)) {
      const row = live(this, id)
      if (row) rows[id] = row
    }
    if (given) setImmediate(given, null, rows)
  },

  length(this: MemoryStore, given: Told<number>): void {
    this.all((_, rows) => given(null, Object.keys(rows).length))
  },

  clear(this: MemoryStore, done?: Done): void {
    this.sessions = noSessions()
    later(done)
  },
})

// --- internal ---

/** A text up to the end of its cookie, which most begin with: what comes after that a touch need not read. */
const HEAD = /^\{"cookie":\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}/

function noSessions<V = string>(): Record<string, V> {
  return Object.create(null) as Record<string, V>
}

function later(done: Done | undefined): void {
  if (done) setImmediate(done)
}

/** @param text the session's own, or a part of it that has the cookie */
function live({ sessions }: MemoryStore, id: string, text = sessions[id]): Row | undefined {
  const row = text ? parsed(text) : undefined
  const expires = row?.cookie?.expires
  if (!expires || new Date(expires).getTime() > Date.now()) return row
  delete sessions[id]
  return undefined
}

function parsed(text: string): Row | undefined {
  try {
    return (JSON.parse(text) as Row | null) ?? undefined
  } catch {
    return undefined // Nothing that this store wrote.
  }
}
