/**
 * Sessions as records in memory: found by id, and by principal.
 *
 * A record is a header of twelve 32-bit words, then the bytes of id, principal and body:
 *
 * | word | |
 * |---|---|
 * | 0, 1 | `expiresAt`, a double |
 * | 2 | `version` |
 * | 3, 4 | the id's hash; the next record in its bucket |
 * | 5, 6 | the principal's hash; the next principal in its bucket |
 * | 7, 8 | the principal's next and previous session |
 * | 9, 10, 11 | what describes the three texts: see `_memory-text.ts` |
 *
 * Of a principal's sessions only the latest stands in the index, the others hang on it. So neither finding nor
 * removing one depends on how many sessions the principal or anybody else has.
 *
 * @module
 */

import type { StoredSession } from '../core/store.ts'
import { Index, SEGMENT } from './_memory-index.ts'
import { ANONYMOUS, NOWHERE, refAt, SIGNED_IN, slotBytesFor, Slots } from './_memory-slots.ts'
import type { Chunk, Ref, Tier } from './_memory-slots.ts'
import { isText, readText, textBytes, textWord, writeText } from './_memory-text.ts'

const VERSION = 2
const ID_HASH = 3
const ID_NEXT = 4
const PRINCIPAL_HASH = 5
const PRINCIPAL_NEXT = 6
const SIBLING_NEXT = 7
const SIBLING_BEFORE = 8
const ID = 9
const PRINCIPAL = 10
const BODY = 11
const HEADER_BYTES = 48

/** What describes a record before it is written. */
export interface Shape {
  readonly id: number
  readonly principal: number
  readonly body: number
  readonly slotBytes: number
}

