/**
 * What one session object stands on during a request: the record it was opened with, the token that opened it, what
 * of its data is stored, and what the handler asked for beside data.
 *
 * @module
 */
import type { SessionRecord } from '../core/record.ts'
import type { SessionLimits } from '../core/session-limits.ts'
import { drawId, drawSecret, type Token } from '../core/token.ts'
import type { Shell } from './shell.ts'

export class Standing {
  readonly #shell: Shell
  #freshId: string | undefined
  #nextSecret: string | undefined

  /** As far as this request knows; undefined while the store knows nothing of the session. */
  record: SessionRecord | undefined
  /** What opened the session, and its secret's hash: who holds a token that is no longer current may not write. */
  token: Token | undefined
  hash = ''
  /** The encoded data as they are stored: what a change is told from. */
  text: string

  /** Whether the session has just arrived from the predecessor, and its old cookie is what opened it. */
  arrives = false
  /** The step that periodic rotation has to take. */
  step: 'replace' | 'confirm' | undefined
  /** The handler asked for a new token. */
  regenerates = false
  /** Whoever is signed in then has just proved who they are. */
  authenticates = false
  /** The handler emptied the session: nothing of what others stored is merged in. */
  whole = false
  /** The handler asked for the expiry to be moved. */
  touched = false
  limits: SessionLimits | undefined

  constructor(shell: Shell) {
    this.#shell = shell
    this.text = shell.config.format.empty
  }

  get id(): string {
    return this.record?.id ?? (this.#freshId ??= drawId(this.#shell.random))
  }

  /** The secret of the token to come: the same one, however often it is asked for before it is stored. */
  get nextSecret(): string {
    return (this.#nextSecret ??= drawSecret(this.#shell.random))
  }

  /** Whether the handler asked for something beside data. */
  get asks(): boolean {
    return this.regenerates || this.limits !== undefined
  }

  on(record: SessionRecord, token: Token, hash: string): void {
    this.record = record
    this.token = token
    this.hash = hash
    this.text = record.text
  }

  /** The session has arrived: a token of its own is to take the old cookie's place. */
  arrive(): void {
    this.arrives = true
    this.step = 'replace'
  }

  /** The session is not there, or not readable: what comes next is a new one. */
  onNothing(): void {
    this.record = this.token = this.step = this.#freshId = undefined
    this.arrives = false
    this.text = this.#shell.config.format.empty
  }

  /** What the handler asked for has been done, or has failed. */
  clearRequests(): void {
    this.regenerates = this.authenticates = this.whole = this.touched = false
    this.limits = this.step = this.#nextSecret = undefined
  }

  /** The standing of the object that follows an emptying `regenerate`: the same session, under another object. */
  emptied(): Standing {
    const next = new Standing(this.#shell)
    if (this.record) next.on(this.record, this.token!, this.hash)
    next.text = this.text
    next.arrives = this.arrives
    next.#freshId = this.#freshId
    next.limits = this.limits
    next.whole = true
    return next
  }
}
