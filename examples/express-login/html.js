/** Text that is HTML already and is not escaped again. Only {@link html} makes it. */
class Html {
  #text

  constructor(text) {
    this.#text = text
  }

  toString() {
    return this.#text
  }
}

/**
 * A template tag that gives HTML: every value is escaped, but those that came out of `html` themselves.
 *
 * Arrays are joined; `undefined`, `null` and `false` give nothing. Attributes must be quoted.
 */
export function html(strings, ...values) {
  return new Html(String.raw({ raw: strings }, ...values.map(toHtml)))
}

function toHtml(value) {
  if (value instanceof Html) return value.toString()
  if (Array.isArray(value)) return value.map(toHtml).join('')
  if (value === undefined || value === null || value === false) return ''
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
