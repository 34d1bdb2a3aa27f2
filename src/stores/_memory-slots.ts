/**
 * The memory that sessions lie in: slots of equal size, without gaps.
 *
 * A million objects or strings make every garbage collection slow, so a record is a run of bytes instead. Its size
 * is rounded up to a slot size; the slots of one size make up a pool, filled from the front: whatever leaves is
 * replaced by the pool's last record. So there is nothing to compact, nothing is copied to grow, and the memory goes
 * back chunk by chunk as sessions go.
 *
 * Each slot size has one pool per tier. Sessions that nobody is signed in to have a tier of their own, so that one of
 * them is found at once when room is needed.
 *
 * @module
 */

/** Where a record lies: its chunk's number and its slot there, in 32 bits. Changes whenever another record leaves. */
export type Ref = number

/** The reference that points at nothing. */
export const NOWHERE = 0

/** The pools of sessions with a principal and of those without. */
export type Tier = 0 | 1
export const ANONYMOUS = 0
export const SIGNED_IN = 1

const SLOT_BITS = 9
const SLOT_MASK = (1 << SLOT_BITS) - 1
/** Large enough that chunks are few and come straight from the operating system; a slice of sweeping does several. */
const CHUNK_BYTES = 262_144

/** What ES2024 adds to `ArrayBuffer`. Where it is missing, memory waits for the garbage collection. */
interface Resizable extends ArrayBuffer {
  resize?(bytes: number): void
}
type ResizableConstructor = new (size: number, options: { maxByteLength: number }) => Resizable

/** A run of slots. One piece of memory, seen three ways. */
export interface Chunk {
  readonly number: number
  readonly pool: Pool
  readonly memory: Resizable
  readonly bytes: Buffer
  readonly words: Uint32Array
  /** Each slot begins with its session's `expiresAt`, the one field of 64 bits. */
  readonly times: Float64Array
  /** No session in here expires before: so that a sweep passes by most chunks after one comparison. */
  soonest: number
}

/** All slots of one size and tier, the first `count` of them in use. */
export interface Pool {
  readonly tier: Tier
  readonly slotBytes: number
  readonly slotsPerChunk: number
  readonly chunks: Chunk[]
  count: number
}

/** Gives the size of the slot that `bytes` need: multiples of 8, and from 256 bytes on 1/32 to 1/16 apart. */
export function slotBytesFor(bytes: number): number {
  const step = 1 << Math.max(3, 27 - Math.clz32(bytes))
  return bytes + ((step - (bytes % step)) % step)
}

/** Hands slots out and takes them back. Knows nothing of what lies in them but where `expiresAt` is. */
export class Slots {
  /** By number. Number 0 stays empty, so that no reference is ever {@link NOWHERE}. */
  readonly #chunks: (Chunk | undefined)[] = [undefined]
  readonly #pools: [Map<number, Pool>, Map<number, Pool>] = [new Map(), new Map()]
  readonly #counts: [number, number] = [0, 0]

  /** How many slots of a tier are in use. */
  count(tier: Tier): number {
    return this.#counts[tier]
  }

