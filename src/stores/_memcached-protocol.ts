/**
 * What memcached answers, taken apart: one line for each question, and for a value its bytes.
 *
 * @see https://docs.memcached.org/protocols/meta/
 * @module
 */

/** One answer. */
export interface Reply {
  /** Its first word: `HD` done, `VA` a value, `EN` a miss, `NF` not found, `NS` not stored, `EX` another CAS value. */
  readonly code: string
  /** The words behind it: flags, each a letter and what follows it. */
  readonly words: readonly string[]
  /** What `VA` brings. */
  readonly value?: Buffer
}

/** Gives what stands behind a flag's letter; `undefined` where the answer has no such flag. */
export function flagOf({ words }: Reply, letter: string): string | undefined {
  return words.find((word) => word.startsWith(letter))?.slice(1)
}

/** Gives the answer as it was written, for messages. */
export function lineOf({ code, words }: Reply): string {
  return [code, ...words].join(' ')
}

/** Longer than any line that memcached writes. */
const LINE_MAX = 4096

/** Takes the answers out of what comes over one connection, however it is cut. */
export class Replies {
  #chunks: Buffer[] = []
  #length = 0
  /** There is no further answer in fewer bytes than these. */
  #needed = 1

  /** Gives the answers that this chunk completes. @throws Error when no memcached writes such a thing */
  read(chunk: Buffer): Reply[] {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#needed) return []
    const replies: Reply[] = []
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    for (let end = this.#end(rest); end <= rest.length; end = this.#end(rest)) {
      const answer = rest.subarray(0, end)
      rest = rest.subarray(end)
      replies.push(toReply(answer))
    }
    this.#chunks = [rest]
    this.#length = rest.length
    return replies
  }

  /** Where the first answer ends, or would at the earliest. */
  #end(bytes: Buffer): number {
    const at = bytes.indexOf('\r\n')
    if (at < 0 && bytes.length > LINE_MAX) throw new Error('What answers here does not speak the memcached protocol.')
    this.#needed = at < 0 ? bytes.length + 1 : at + 2 + blockLength(bytes, at)
    return this.#needed
  }
}

// --- internal ---

/** How many bytes follow a line that ends here. */
function blockLength(bytes: Buffer, lineEnd: number): number {
  const size = /^VA (\d{1,10})(?: |$)/.exec(bytes.toString('latin1', 0, Math.min(lineEnd, 16)))?.[1]
  return size === undefined ? 0 : Number(size) + 2
}

function toReply(answer: Buffer): Reply {
  const lineEnd = answer.indexOf('\r\n')
  const [code = '', ...words] = answer.toString('latin1', 0, lineEnd).split(' ')
  return code === 'VA' ? { code, words: words.slice(1), value: answer.subarray(lineEnd + 2, -2) } : { code, words }
}
