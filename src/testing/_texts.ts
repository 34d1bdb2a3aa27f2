/**
 * Texts that stores have mangled, and texts that stores have mistaken for one another.
 *
 * No NUL and no lone surrogate: a session's body is JSON, which escapes both.
 *
 * @module
 */

const CONTROLS = String.fromCharCode(...Array.from({ length: 31 }, (_, i) => i + 1), 0x7f, 0x80, 0x9f)

/** What databases, shells and templates take for more than text. */
export const hostileTexts: Record<string, string> = {
  'quotes and backslashes': `'"\`\\ \\' \\n \\u0041 \\x41 ''`,
  wildcards: '%_*?[a-z]{b,c}\\%',
  'an SQL injection': "'; DROP TABLE sessions; -- /* */",
  placeholders: '? $1 :name @p1 %s %(name)s {0} ${x} {{x}} <%= x %>',
  "MongoDB's operators": '{"$gt":""} $where.a.b',
  'the name of a prototype': '__proto__',
  'the name of a method': 'constructor',
  'a path': '../../etc/passwd',
  'a key of parts': 'a:b::c{d}/e|f#g&h=i+j',
  'percent encoding': '%41%00%2e a%20b+c',
}

/** Bodies that must come back character for character. */
export const bodies: Record<string, string> = {
  ...hostileTexts,
  'line ends': 'a\nb\r\nc\rd\u2028e\u2029f\u0085g\n',
  'white space at both ends': ' \t\n\u00a0padded\u3000 \n\t ',
  'control characters': CONTROLS,
  'characters of two to four bytes':
    '\u00e9\u00df \u6f22\u5b57 \u{1f469}\u200d\u{1f469}\u200d\u{1f467} \u{1d4b3} \u{10fffd}',
  'characters composed and decomposed': '\u00c5 \u212b A\u030a',
  'a byte order mark': '\ufeffa\ufeff',
  'a number': '007',
  'a number with an exponent': '1e3',
  'a truth': 'true',
  'nothing, as JSON': 'null',
  'a protocol in the protocol': '$5\r\nhello\r\n*1\r\nVALUE x 0 1\r\nEND\r\n',
  'keys with dollars and dots': '{"a.b":{"$set":{"$x":1}},"__proto__":{"admin":true}}',
}

/**
 * Gives texts that are not `text` but that a collation, a pattern or a careless key takes for it.
 *
 * @param text - should have letters of both cases, an `É` and the wildcards of {@link lookable}.
 */
export function lookAlikes(text: string): string[] {
  const changed = [
    text.toUpperCase(),
    text.toLowerCase(),
    text.normalize('NFD'),
    text.replaceAll('\u00c9', 'E'),
    text.replaceAll('_', 'x'),
    text.replaceAll('*', 'many'),
    text.replaceAll('?', 'y'),
    text.replaceAll('%', 'any'),
    text.replaceAll('[z]', 'z'),
    text.replaceAll('\\', ''),
    ...['%', '_', '*', '?', '[^!]'].map((wildcard) => text.slice(0, -1) + wildcard),
    ...[' ', '\u200b', '0', '.'].map((tail) => text + tail),
    ` ${text}`,
    text.slice(0, -1),
  ]
  return [...new Set(changed)].filter((other) => other !== text)
}

/** Gives a text of its own that is easily mistaken for its {@link lookAlikes}. */
export function lookable(unique: string): string {
  return `\u00c9lise_*?%[z]\\${unique}`
}
