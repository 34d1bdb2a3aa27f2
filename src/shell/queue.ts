/**
 * One turn after another for each session: the commits and updates of one session do not race within a process.
 *
 * @module
 */
import type { SessionRecord } from '../core/record.ts'

/** A session's line, while anybody stands in it. */
interface Line {
  last: Promise<unknown>
  waiting: number
  latest: SessionRecord | undefined
}

/** What a turn can see and leave for the next one in line. */
export interface Turn {
  /** The record that the turn before left, so that this one need not meet it as a conflict. */
  latest: SessionRecord | undefined
}

export class Queue {
  readonly #lines = new Map<string, Line>()

  /** Whether somebody stands in line for this session. */
  isBusy(id: string): boolean {
    return this.#lines.has(id)
  }

  /** Runs `turn` after those before it, whatever became of them. */
  async run<R>(id: string, turn: (line: Turn) => Promise<R>): Promise<R> {
    const line = this.#lines.get(id) ?? { last: Promise.resolve(), waiting: 0, latest: undefined }
    if (line.waiting === 0) this.#lines.set(id, line)
    line.waiting++
    const result = line.waiting === 1 ? begin(turn, line) : line.last.then(() => turn(line))
    // The next in line waits for the end of this turn, not for its success: that is told to who asked for it.
    line.last = result.then(ignore, ignore)
    try {
      return await result
    } finally {
      line.waiting--
      if (line.waiting === 0) this.#lines.delete(id)
    }
  }
}

// --- internal ---

/** Begins at once; what throws at once is a turn that failed, and leaves the line like others. */
function begin<R>(turn: (line: Turn) => Promise<R>, line: Turn): Promise<R> {
  try {
    return turn(line)
  } catch (error) {
    return Promise.reject(error)
  }
}

function ignore(): void {}
