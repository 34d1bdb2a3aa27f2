/** The differences from express-session that are meant, each named as in `docs/migrate/from-express-session.md`. */
import type { Difference, Seen } from './_difference.ts'

/** What makes of express-session's what the drop-in does. */
export interface Intended<F extends keyof Seen = keyof Seen> {
  /** The row of the page. */
  readonly row: string
  readonly field: F
  /** Whether `strictCompat` leaves it as it is. */
  readonly evenInStrict?: true
  becomes(theirs: Seen[F], ours: Seen[F], difference: Difference): Seen[F]
}

const intended = <F extends keyof Seen>(each: Intended<F>): Intended => each

export const INTENDED: readonly Intended[] = [
  intended({
    row: 'A body given to `end()` alone keeps its length',
    field: 'headers',
    becomes: ({ 'transfer-encoding': coding, ...theirs }, ours) => {
      const { 'content-length': length } = ours
      return coding === 'chunked' && length !== undefined
        ? { ...theirs, 'content-length': length }
        : { ...theirs, ...(coding && { 'transfer-encoding': coding }) }
    },
  }),
  intended({
    row: 'A save looks first at what is stored',
    field: 'calls',
    becomes: (theirs) =>
      theirs.flatMap((call) => (isFirstSave(call, theirs) ? [`get ${call.slice(4)}`, call] : [call])),
  }),
  intended({
    row: 'A session that was just saved is not saved again',
    field: 'calls',
    becomes: (theirs) => theirs.filter((call, at) => !(call.startsWith('set ') && call === theirs[at - 1])),
  }),
  intended({
    row: 'A destroyed session is not destroyed again',
    field: 'calls',
    becomes: (theirs) => theirs.filter((call, at) => !(call.startsWith('destroy ') && call === theirs[at - 1])),
  }),
]

/** Gives what is left of a difference when all that is meant has been taken into account, and which rows were. */
export function judge(difference: Difference, strict: boolean): { isMeant: boolean; rows: string[] } {
  const rows: string[] = []
  let theirs = difference.theirs as Seen[keyof Seen]
  for (const { row, field, evenInStrict, becomes } of INTENDED) {
    if (field !== difference.field || (strict && !evenInStrict)) continue
    const next = becomes(theirs, difference.ours as never, difference)
    if (JSON.stringify(next) !== JSON.stringify(theirs)) rows.push(row)
    theirs = next
  }
  return { isMeant: sorted(theirs) === sorted(difference.ours), rows }
}

// --- internal ---

/** A save of the session that the request came with; a new one nobody else can have changed. */
function isFirstSave(call: string, calls: readonly string[]): boolean {
  return call.startsWith('set ') && calls[0] === `get ${call.slice(4)}`
}

function sorted(value: unknown): string {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return JSON.stringify(isObject ? Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)) : value)
}
