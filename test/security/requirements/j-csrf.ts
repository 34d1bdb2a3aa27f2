/** J: requests that another site forged. */
import { later, type Requirement } from './_requirement.ts'

export const csrf: readonly Requirement[] = [
  later('J01', 'high', 'Unsafe requests from another site are refused', 'Being built.'),
  later('J02', 'high', 'A form’s token is bound to the session’s token', 'Being built.'),
  later('J03', 'medium', 'The sign-in itself is guarded', 'Being built.'),
  later('J04', 'medium', 'Nothing relies on SameSite', 'Being built.'),
  later('J05', 'low', 'A form’s token looks different in each page', 'Being built.'),
]
