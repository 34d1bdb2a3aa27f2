/**
 * Finds records by a key, in a hash table that grows by one bucket at a time.
 *
 * Doubling a table of a million entries stops everybody for tens of milliseconds. Linear hashing (W. Litwin, VLDB
 * 1980) splits one bucket for each record that comes, in a fixed order, and joins them again as records go, so that
 * no call costs more than another. The buckets' chains run through the records themselves.
 *
 * @module
 */

import { randomInt } from 'node:crypto'

import { NOWHERE } from './_memory-slots.ts'
import type { Ref, Slots } from './_memory-slots.ts'
import { hashText } from './_memory-text.ts'

/** Buckets come in segments, so that growing copies nothing. There is always at least one. */
export const SEGMENT = 4096

/** An index over one key of the records, each key in it once. */
export class Index {
  readonly #slots: Slots
  readonly #hashField: number
  readonly #nextField: number
  readonly #holds: (ref: Ref, key: string) => boolean
  readonly #seed = randomInt(2 ** 32)
  readonly #heads = [new Uint32Array(SEGMENT)]
  #buckets = SEGMENT
  /** The least 2^n - 1 that numbers every bucket. */
  #mask = SEGMENT - 1
  #count = 0

  /**
   * @param hashField the word of a record that keeps its key's hash
   * @param nextField the word of a record that points at the next in its bucket
   * @param holds whether a record has a key
   */
  constructor(slots: Slots, hashField: number, nextField: number, holds: (ref: Ref, key: string) => boolean) {
    this.#slots = slots
    this.#hashField = hashField
    this.#nextField = nextField
    this.#holds = holds
  }

  /** Gives the record that stands under the key, {@link NOWHERE} when there is none. */
  find(key: string): Ref {
    const hash = hashText(key, this.#seed)
    let ref = this.#head(this.#bucket(hash))
    while (ref !== NOWHERE && (this.#hash(ref) !== hash || !this.#holds(ref, key))) ref = this.#next(ref)
    return ref
  }

  /** Puts a record under a key that is not there yet. */
  add(ref: Ref, key: string): void {
    const hash = hashText(key, this.#seed)
    this.#slots.setWord(ref, this.#hashField, hash)
    this.#push(this.#bucket(hash), ref)
    if (++this.#count > this.#buckets) this.#split()
  }

  remove(ref: Ref): void {
    this.#repoint(ref, this.#next(ref), this.#hash(ref))
    this.#count--
    // Two for one, because a table may be half empty before it shrinks: or one record coming and going would thrash.
    for (let joins = 0; joins < 2 && this.#count * 2 < this.#buckets && this.#buckets > SEGMENT; joins++) this.#join()
  }

  /** Puts another record in the place of one with the same key. */
  supersede(ref: Ref, by: Ref): void {
    this.#slots.setWord(by, this.#hashField, this.#hash(ref))
    this.#slots.setWord(by, this.#nextField, this.#next(ref))
    this.moved(ref, by)
  }

  /** Takes note that a record lies elsewhere now. It is no longer read where it was. */
  moved(from: Ref, to: Ref): void {
    this.#repoint(from, to, this.#hash(to))
  }

  /** Gives the records of one of {@link SEGMENT} groups. A key's group never changes, however the table grows. */
  *group(group: number): Generator<Ref> {
    for (let bucket = group; bucket < this.#buckets; bucket += SEGMENT) {
      for (let ref = this.#head(bucket); ref !== NOWHERE; ref = this.#next(ref)) yield ref
    }
  }

  #hash(ref: Ref): number {
    return this.#slots.word(ref, this.#hashField)
  }

  #next(ref: Ref): Ref {
    return this.#slots.word(ref, this.#nextField)
  }

  #bucket(hash: number): number {
    const bucket = (hash & this.#mask) >>> 0
    return bucket < this.#buckets ? bucket : bucket & (this.#mask >>> 1)
  }

  #head(bucket: number): Ref {
    return this.#heads[Math.floor(bucket / SEGMENT)]![bucket % SEGMENT]!
  }

  #setHead(bucket: number, ref: Ref): void {
    this.#heads[Math.floor(bucket / SEGMENT)]![bucket % SEGMENT] = ref
  }

  #push(bucket: number, ref: Ref): void {
    this.#slots.setWord(ref, this.#nextField, this.#head(bucket))
    this.#setHead(bucket, ref)
  }

  /** Makes whatever points at `ref` point at `to`. */
  #repoint(ref: Ref, to: Ref, hash: number): void {
    const bucket = this.#bucket(hash)
    let before = NOWHERE
    for (let at = this.#head(bucket); at !== ref; at = this.#next(at)) before = at
    if (before === NOWHERE) this.#setHead(bucket, to)
    else this.#slots.setWord(before, this.#nextField, to)
  }

  /** Adds a bucket and moves into it what belongs there. */
  #split(): void {
    if (this.#buckets % SEGMENT === 0) this.#heads.push(new Uint32Array(SEGMENT))
    const added = this.#buckets++
    if (added > this.#mask) this.#mask = this.#mask * 2 + 1
    this.#distribute(added & (this.#mask >>> 1))
  }

  /** Undoes the latest split. */
  #join(): void {
    this.#distribute(--this.#buckets)
    if (this.#buckets === (this.#mask + 1) / 2) this.#mask >>>= 1
    if (this.#buckets % SEGMENT === 0) this.#heads.pop()
  }

  /** Takes the records out of a bucket and puts each where it belongs by now. */
  #distribute(bucket: number): void {
    let ref = this.#head(bucket)
    this.#setHead(bucket, NOWHERE)
    while (ref !== NOWHERE) {
      const next = this.#next(ref)
      this.#push(this.#bucket(this.#hash(ref)), ref)
      ref = next
    }
  }
}
