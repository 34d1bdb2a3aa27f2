/** H: caches between the server and the browser. */
import { met, otherwise, type Requirement } from './_requirement.ts'

export const caching: readonly Requirement[] = [
  met(
    'H01',
    'critical',
    'A response with the session’s cookie is kept by no shared cache',
    ['adapters/headers', 'keeps public pages out of shared caches when they set the session’s cookie (H01)'],
    ['adapters/headers', 'becomes no-store beside a session’s cookie'],
  ),
  met('H02', 'high', 'A response whose handler looked at the session varies with the cookie', [
    'adapters/headers',
    'says Vary: Cookie after a look at ',
  ]),
  met('H03', 'critical', 'Behind a shared cache nobody receives another’s cookie or page', [
    'security/shared-cache',
    ': each gets their own body, and their own cookie',
  ]),
  met(
    'H04',
    'medium',
    'A 304 sets no cookie without need',
    ['adapters/connection', 'a read is a 304 without a cookie and with Vary (H02, H04)'],
    ['adapters/connection', 'a change that needs a cookie delivers it on a 304 too'],
    ['security/shared-cache', 'with somebody’s cookie leaves nothing of it behind'],
  ),
  otherwise(
    'H05',
    'low',
    'An ETag is left alone',
    '`no-store` alone suffices; the gate writes Set-Cookie, Cache-Control and Vary and no other header.',
    ['adapters/headers', 'leaves a response alone whose handler never looks'],
  ),
  met('H06', 'low', 'No cookie on an interim response', [
    'adapters/gate',
    'passes a held response, and carries no cookie (1, H06)',
  ]),
]
