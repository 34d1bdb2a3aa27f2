/**
 * What is asked of a store, whoever wrote it.
 *
 * @module
 */

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
