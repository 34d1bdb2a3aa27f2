/** The differences from express-session that are meant, each named as in `docs/migrate/from-express-session.md`. */
import type { Difference, Seen } from './_difference.ts'

/** What makes of express-session's what the drop-in does. */
export interface Intended<F extends keyof Seen = keyof Seen> {
  /** The row of the page. */
  readonly row: string
  readonly field: F
  /** Where it is met: without `strictCompat`, unless this says otherwise. */
  readonly in?: 'strict'
  becomes(theirs: Seen[F], ours: Seen[F], difference: Difference): Seen[F]
}

/** The step whose touch comes after a save of its own that failed: nobody knows what that has left behind. */
const FAILED_AND_TOUCHED = 'a save whose failure the handler answers'

const UNWRITABLE = 'A cookie that cannot be written is an error response'
const isUnwritable = ({ conversation }: Difference): boolean => conversation === 'a cookie that cannot be written'

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
    becomes: (theirs, _, { step }) =>
      theirs.flatMap((call) => {
        const looks = isFirstSave(call, theirs) || (call.startsWith('touch ') && step === FAILED_AND_TOUCHED)
        return looks ? [`get ${call.split(' ')[1]!}`, call] : [call]
      }),
  }),
  intended({
    row: 'A session that was just saved is not saved again',
    field: 'calls',
    becomes: (theirs) => theirs.filter((call, at) => !(call.startsWith('set ') && call === theirs[at - 1])),
  }),
  intended({
    row: 'With a store that calls back at once, a body becomes chunked',
    field: 'headers',
    in: 'strict',
    becomes: ({ 'content-length': length, ...theirs }, _, { conversation }) => {
      if (conversation === 'a store that calls back at once') return { ...theirs, 'transfer-encoding': 'chunked' }
      return { ...theirs, ...(length !== undefined && { 'content-length': length }) }
    },
  }),
  intended({
    row: 'A path is matched by whole segments',
    field: 'calls',
    becomes: (theirs, _, { step }) => (step === 'beside it' ? [] : theirs),
  }),
  intended({
    row: 'A path is matched by whole segments',
    field: 'body',
    becomes: (theirs, _, { step }) => (step === 'beside it' ? 'null' : theirs),
  }),
  intended({
    row: 'A path is matched by whole segments',
    field: 'headers',
    becomes: (theirs, { 'content-length': length }, { step }) =>
      step === 'beside it' && length === '4' ? { ...theirs, 'content-length': length } : theirs,
  }),
  intended({
    row: 'A destroyed session is not destroyed again',
    field: 'calls',
    becomes: (theirs) => theirs.filter((call, at) => !(call.startsWith('destroy ') && call === theirs[at - 1])),
  }),
  ...errorResponse('A failed save is an error response', ({ step }) => step.startsWith('a failed save'), 'set failed'),
  ...errorResponse(
    UNWRITABLE,
    (difference) => isUnwritable(difference) && difference.step !== 'a read',
    'option domain is invalid',
  ),
  intended({
    row: UNWRITABLE,
    field: 'calls',
    becomes: (theirs, _, difference) => (isUnwritable(difference) ? [] : theirs),
  }),
  intended({
    row: UNWRITABLE,
    field: 'stored',
    becomes: (theirs, _, difference) => (isUnwritable(difference) ? {} : theirs),
  }),
]

/** Whether a difference is meant in one of the two modes. */
export function isIn({ in: mode }: Intended, strict: boolean): boolean {
  return (mode === 'strict') === strict
}

/** Gives what is left of a difference when all that is meant has been taken into account, and which rows were. */
export function judge(difference: Difference, strict: boolean): { isMeant: boolean; rows: string[] } {
  const rows: string[] = []
  let theirs = difference.theirs as Seen[keyof Seen]
  for (const each of INTENDED) {
    const { row, field, becomes } = each
    if (field !== difference.field || !isIn(each, strict)) continue
    const next = becomes(theirs, difference.ours as never, difference)
    if (JSON.stringify(next) !== JSON.stringify(theirs)) rows.push(row)
    theirs = next
  }
  return { isMeant: sorted(theirs) === sorted(difference.ours), rows }
}

/** What of the differences is not meant, one line each. */
export function unintended(differences: readonly Difference[], strict: boolean): string[] {
  return differences
    .filter((difference) => !judge(difference, strict).isMeant)
    .map(({ step, field, theirs, ours }) => `${step} · ${field}: ${JSON.stringify(theirs)} → ${JSON.stringify(ours)}`)
}

// --- internal ---

/** Where the response of theirs is the handler's, ours is that of the error handlers. */
function errorResponse(row: string, isMet: (difference: Difference) => boolean, message: string): Intended[] {
  const body = `error: ${message}`
  const becoming = <F extends keyof Seen>(field: F, value: (ours: Seen[F]) => Seen[F]): Intended =>
    intended({ row, field, becomes: (theirs, ours, difference) => (isMet(difference) ? value(ours) : theirs) })
  return [
    becoming('status', () => 500),
    becoming('body', () => body),
    becoming('cookies', () => []),
    becoming('headers', ({ etag }) => ({
      'x-powered-by': 'Express',
      'content-type': 'text/html; charset=utf-8',
      'content-length': String(body.length),
      etag: String(etag),
    })),
  ]
}

/** A save of the session that the request came with; a new one nobody else can have changed. */
function isFirstSave(call: string, calls: readonly string[]): boolean {
  return call.startsWith('set ') && calls[0] === `get ${call.slice(4)}`
}

function sorted(value: unknown): string {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return JSON.stringify(isObject ? Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)) : value)
}
