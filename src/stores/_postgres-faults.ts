/**
 * How PostgreSQL and its clients say what is wrong.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 * @module
 */
import { faultsOf, NETWORK } from './_sql-faults.ts'
import type { Faults, Sign } from './_sql-faults.ts'

/** By SQLSTATE, by the codes of postgres.js, and by the words of pg and PGlite, which have no codes of their own. */
const SIGNS: readonly Sign[] = [
  { fault: 'conflict', code: /^40(001|P01)$/ },
  { fault: 'missing', code: /^42P01$/ },
  { fault: 'schema', code: /^3F000$/ },
  { fault: 'shape', code: /^(42703|42P10|42804|42883|42809|22P02|22007|22008|23\d{3})$/ },
  { fault: 'denied', code: /^42501$/ },
  { fault: 'login', code: /^(28\w{3}|3D000)$/ },
  { fault: 'readonly', code: /^25006$/ },
  { fault: 'crowded', code: /^53[34]00$/, text: /^timeout exceeded when trying to connect$/ },
  { fault: 'slow', code: /^(57014|55P03|25P03|57P05)$/, text: /^Query read timeout$/ },
  { fault: 'size', code: /^(22001|54\d{3})$/ },
  { fault: 'full', code: /^53[12]00$/ },
  { fault: 'encoding', code: /^(22021|22P05)$/ },
  {
    fault: 'closed',
    code: /^CONNECTION_(ENDED|DESTROYED)$/,
    text: /^Cannot use a pool after|^Client was closed|^PGlite is closed|^Client has encountered a connection error/,
  },
  {
    fault: 'away',
    code: /^(57P03|08001|08004|CONNECT_TIMEOUT)$/,
    text: /^Connection terminated due to connection timeout/,
  },
  { fault: 'broken', code: /^(57P0[12]|08\w{3}|CONNECTION_CLOSED)$/, text: /^Connection terminated/ },
  ...NETWORK,
]

/** The faults of PostgreSQL. */
export const postgresFaults: Faults = faultsOf('PostgreSQL', SIGNS, {
  crowded:
    'no connection was free. Raise `max` of the pool or max_connections of the server, or put pgbouncer between them.',
  closed:
    'the client is closed, or its one connection is lost. Give a Pool, which opens new ones, and close it last of all.',
})