  /** Every pool, to walk through. */
  *pools(): Generator<Pool> {
    for (const tier of this.#pools) yield* tier.values()
  }

  /** The chunk that a reference points into. */
  chunk(ref: Ref): Chunk {
    return this.#chunks[ref >>> SLOT_BITS]!
  }

  /** Where in its chunk's bytes a record begins. */
  start(ref: Ref): number {
    return (ref & SLOT_MASK) * this.chunk(ref).pool.slotBytes
  }

  word(ref: Ref, field: number): number {
    return this.chunk(ref).words[(this.start(ref) >>> 2) + field]!
  }

  setWord(ref: Ref, field: number, value: number): void {
    this.chunk(ref).words[(this.start(ref) >>> 2) + field] = value
  }

  expiresAt(ref: Ref): number {
    return this.chunk(ref).times[this.start(ref) >>> 3]!
  }

  setExpiresAt(ref: Ref, at: number): void {
    const chunk = this.chunk(ref)
    chunk.times[this.start(ref) >>> 3] = at
    if (at < chunk.soonest) chunk.soonest = at
  }

  /** Gives an unused slot of at least `bytes`. What it holds is left over from others. */
  allocate(tier: Tier, slotBytes: number): Ref {
    const pool = this.#pool(tier, slotBytes)
    if (pool.count === pool.chunks.length * pool.slotsPerChunk) pool.chunks.push(this.#newChunk(pool))
    this.#counts[tier]++
    return refAt(pool, pool.count++)
  }

  /**
   * Takes a slot back and moves its pool's last record into it.
   *
   * @returns where that record lay before; {@link NOWHERE} when none had to move
   */
  free(ref: Ref): Ref {
    const { pool } = this.chunk(ref)
    const last = refAt(pool, --pool.count)
    this.#counts[pool.tier]--
    if (last !== ref) this.#copy(last, ref)
    // Half a chunk is kept back, or one session that comes and goes would take and give one each time.
    if ((pool.chunks.length - 1.5) * pool.slotsPerChunk >= pool.count) this.#letGo(pool)
    return last === ref ? NOWHERE : last
  }

  /** The record at a place of a tier, counted over all its pools. */
  nth(tier: Tier, place: number): Ref {
    for (const pool of this.#pools[tier].values()) {
      if (place < pool.count) return refAt(pool, place)
      place -= pool.count
    }
    return NOWHERE
  }

  /** Gives up a pool if it is empty: its last chunk is kept until then. */
  discard(pool: Pool): void {
    if (pool.count > 0) return
    while (pool.chunks.length > 0) this.#letGo(pool)
    this.#pools[pool.tier].delete(pool.slotBytes)
  }

  #copy(from: Ref, to: Ref): void {
    const source = this.chunk(from)
    const start = this.start(from)
    source.bytes.copy(this.chunk(to).bytes, this.start(to), start, start + source.pool.slotBytes)
    this.setExpiresAt(to, this.expiresAt(from))
  }

  #pool(tier: Tier, slotBytes: number): Pool {
    let pool = this.#pools[tier].get(slotBytes)
    if (!pool) {
      const slotsPerChunk = Math.min(SLOT_MASK + 1, Math.max(1, Math.floor(CHUNK_BYTES / slotBytes)))
      pool = { tier, slotBytes, slotsPerChunk, chunks: [], count: 0 }
      this.#pools[tier].set(slotBytes, pool)
    }
    return pool
  }

  #newChunk(pool: Pool): Chunk {
    const size = pool.slotBytes * pool.slotsPerChunk
    const memory = reserve(size)
    const vacant = this.#chunks.indexOf(undefined, 1)
    const chunk: Chunk = {
      number: vacant > 0 ? vacant : this.#chunks.length,
      pool,
      memory,
      bytes: Buffer.from(memory, 0, size),
      words: new Uint32Array(memory, 0, size / 4),
      times: new Float64Array(memory, 0, size / 8),
      soonest: Infinity,
    }
    this.#chunks[chunk.number] = chunk
    return chunk
  }

  #letGo(pool: Pool): void {
    const chunk = pool.chunks.pop()!
    chunk.memory.resize?.(0)
    this.#chunks[chunk.number] = undefined
  }
}

/** The record at a place of a pool. */
export function refAt(pool: Pool, place: number): Ref {
  const chunk = pool.chunks[Math.floor(place / pool.slotsPerChunk)]!
  return chunk.number * (SLOT_MASK + 1) + (place % pool.slotsPerChunk)
}

/**
 * Gives memory that goes back to the operating system at once: a resizable buffer, when resized to nothing.
 *
 * Any other waits for the next full garbage collection, and is then kept by the C library all the same.
 */
function reserve(size: number): Resizable {
  return new (ArrayBuffer as ResizableConstructor)(size, { maxByteLength: size })
}
