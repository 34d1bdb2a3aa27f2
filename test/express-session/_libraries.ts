/** The two libraries under one type: express-session itself, and what stands in for it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import ours from '../../src/express-session/index.ts'

export type Next = (error?: unknown) => void
export type Done = (error?: unknown) => void

/** A session as handlers of either library see it. */
export interface AnySession {
  [key: string]: unknown
  readonly id: string
  cookie: {
    [key: string]: unknown
    maxAge: number | null
    expires: Date | null
    originalMaxAge: number | null
  }
  save(done?: Done): Promise<void>
  reload(done?: Done): Promise<void>
  destroy(done?: Done): Promise<void>
  regenerate(done?: Done): Promise<void>
  touch(): AnySession
  resetMaxAge(): AnySession
}

export interface AnyRequest extends IncomingMessage {
  session: AnySession
  sessionID: string
  sessionStore: AnyStore
}

export interface AnyStore {
  get(id: string, found: (error?: unknown, row?: unknown) => void): void
  set(id: string, session: object, done?: Done): void
  touch(id: string, session: object, done?: Done): void
  destroy(id: string, done?: Done): void
  regenerate(request: object, done: Done): void
  load(id: string, loaded: (error?: unknown, session?: AnySession) => void): void
  createSession(request: object, row: object): AnySession
  generate(request: object): void
  all(given?: (error: unknown, rows: Record<string, { [key: string]: unknown }>) => void): void
  length(given: (error: unknown, count: number) => void): void
  clear(done?: Done): void
  on(event: string, listener: () => void): this
  emit(event: string): boolean
  sessions: Record<string, string>
}

/** What the middleware asks a store for. */
export type Method = 'get' | 'set' | 'touch' | 'destroy'

export type Handle = (request: AnyRequest, response: ServerResponse, next: Next) => unknown
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void

export interface Library {
  (options?: object): Middleware
  Cookie: new (
    options?: unknown,
  ) => AnySession['cookie'] & { serialize(name: string, value: string): string; data: object }
  MemoryStore: new () => AnyStore
  Session: new (request: object, data?: unknown) => AnySession
  Store: { new (): AnyStore; call(self: object): void; prototype: object }
}

/** Required, so that its types do not declare `req.session` for every test. */
export const EXPRESS_SESSION = createRequire(import.meta.url)('express-session') as Library
export const DROP_IN = ours as unknown as Library
