/** L: what a store must do. The cases run on every store, against the real engine where there is one. */
import { met, otherwise, type Requirement } from './_requirement.ts'

export const storeContract: readonly Requirement[] = [
  met(
    'L01',
    'critical',
    'create fails where the id is taken',
    ['stores', 'create refuses an id that is taken, and what is there stays'],
    ['stores', 'of many creates at once under one id, one wins'],
  ),
  met(
    'L02',
    'critical',
    'save needs the session, and its version',
    ['stores', 'save onto another version is a conflict, and hands over what is stored now'],
    ['stores', 'save of a session that is not there is gone, and creates nothing'],
  ),
  met(
    'L03',
    'critical',
    'remove may be repeated, and wins',
    ['stores', 'removing what is not there is no error'],
    ['stores', 'a removed session stays gone, though others save and touch it at the same time'],
  ),
  met('L04', 'critical', 'touch creates nothing', [
    'stores',
    'touch of a session that is not there is false, and creates nothing',
  ]),
  otherwise(
    'L05',
    'critical',
    'A rotation is one write',
    'The token is replaced inside the record, in the same compare-and-swap as the data: there is nothing to be half done (the design, section 3).',
    ['stores', 'a rotation is never reverted, though others save and touch at the same time'],
    [
      'promises/p4-no-fixation',
      'does so in one write: before it the old token opens, after it the new one, and never both',
    ],
  ),
  otherwise(
    'L06',
    'high',
    'The engine’s own expiry neither cuts short nor is relied on',
    'Expiry is judged by the caller’s clock; the engine’s own is a broom that comes ten minutes later (the design, section 4).',
    ['stores', 'an expiry a year ahead is not cut short'],
    ['stores', 'a session lives as long as its latest expiry says, after touch and save alike'],
  ),
  met('L07', 'high', 'An expired session is absent', [
    'stores',
    'a session can be loaded until the last millisecond of its life, and not after',
  ]),
  met(
    'L08',
    'critical',
    'Ending all of a person’s sessions misses none',
    ['stores', 'removeAll ends all of very many sessions'],
    ['stores', 'a sign-in that creates does not slip past removeAll at the same time'],
  ),
  met(
    'L09',
    'high',
    'Any text comes back as it was',
    ['stores', 'a body comes back character for character'],
    ['stores', 'a hostile id is only a name'],
  ),
  met(
    'L10',
    'high',
    'A session larger than the engine takes is an error of a known kind',
    ['stores/memory', 'a session larger than the whole store is refused, and nobody has to go for it'],
    ['stores/memcached', 'refuses a session that no item can hold, and the one before it stays'],
    ['stores/dynamodb', 'says that a session is larger than an item'],
    ['stores/mongodb', 'says that a session is too large for a document'],
    ['stores/cloudflare', 'says so, and loses nothing'],
  ),
  otherwise(
    'L11',
    'high',
    'A store that is only eventually consistent says so',
    'An engine that cannot compare and swap says so in its type and on its page, and P1 and P2 are not claimed for it (the design, section 4).',
    ['stores/cloudflare', 'says in its type that it is eventually consistent, and can neither list nor revoke'],
  ),
  met(
    'L12',
    'high',
    'A lost connection is an error of a known kind, and the next call may work',
    [
      'stores/sql-faults',
      'that is killed and started again in traffic keeps what it acknowledged, and serves again by itself',
    ],
    ['stores/redis-faults', 'that is killed and comes back keeps what it acknowledged'],
  ),
  met('L13', 'high', 'Keys and values have no secret in them', [
    'promises/p5-stolen-store',
    'has the secret of no token in it, however it is spelled',
  ]),
  otherwise(
    'L14',
    'high',
    'What an asynchronous failover may lose is documented',
    'The page of Redis says what such a failover can undo, and how to make it unlikely; a test counts the loss.',
    [
      'stores/redis-faults',
      'of which a replica takes over serves again by itself; what asynchronous replication loses is counted',
    ],
  ),
  met(
    'L15',
    'high',
    'No request scans',
    ['stores/redis-commands', 'the same to list and to revoke, whatever others have'],
    ['promises/p6-nothing-for-nothing', 'ends all of a user’s sessions in one call, however many others have'],
  ),
]
