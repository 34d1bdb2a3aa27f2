/**
 * What is asked of the servers.
 *
 * | field | |
 * |---|---|
 * | `path`, `method` | the request |
 * | `cookies` | how many signed-in browsers take turns: none, `one-each` for one per connection, or a number |
 * | `bytes` | the size of their sessions, as JSON; 0 for a small one |
 *
 * @module
 */
export const CONNECTIONS = 16

export const scenarios = [
  { name: 'no cookie', path: '/public', cookies: 0 },
  { name: 'no cookie, looked at', path: '/read', cookies: 0 },
  { name: 'read', path: '/read', cookies: 2000 },
  { name: 'write, one session a connection', path: '/write', cookies: 'one-each' },
  { name: 'write, many sessions', path: '/write', cookies: 2000 },
  { name: 'read, 16 KB', path: '/read', cookies: 200, bytes: 16_384 },
  { name: 'sign-in', method: 'POST', path: '/session?user=u0000000', cookies: 0 },
]

/** The users of a scenario: each has one session. */
export function usersOf({ cookies }) {
  const count = cookies === 'one-each' ? CONNECTIONS : cookies
  return Array.from({ length: count }, (_, at) => `u${String(at).padStart(7, '0')}`)
}
