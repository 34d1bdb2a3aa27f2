/** K: failure, overload, logs. */
import { met, otherwise, type Requirement } from './_requirement.ts'

export const operation: readonly Requirement[] = [
  met(
    'K01',
    'high',
    'A store that cannot be read makes nobody a stranger',
    [
      'promises/p3-response-never-ahead',
      'the error handler answers in the handler’s place, and nobody is taken for a stranger',
    ],
    ['adapters/express', 'when the store cannot be read, the error handler is told, and the handler is not called'],
  ),
  met('K02', 'high', 'A sign-in that could not be stored is no success', [
    'promises/p3-response-never-ahead',
    'responses are below 500, none waits for ever, and the error handler sees the cause',
  ]),
  met(
    'K03',
    'high',
    'Every request is answered, whatever the store does',
    [
      'promises/p3-response-never-ahead',
      'responses are below 500, none waits for ever, and the error handler sees the cause',
    ],
    ['shell/calls', 'that throws at once is a StoreError at once, and an event'],
    ['shell/calls', 'that is never answered is a StoreError when its time is over, and not before'],
  ),
  met(
    'K04',
    'medium',
    'A call to the store has its time, and ends with its client',
    ['shell/calls', 'is aborted when its time is over'],
    ['shell/calls', 'is aborted when the caller has gone'],
  ),
  met(
    'K05',
    'high',
    'No log, event, error or inspection shows a token or a key',
    ['security/log-leaks', 'nothing that can be printed of them has a secret in it'],
    ['security/canary', 'is noticed in '],
    ['shell/secrets', 'is in no event, error, warning, store or printed session of a long and troubled life'],
    ['examples/tour', 'shows the seven steps on one screen, and none of its secrets'],
  ),
  met(
    'K06',
    'medium',
    'What happens to a session is told as events',
    ['shell/writer-sign-in', 'is told as events'],
    ['shell/events', 'goes to node:diagnostics_channel under its name, listened for or not'],
  ),
  met('K07', 'medium', 'A flood of bad cookies leaves nothing; guesses at a session are told of', [
    'security/flood',
    'bad cookies leave nothing, and guesses at somebody’s secret are each told of',
  ]),
  met(
    'K08',
    'medium',
    'Expired sessions give their room back',
    ['stores/memory', 'gives the memory of expired sessions back, without a call'],
    ['stores', 'prune removes what expired long ago, no more at a time than it may, and tells how many'],
    ['security/flood', 'anonymous sessions push out nobody who is signed in'],
  ),
  met(
    'K09',
    'high',
    'Applications that share a store are kept apart',
    ['promises/p5-stolen-store', 'a token of '],
    ['security/two-managers', 'a token of one application opens nothing in the other'],
    ['shell/scope', "keeps one application's alice from another's"],
  ),
  met(
    'K10',
    'critical',
    'A person’s name is only a name to the store',
    ['stores', 'a hostile principal is only a name'],
    ['stores', 'removeAll and its mark tell principals apart character by character'],
    ['security/own-sessions', 'are listed and ended by the very name, whatever it says to the engine'],
  ),
  met(
    'K11',
    'high',
    'A cookie that was not verified ends nothing',
    ['shell/visit-open', "ends nobody's session when it stores something without signing in"],
    ['security/tossing', 'a forged cookie beside one’s own ends nobody’s session'],
  ),
  otherwise(
    'K12',
    'high',
    'No validity is remembered beyond what was declared',
    'There is no cache unless one is put before the store; every request reads the record (the design, section 4).',
    ['promises/p1-logout-is-final', ' in flight'],
    ['promises/p6-nothing-for-nothing', 'keeps the budgets: reads 1'],
  ),
]
