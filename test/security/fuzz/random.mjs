/** Inputs drawn from a seed: the same seed, the same changes. The samples have the library's own randomness. */

/** What has confused parsers before. */
const HOSTILE = [
  [
    '\0',
    '\r\n',
    '\n',
    '\t',
    ' ',
    ';',
    '; ',
    '=',
    '.',
    '..',
    ',',
    '"',
    "'",
    '\\',
    '%',
    '%00',
    '%3D',
    '-',
    '_',
    '+',
    '/',
  ],
  ['\u00a0', '\u2028', '\ufeff', '\ud800', 'é', '😀', '\x7f', '\x0b', '\x0c', '\x85'],
  [
    '{',
    '}',
    '[',
    ']',
    '{"__proto__":{"x":1}}',
    '"__proto__":',
    '\\u005f_proto__',
    'null',
    'true',
    '1e999',
    '-0',
    'NaN',
  ],
  ['sid=', '__Host-sid=', 'sid.1=', '$Version=1; ', 'v1.', 'v2.', 'k1', 's:', 'e30', '1.', '9.'],
  ['A'.repeat(43), 'A'.repeat(2000)],
].flat()

/** Draws from a seed, a whole number (mulberry32). */
export class Random {
  #state

  constructor(seed) {
    this.#state = seed >>> 0
  }

  /** A whole number below `limit`. */
  below(limit) {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let bits = this.#state
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) % limit
  }

  one(list) {
    return list[this.below(list.length)]
  }

  /** One of the samples: as it is, changed a little, joined with another, or none of them at all. */
  input(samples) {
    const kind = this.below(20)
    if (kind === 0) return this.one(samples)
    if (kind < 4) return this.#noise()
    let text = this.one(samples)
    for (let left = 1 + this.below(4); left > 0; left--) text = this.#changed(text, samples)
    return text
  }

  #changed(text, samples) {
    const at = this.below(text.length + 1)
    const to = Math.min(text.length, at + 1 + this.below(kindOfLength(this)))
    const [before, piece, after] = [text.slice(0, at), text.slice(at, to), text.slice(to)]
    switch (this.below(8)) {
      case 0:
        return before + after
      case 1:
        return before + piece + piece + after
      case 2:
        return before + this.one(HOSTILE) + piece + after
      case 3:
        return before + this.one(HOSTILE) + after
      case 4:
        return before + String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << this.below(8))) + text.slice(at + 1)
      case 5: {
        const other = this.one(samples)
        return before + other.slice(this.below(other.length + 1))
      }
      case 6:
        return before + (this.below(2) ? piece.toUpperCase() : piece.toLowerCase()) + after
      default:
        return this.one(samples) + this.one(HOSTILE) + text
    }
  }

  #noise() {
    let text = ''
    for (let left = this.below(40); left > 0; left--) {
      const kind = this.below(4)
      text += kind === 0 ? this.one(HOSTILE) : String.fromCharCode(this.below(kind === 1 ? 0x10000 : 0x80))
    }
    return text
  }
}

// --- internal ---

function kindOfLength(random) {
  return random.below(4) === 0 ? 40 : 2
}
