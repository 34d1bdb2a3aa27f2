/** A: the identifier and its secret. */
import { met, type Requirement } from './_requirement.ts'

export const identifier: readonly Requirement[] = [
  met(
    'A01',
    'critical',
    'Secrets carry 256 bits from the system’s random source',
    ['core/token', 'is drawn from as many random bytes as it says'],
    ['security/guessing', 'ten thousand tokens have no byte that leans to anything'],
  ),
  met('A02', 'medium', 'Tokens are opaque: no time, process, user or counter', [
    'security/guessing',
    'two tokens of the same millisecond share nothing',
  ]),
  met('A03', 'high', 'The secret is nowhere in the store', [
    'promises/p5-stolen-store',
    'has the secret of no token in it, however it is spelled',
  ]),
  met(
    'A04',
    'high',
    'Who reads the store can take over no session',
    ['promises/p5-stolen-store', 'opens nothing: not by its key, its hash, its binding'],
    ['shell/visit-open', 'does not open a session with what the store holds'],
  ),
  met(
    'A05',
    'critical',
    'What is no token never reaches the store',
    ['shell/visit-open', 'asks nothing of the store'],
    ['security/encoding', 'the store hears of none of them'],
  ),
  met(
    'A06',
    'critical',
    'A token that nobody was given is never adopted',
    ['promises/p4-no-fixation', 'a sign-in takes over no id that the server did not give'],
    ['security/fixation', 'a token of the attacker’s own making'],
  ),
  met('A07', 'high', 'The token is taken from the cookie alone', [
    'security/fixation',
    'a token anywhere but in the cookie is no token',
  ]),
  met(
    'A08',
    'medium',
    'Secrets are compared in constant time, as hashes',
    ['core/token', 'is compared in constant time'],
    ['core/judge', 'is compared in constant time'],
    ['core/token', 'is compared without an error with what is no hash'],
  ),
  met(
    'A09',
    'critical',
    'Weak, missing or default keys are refused at start',
    ['security/bad-configuration', 'is refused at start, with the remedy last and no secret repeated'],
    ['stores/seal', 'refuses'],
  ),
  met(
    'A10',
    'high',
    'When the random source fails, so does the request',
    ['shell/secrets', 'is not made when the random source fails: the request does'],
    ['security/guessing', 'without a random source nobody gets a token'],
  ),
]
