/** G: cryptography and tokens. */
import { met, notOurs, otherwise, type Requirement } from './_requirement.ts'

export const crypto: readonly Requirement[] = [
  met(
    'G01',
    'critical',
    'What does not verify is refused; nothing is tried another way',
    ['stores/seal', 'refuses every downgrade'],
    ['stores/seal', 'opens no random input, and never throws'],
    ['security/fuzz', 'make no exception and no forgery'],
  ),
  met(
    'G02',
    'critical',
    'A token of one purpose, cookie or application opens nothing in another',
    ['promises/p5-stolen-store', 'a token of '],
    ['stores/seal', 'opens for nobody with '],
    ['security/two-managers', 'a token of one application opens nothing in the other'],
  ),
  met(
    'G03',
    'medium',
    'A sealed value names its key; an unknown one is refused untried',
    ['stores/seal', 'a ring without the key'],
    ['stores/sealed', 'opens with every key of the ring, seals with the first, and with none that was retired'],
  ),
  met('G04', 'high', 'Keys are replaced in three steps without signing anybody out', [
    'stores/cookie',
    'is turned in three steps without anybody being signed out',
  ]),
  met(
    'G05',
    'high',
    'Authenticated encryption, with a key of its own for each message',
    ['stores/seal', 'never seals the same twice, and hides lengths up to 32 bytes'],
    ['stores/seal', 'opens nothing in which any single character was changed, left out or doubled'],
  ),
  met(
    'G06',
    'medium',
    'A key serves one purpose',
    ['stores/seal', 'another purpose'],
    ['core/token', 'is another for another secret, namespace or cookie, however the fields are cut'],
  ),
  met(
    'G07',
    'medium',
    'The signed cookies of express-session are read and written, by the drop-in alone',
    ['security/legacy-cookies', 'is that of cookie-signature, for ten thousand values and secrets'],
    ['security/legacy-cookies', 'before the drop-in came is so with it'],
    ['security/legacy-cookies', 'with the drop-in is so when it has gone again'],
  ),
  met('G08', 'medium', 'An unknown, a wrong, a revoked and an expired token look the same from outside', [
    'security/selector',
    'nobody can tell a session that is there from one that is not',
  ]),
  notOurs(
    'G09',
    'medium',
    'Two cryptographic backends agree',
    'There is one: `node:crypto`, synchronous, which Node, Bun, Deno and workerd all have (the design, section 5).',
  ),
  otherwise(
    'G10',
    'critical',
    'The algorithm is never read from the token',
    'A version names one algorithm, and there is one version; nothing in a token or sealed value chooses.',
    ['stores/seal', 'refuses every downgrade'],
  ),
]
