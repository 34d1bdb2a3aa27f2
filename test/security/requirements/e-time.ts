/** E: time limits and signing in anew. */
import { met, otherwise, type Requirement } from './_requirement.ts'

export const time: readonly Requirement[] = [
  met('E01', 'high', 'The server ends idle sessions, by default', [
    'promises/p5-stolen-store',
    'end a session that nobody used for so long, to the millisecond',
  ]),
  otherwise(
    'E02',
    'high',
    'The server ends every session after a whole life',
    'The lifetime counts from creation, and anew from each sign-in (the design, section 5); nothing else moves it.',
    ['promises/p5-stolen-store', 'end a session that is used all the time'],
    ['shell/handle-expiry', 'no later for new tokens or writes'],
    ['shell/handle-expiry', 'a whole lifetime after a sign-in'],
  ),
  met(
    'E03',
    'high',
    'Expiry is judged from the record, whatever store and cookie say',
    ['shell/visit-open', 'does not open an expired session though a store gives it still'],
    ['core/judge', 'opens nothing from the end of the lifetime, even where the stored expiry is later'],
  ),
  met(
    'E04',
    'critical',
    'No data reach the limits',
    ['promises/p5-stolen-store', 'under any of their names'],
    ['shell/handle-expiry', 'by what the server keeps: no key of its data reaches that'],
    ['security/mass-assignment', 'a body that names the session’s own affairs changes none of them'],
  ),
  met(
    'E05',
    'medium',
    'Limits that contradict each other, or were meant in milliseconds, are refused',
    ['core/options', 'are an error at start that ends with the remedy'],
    ['security/bad-configuration', 'is refused at start, with the remedy last and no secret repeated'],
  ),
  met(
    'E06',
    'medium',
    'Skewed clocks end nobody’s session and bring none back',
    ['shell/handle-expiry', 'does not go back when the clock does'],
    ['stores', 'a caller whose clock runs ahead ends nobody’s session'],
  ),
  met(
    'E07',
    'high',
    'Who signed in too long ago is asked to do it anew',
    ['recent', 'lets through who signed in less than so many seconds ago, to the millisecond'],
    ['recent', 'gets a new token at once, and a new instant of sign-in, and keeps all else (E07)'],
  ),
  met('E08', 'medium', 'The levels of NIST and OWASP as presets', ['presets', 'are these, in seconds']),
  met(
    'E09',
    'medium',
    'A touch may lag by a stated slack, and never the other way',
    ['core/expiry', 'ends a session early by the slack of touches at most, and never late'],
    ['security/time-limits', 'ends its session early by the slack of touches at most, and never late'],
  ),
  met(
    'E10',
    'medium',
    'Polling need not keep a session alive',
    ['adapters/express', 'keeps polling from keeping a session alive (E10)'],
    ['security/time-limits', ', though the token is replaced again and again (E10)'],
  ),
  met('E11', 'critical', 'Between password and second factor a session is nobody’s', [
    'security/half-signed-in',
    'who has given a password and no second factor is nobody',
  ]),
]
