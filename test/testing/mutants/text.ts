/** Bugs that mangle texts, numbers and names. */
import { folded, isLike, loading, naming, writing, type Mutant } from './_mutant.ts'

const BODY = 'a body comes back character for character'
const LONG = 'a body may be as long as the engine allows, and at least 64 KiB'
const PRINCIPAL = 'a principal comes back character for character'
const IDS = 'ids are told apart character by character'
const HOSTILE = 'a hostile id is only a name'
const INSTANTS = 'instants come back to the millisecond'

export const textMutants: readonly Mutant[] = [
  ...mangling('bodies are trimmed', (body) => body.trim()),
  ...mangling('bodies are kept in latin1', (body) => Buffer.from(body, 'latin1').toString('latin1')),
  ...mangling('line ends become line feeds', (body) => body.replaceAll('\r\n', '\n')),
  ...mangling('a byte order mark is taken away', (body) => body.replace(/^\ufeff/, '')),
  ...mangling('a body that looks like a number is kept as one', (body) => (/^\d/.test(body) ? `${+body}` : body)),
  ...mangling('bodies are composed', (body) => body.normalize('NFC')),
  ...mangling('characters of four bytes are dropped', (body) => body.replaceAll(/[\u{10000}-\u{10ffff}]/gu, '?')),
  ...mangling('backslashes are taken for escapes', (body) => body.replaceAll(/\\(.)/gs, '$1')),
  ...mangling('control characters are dropped', (body) => body.replaceAll(/(?!\s)\p{Cc}/gu, '')),
  {
    name: 'bodies are cut at 65,535 bytes',
    caughtBy: [LONG],
    breaks: writing((session) => ({ ...session, body: Buffer.from(session.body).subarray(0, 65_535).toString() })),
  },
  {
    name: 'bodies are limited to 65,536 characters, metadata included',
    caughtBy: [LONG],
    breaks: writing((session) => {
      if (session.body.length > 65_536) throw new Error('value too long')
      return session
    }),
  },
  {
    name: 'principals are cut at 255 characters',
    caughtBy: [PRINCIPAL],
    breaks: writing((session) => ({ ...session, principal: session.principal && session.principal.slice(0, 255) })),
  },
  {
    name: 'no principal is kept as the text null',
    caughtBy: [PRINCIPAL, 'create keeps a new session, and load gives it back as it was'],
    breaks: loading((session) => ({ ...session, principal: String(session.principal) })),
  },
  {
    name: 'the principal null is taken for none',
    caughtBy: [PRINCIPAL],
    breaks: loading((session) => ({ ...session, principal: session.principal === 'null' ? null : session.principal })),
  },
  {
    name: 'principals lose their case',
    caughtBy: [PRINCIPAL],
    breaks: writing((session) => ({ ...session, principal: session.principal && session.principal.toLowerCase() })),
  },
  { name: 'ids lose their case', caughtBy: [IDS], breaks: naming((id) => id.toLowerCase()) },
  { name: 'ids lose their accents', caughtBy: [IDS], breaks: naming((id) => folded(id)) },
  { name: 'ids lose their trailing spaces', caughtBy: [IDS], breaks: naming((id) => id.trimEnd()) },
  { name: 'ids are cut', caughtBy: [IDS], breaks: naming((id) => id.slice(0, 24)) },
  {
    name: 'remove takes an id for a pattern',
    caughtBy: [IDS],
    breaks:
      ({ sessions }) =>
      () => ({
        remove(id) {
          for (const other of sessions.keys()) if (isLike(other, id)) sessions.delete(other)
        },
      }),
  },
  {
    name: 'ids are spliced into a statement',
    caughtBy: [HOSTILE],
    breaks: naming((id) => {
      if (id.includes("'")) throw new Error('syntax error at or near')
      return id
    }),
  },
  {
    name: 'ids are names of files',
    caughtBy: [HOSTILE],
    breaks: naming((id) => {
      if (id.includes('/')) throw new Error('no such file or directory')
      return id
    }),
  },
  {
    name: 'ids are percent-decoded',
    caughtBy: [HOSTILE],
    breaks: naming((id) => decodeURIComponent(id)),
  },
  {
    name: 'the expiry is kept in seconds',
    caughtBy: [INSTANTS],
    breaks: loading((session) => ({ ...session, expiresAt: Math.floor(session.expiresAt / 1_000) * 1_000 })),
  },
  {
    name: 'the expiry is rounded up to a second',
    caughtBy: [INSTANTS],
    breaks: writing((session) => ({ ...session, expiresAt: Math.ceil(session.expiresAt / 1_000) * 1_000 })),
  },
  {
    name: 'the expiry comes back as text',
    caughtBy: [INSTANTS],
    breaks: loading((session) => ({ ...session, expiresAt: `${session.expiresAt}` as unknown as number })),
  },
]

function mangling(name: string, mangle: (body: string) => string): Mutant[] {
  return [{ name, caughtBy: [BODY], breaks: writing((session) => ({ ...session, body: mangle(session.body) })) }]
}
