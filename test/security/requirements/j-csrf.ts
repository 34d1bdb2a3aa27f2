/** J: requests that another site forged. */
import { met, type Requirement } from './_requirement.ts'

export const csrf: readonly Requirement[] = [
  met(
    'J01',
    'high',
    'Unsafe requests from another site are refused',
    ['security/csrf', ' (J01, J03)'],
    ['security/csrf', 'is refused from another site too'],
  ),
  met(
    'J02',
    'high',
    'A form’s token is bound to the session’s token',
    ['security/csrf', 'is of one session: that of another is refused (J02)'],
    ['security/csrf', 'from before a sign-in is worth nothing after it (J02)'],
  ),
  met('J03', 'medium', 'The sign-in itself is guarded', [
    'security/csrf',
    'is refused from another site, and nobody is signed in',
  ]),
  met(
    'J04',
    'medium',
    'Nothing relies on SameSite: the requests of these tests bring the cookie always',
    ['security/csrf', ', signed in or not: '],
    ['security/csrf', 'is refused from another site, and nobody is signed in'],
    ['security/csrf-chromium', 'no page elsewhere acts for our visitor, and our own pages do'],
  ),
  met('J05', 'low', 'A form’s token looks different in each page', [
    'security/csrf',
    'differs at each rendering, and each one holds (J05)',
  ]),
]
