/**
 * What is asked of a store, whoever wrote it.
 *
 * @module
 */
import type { EventEmitter } from 'node:events'

/** A callback of a method that gives nothing back. */
export type Done = (error?: unknown) => void

/** A callback of a method that gives something. */
export type Found = (error?: unknown, value?: unknown) => void

/** The part of a store that the middleware calls: any store that has it fits, wherever its class comes from. */
export interface StoreLike {
  get(id: string, found: (error: unknown, session?: unknown) => void): unknown
  set(id: string, session: object, done: (error?: unknown) => void): unknown
  destroy(id: string, done: (error?: unknown) => void): unknown
  touch?(id: string, session: object, done: (error?: unknown) => void): unknown
  on(event: string, listener: () => void): unknown
}

/** The same with what the middleware lays on it, and what the base class gives it. */
export interface GeneratingStore extends StoreLike {
  generate?(request: object): void
  createSession?(request: object, row: unknown): object
}

/** What handlers see as `req.sessionStore`, whichever store it is. */
export interface RequestStore extends EventEmitter, StoreLike {
  on(event: string, listener: (...values: unknown[]) => void): this
  /** Begins a new session for the request. */
  generate(request: object): void
  regenerate(request: object, done: Done): void
  load(id: string, loaded: (error?: unknown, session?: object) => void): void
  createSession(request: object, row: object): object
  all?(given: Found): void
  length?(given: Found): void
  clear?(done?: Done): void
}