/** A table of sessions. Judges nothing: neither expiry nor bounds. */
export class SessionTable {
  readonly #slots = new Slots()
  readonly #ids = new Index(this.#slots, ID_HASH, ID_NEXT, (ref, id) => this.#isText(ref, ID, id))
  readonly #principals = new Index(this.#slots, PRINCIPAL_HASH, PRINCIPAL_NEXT, (ref, principal) =>
    this.#isText(ref, PRINCIPAL, principal),
  )
  #bytes = 0

  /** How many sessions there are. */
  get entries(): number {
    return this.count(ANONYMOUS) + this.count(SIGNED_IN)
  }

  /** What their records take. The indexes take 8 more for each. */
  get bytes(): number {
    return this.#bytes
  }

  count(tier: Tier): number {
    return this.#slots.count(tier)
  }

  /** The session at a place of a tier, from 0 to below {@link count}. */
  nth(tier: Tier, place: number): Ref {
    return this.#slots.nth(tier, place)
  }

  /** Gives where the session lies, {@link NOWHERE} when there is none. Holds until another session is removed. */
  find(id: string): Ref {
    return this.#ids.find(id)
  }

  id(ref: Ref): string {
    return this.#text(ref, ID) ?? ''
  }

  principal(ref: Ref): string | null {
    return this.#text(ref, PRINCIPAL)
  }

  version(ref: Ref): number {
    return this.#slots.word(ref, VERSION)
  }

  expiresAt(ref: Ref): number {
    return this.#slots.expiresAt(ref)
  }

  setExpiresAt(ref: Ref, at: number): void {
    this.#slots.setExpiresAt(ref, at)
  }

  read(ref: Ref): StoredSession {
    return {
      version: this.version(ref),
      expiresAt: this.expiresAt(ref),
      principal: this.principal(ref),
      body: this.#text(ref, BODY) ?? '',
    }
  }

  /** Tells what a session's record would look like. */
  shape(id: string, session: StoredSession): Shape {
    const words = [textWord(id), textWord(session.principal), textWord(session.body)] as const
    const bytes = HEADER_BYTES + textBytes(words[0]) + textBytes(words[1]) + textBytes(words[2])
    return { id: words[0], principal: words[1], body: words[2], slotBytes: slotBytesFor(bytes) }
  }

  /** Adds a session. Its id must not be there. */
  insert(id: string, session: StoredSession, shape: Shape): void {
    const { principal } = session
    const ref = this.#slots.allocate(principal === null ? ANONYMOUS : SIGNED_IN, shape.slotBytes)
    this.#bytes += shape.slotBytes
    this.#writeText(ref, ID, id, shape.id)
    this.#writeText(ref, PRINCIPAL, principal, shape.principal)
    this.#writeState(ref, session, shape)
    this.#ids.add(ref, id)
    if (principal !== null) this.#link(ref, principal)
  }

  /** Replaces a session where it lies. `false`, changing nothing, when it needs another slot or another principal. */
  overwrite(ref: Ref, session: StoredSession, shape: Shape): boolean {
    const { principal } = session
    const fits = shape.slotBytes === this.#slots.chunk(ref).pool.slotBytes
    if (!fits || shape.principal !== this.#slots.word(ref, PRINCIPAL)) return false
    if (principal !== null && !this.#isText(ref, PRINCIPAL, principal)) return false
    this.#writeState(ref, session, shape)
    return true
  }

  /** Removes a session; another may come to lie in its place. */
  remove(ref: Ref): void {
    const { tier, slotBytes } = this.#slots.chunk(ref).pool
    this.#ids.remove(ref)
    if (tier === SIGNED_IN) this.#unlink(ref)
    this.#bytes -= slotBytes
    const moved = this.#slots.free(ref)
    if (moved === NOWHERE) return
    this.#ids.moved(moved, ref)
    if (tier === SIGNED_IN) this.#relink(moved, ref)
  }

  /** Gives the ids of a principal's sessions, the latest first. */
  idsOf(principal: string): string[] {
    const ids: string[] = []
    let ref = this.#principals.find(principal)
    for (; ref !== NOWHERE; ref = this.#slots.word(ref, SIBLING_NEXT)) ids.push(this.id(ref))
    return ids
  }

  /** Gives every id, some at a time: in between anything may happen to the table, and no id is missed or repeated. */
  *ids(): Generator<string[]> {
    for (let group = 0; group < SEGMENT; group++) yield Array.from(this.#ids.group(group), (ref) => this.id(ref))
  }

  /** Removes what has expired by `now`, and pauses after each chunk: in between anything may happen to the table. */
  *sweep(now: number): Generator<void> {
    for (const pool of this.#slots.pools()) {
      // Backwards, because the last record fills a gap: whatever moves has been looked at.
      for (let i = pool.chunks.length - 1; i >= 0; i--) {
        const chunk = pool.chunks[i]
        if (!chunk || chunk.soonest > now) continue
        this.#sweepChunk(chunk, i * pool.slotsPerChunk, now)
        yield
      }
      this.#slots.discard(pool)
    }
  }

  #sweepChunk(chunk: Chunk, first: number, now: number): void {
    const { pool } = chunk
    chunk.soonest = Infinity
    for (let place = Math.min(pool.count, first + pool.slotsPerChunk) - 1; place >= first; place--) {
      const ref = refAt(pool, place)
      const expiresAt = this.expiresAt(ref)
      if (expiresAt <= now) this.remove(ref)
      else if (expiresAt < chunk.soonest) chunk.soonest = expiresAt
    }
  }

  /** Writes what a save may change. */
  #writeState(ref: Ref, session: StoredSession, shape: Shape): void {
    this.#slots.setWord(ref, VERSION, session.version)
    this.#slots.setExpiresAt(ref, session.expiresAt)
    this.#writeText(ref, BODY, session.body, shape.body)
  }

  /** Where a text begins: {@link ID}, {@link PRINCIPAL} and {@link BODY} lie one after the other. */
  #start(ref: Ref, field: number): number {
    let at = this.#slots.start(ref) + HEADER_BYTES
    if (field > ID) at += textBytes(this.#slots.word(ref, ID))
    if (field > PRINCIPAL) at += textBytes(this.#slots.word(ref, PRINCIPAL))
    return at
  }

  #text(ref: Ref, field: number): string | null {
    return readText(this.#slots.chunk(ref).bytes, this.#start(ref, field), this.#slots.word(ref, field))
  }

  #isText(ref: Ref, field: number, text: string): boolean {
    return isText(this.#slots.chunk(ref).bytes, this.#start(ref, field), this.#slots.word(ref, field), text)
  }

  #writeText(ref: Ref, field: number, text: string | null, word: number): void {
    this.#slots.setWord(ref, field, word)
    if (text !== null) writeText(this.#slots.chunk(ref).bytes, this.#start(ref, field), text, word)
  }

  /** Makes a session its principal's latest. */
  #link(ref: Ref, principal: string): void {
    const latest = this.#principals.find(principal)
    if (latest === NOWHERE) this.#principals.add(ref, principal)
    else this.#principals.supersede(latest, ref)
    this.#join(NOWHERE, ref)
    this.#join(ref, latest)
  }

  #unlink(ref: Ref): void {
    const before = this.#slots.word(ref, SIBLING_BEFORE)
    const next = this.#slots.word(ref, SIBLING_NEXT)
    this.#join(before, next)
    if (before !== NOWHERE) return
    if (next === NOWHERE) this.#principals.remove(ref)
    else this.#principals.supersede(ref, next)
  }

  /** Makes everything of a principal that pointed at a session point at where it lies now. */
  #relink(from: Ref, to: Ref): void {
    const before = this.#slots.word(to, SIBLING_BEFORE)
    this.#join(before, to)
    this.#join(to, this.#slots.word(to, SIBLING_NEXT))
    if (before === NOWHERE) this.#principals.moved(from, to)
  }

  /** Makes two sessions of a principal neighbours; either may be {@link NOWHERE}. */
  #join(before: Ref, next: Ref): void {
    if (before !== NOWHERE) this.#slots.setWord(before, SIBLING_NEXT, next)
    if (next !== NOWHERE) this.#slots.setWord(next, SIBLING_BEFORE, before)
  }
}
