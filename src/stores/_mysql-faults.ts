/**
 * How MySQL, MariaDB and their clients say what is wrong.
 *
 * @see https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
 * @see https://mariadb.com/docs/server/reference/error-codes
 * @module
 */
import { faultsOf, NETWORK } from './_sql-faults.ts'
import type { Faults, Sign } from './_sql-faults.ts'

/** By the server's numbers, by the names of the clients' own errors, and by the words of those that have no name. */
const SIGNS: readonly Sign[] = [
  { fault: 'taken', code: /^1062$/ },
  // The last is MariaDB's, of a row that changed under a snapshot.
  { fault: 'conflict', code: /^(1213|1614|1020)$/ },
  { fault: 'missing', code: /^1146$/ },
  { fault: 'shape', code: /^(1054|1048|1364|1347|1292|1366|1356|1471|1288|1265)$/ },
  { fault: 'denied', code: /^(1044|1142|1143|1227|1370)$/ },
  { fault: 'login', code: /^(1045|1698|1049|1046|1130|1251)$/ },
  { fault: 'readonly', code: /^(1290|1792|1836|1036)$/ },
  {
    fault: 'crowded',
    code: /^(1040|1203|1226|ER_GET_CONNECTION_TIMEOUT)$/,
    text: /^(No connections available|Queue limit reached)/,
  },
  { fault: 'slow', code: /^(1205|3024|1969|1317|PROTOCOL_SEQUENCE_TIMEOUT)$/ },
  { fault: 'size', code: /^(1406|1153|ER_MAX_ALLOWED_PACKET)$/ },
  { fault: 'full', code: /^(1114|1021|1037|1041)$/ },
  {
    fault: 'closed',
    code: /^ER_(POOL_ALREADY_CLOSED|CLOSING_POOL|CMD_CONNECTION_CLOSED|CMD_NOT_EXECUTED_DESTROYED)$/,
    text: /^(Pool is closed|Can't add new command when connection is in closed state)/,
  },
  { fault: 'away', code: /^ER_(CONNECTION_TIMEOUT|SOCKET_CREATION_FAIL)$/ },
  { fault: 'broken', code: /^(1053|1077|1927|PROTOCOL_CONNECTION_LOST|ER_(SOCKET\w*|UNEXPECTED_PACKET))$/ },
  ...NETWORK,
]

/** The faults of MySQL and MariaDB. */
export const mysqlFaults: Faults = faultsOf('MySQL', SIGNS, {
  crowded: 'no connection was free. Raise connectionLimit of the pool or max_connections of the server.',
  closed:
    'the client is closed, or its one connection is lost. Give a pool, which opens new ones, and close it last of all.',
  size: 'a value is larger than the server takes. Keep less in the session, or raise max_allowed_packet.',
})
