/** The secrets that a test file has come to know, and where any of them was seen that should not have been. */

/** So many characters of a secret in a row are a leak. */
const PIECE = 16
/** Texts of tests are monotonous where secrets are not. */
const LEAST_DISTINCT = 7

const pieces = new Set<string>()
let leaks: string[] = []

/** Remembers a secret, and gives it back. */
export function keepSecret(secret: string): string {
  for (let at = 0; at + PIECE <= secret.length; at += PIECE) {
    const piece = secret.slice(at, at + PIECE)
    if (new Set(piece).size >= LEAST_DISTINCT) pieces.add(piece)
  }
  return secret
}

/** Looks for secrets in a text; `where` names whose text it is. */
export function search(where: string, text: string): void {
  if (pieces.size === 0) return
  for (const [run] of text.matchAll(/[\w+/-]{16,}/g)) {
    for (let at = 0; at + PIECE <= run.length; at++) {
      if (pieces.has(run.slice(at, at + PIECE))) {
        leaks.push(where)
        return
      }
    }
  }
}

/** Where secrets were seen since the last time. */
export function takeLeaks(): string[] {
  const taken = leaks
  leaks = []
  return taken
}
