/**
 * Text as bytes, for records in memory: exact, and in as few bytes as it needs.
 *
 * A text is described by one word of 32 bits: four times its length in bytes, plus its encoding's number.
 *
 * @module
 */

/** Describes the absence of a text: a principal of `null` is not the principal ''. */
export const ABSENT = 3

const ENCODINGS = ['latin1', 'utf8', 'utf16le'] as const
const LATIN1 = 0
const UTF8 = 1
const UTF16 = 2

const WIDE = /[\u0100-\uffff]/
const LONE_SURROGATE = /\p{Cs}/u

/** Describes a text. */
export function textWord(text: string | null): number {
  if (text === null) return ABSENT
  if (!WIDE.test(text)) return text.length * 4 + LATIN1
  // UTF-8, so that one foreign letter does not double a text; UTF-16 where that is shorter, or alone keeps it exact.
  const bytes = Buffer.byteLength(text)
  return bytes < text.length * 2 && !LONE_SURROGATE.test(text) ? bytes * 4 + UTF8 : text.length * 8 + UTF16
}

/** How many bytes a text takes. */
export function textBytes(word: number): number {
  return word >>> 2
}

export function writeText(bytes: Buffer, at: number, text: string, word: number): void {
  bytes.write(text, at, textBytes(word), ENCODINGS[word & 3])
}

export function readText(bytes: Buffer, at: number, word: number): string | null {
  return word === ABSENT ? null : bytes.toString(ENCODINGS[word & 3], at, at + textBytes(word))
}

/** Whether this is the text written at `at`: in the common case without making a string of that. */
export function isText(bytes: Buffer, at: number, word: number, text: string): boolean {
  if ((word & 3) !== LATIN1) return readText(bytes, at, word) === text
  if (textBytes(word) !== text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}

/** Hashes a text to 32 bits. With a secret seed, so that nobody can choose names that all fall into one bucket. */
export function hashText(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x9e37_79b1)
    hash ^= hash >>> 15
  }
  return hash >>> 0
}
