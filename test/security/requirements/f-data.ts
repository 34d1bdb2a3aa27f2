/** F: the data and their encoding. */
import { met, notOurs, otherwise, type Requirement } from './_requirement.ts'

export const data: readonly Requirement[] = [
  met(
    'F01',
    'critical',
    'Stored data are data: nothing is run or revived',
    ['core/data', 'are an object or nothing, whatever the text'],
    ['security/prototype-keys', 'rows that would come alive elsewhere are data'],
  ),
  met(
    'F02',
    'high',
    'No stored key changes a prototype',
    ['core/data', 'have no key __proto__ when they were read'],
    ['core/changes', 'changes no prototype, whatever the keys'],
    ['security/prototype-keys', 'a planted row changes no prototype, at any depth'],
  ),
  otherwise(
    'F03',
    'high',
    'No key of a body shadows the session’s own names',
    'Data are own properties of the session; names of its API and `__proto__` are refused on assignment and inert on load (the design, section 5).',
    ['promises/p3-response-never-ahead', 'a body with the key '],
    ['core/session', 'is an error to assign '],
    ['security/mass-assignment', 'every body is answered, and none makes anybody an administrator'],
  ),
  met(
    'F04',
    'high',
    'A row that cannot be read is an anonymous request, never an error for ever',
    ['shell/handle-data', 'is an anonymous request and an event, and never an error'],
    ['shell/handle-data', 'makes stored data that do not pass anonymous, with an event'],
  ),
  met(
    'F05',
    'high',
    'Size is limited on writing, and before anything is decoded',
    ['core/data', 'is judged before anything is decoded'],
    ['core/data', 'is counted in bytes, and may be all that maxBytes says'],
    ['security/oversized', 'a session filled from a body ends at the limit, and what was there stays'],
  ),
  met('F06', 'medium', 'Deep nesting overflows nothing', [
    'security/oversized',
    'a body as deep as JSON goes is refused or kept, and the server lives',
  ]),
  met(
    'F07',
    'medium',
    'What the codec cannot keep is an error, not a silent loss',
    ['core/data', ', and the error says so'],
    ['core/data', 'come back as they were encoded'],
    ['codec', 'gives back whatever it was given'],
  ),
  notOurs(
    'F08',
    'medium',
    'Decompression is bounded',
    'Nothing is compressed: neither records nor cookies. What an application compresses is outside of the session.',
  ),
  otherwise(
    'F09',
    'high',
    'Data of one flow sign nobody in by another',
    'Who is signed in is what the application’s one function `principal` says, and its change is a sign-in (the design, section 5).',
    ['shell/writer-sign-in', "is what the application's own principal says, as the data will be read back"],
    ['security/half-signed-in', 'a password reset that remembers whom it is for signs nobody in'],
  ),
  met(
    'F10',
    'high',
    'A record of an unknown version is not read',
    ['core/record', 'is not read out of '],
    ['stores/seal', 'refuses every downgrade'],
  ),
]
