/**
 * The clients for MySQL and MariaDB, made one.
 *
 * Typed by the few methods that are called, so that a client's new major breaks nobody. Texts travel as bytes, through
 * prepared statements: neither a connection's character set nor its collation nor an SQL mode comes near them.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer'
import { ConfigError } from '../core/errors.ts'
import { mysqlFaults } from './_mysql-faults.ts'
import { reliably } from './_sql-faults.ts'
import type { SqlServer, Value } from './_sql-store.ts'

/** A statement, and how its answer is to look, whatever the application's client is set to. */
export interface MysqlStatement {
  sql: string
  rowsAsArray: boolean
  nestTables: boolean
  namedPlaceholders: boolean
  typeCast<V>(column: unknown, next: () => V): V
  /** Keeps the mariadb client from writing the session's data into its errors. */
  logParam: boolean
}

/** A pool or connection of mysql2/promise, or of mariadb. */
export interface MysqlPromiseClient {
  execute(statement: MysqlStatement, values: (Buffer | string | number | null)[]): Promise<unknown>
  getConnection?(): Promise<MysqlPromiseClient & { release(): unknown }>
}

/** A pool or connection of mysql2, without `/promise`. */
export interface MysqlCallbackClient {
  promise(): MysqlPromiseClient
}

/** The application's own client, connected by the application, and closed by it. */
export type MysqlClient = MysqlPromiseClient | MysqlCallbackClient

/** A way to MySQL. */
export interface MysqlServer extends SqlServer {
  /** Does work on one connection that holds a lock of that name; `undefined`, and no work, when another holds it. */
  alone<R>(lock: string, work: (server: SqlServer) => Promise<R>): Promise<R | undefined>
}

/** Finds out what kind of client this is. @throws ConfigError when it is none that can be used */
export function serverOf(given: MysqlClient): MysqlServer {
  const client = isCallbackClient(given) ? given.promise() : given
  if (typeof (client as MysqlPromiseClient | null)?.execute !== 'function' || '$client' in client) throw unfit()
  const getConnection = reliably(async () => client.getConnection?.(), mysqlFaults)
  return {
    ...over(client),
    async alone(lock, work) {
      const connection = await getConnection()
      try {
        return await locked(over(connection ?? client), lock, work)
      } finally {
        await connection?.release()
      }
    },
  }
}

// --- internal ---

const HOW: Omit<MysqlStatement, 'sql'> = {
  rowsAsArray: true,
  nestTables: false,
  namedPlaceholders: false,
  typeCast: (_, next) => next(),
  logParam: false,
}

function over(client: MysqlPromiseClient): SqlServer {
  // What they give differs, and only mariadb has `batch`.
  const isMysql2 = !('batch' in client)
  const send = async (sql: string, values: readonly Value[]): Promise<unknown> => {
    const answer = await client.execute({ sql, ...HOW }, values.map(toServer))
    if (answer === undefined) throw unfit()
    return isMysql2 ? (answer as unknown[])[0] : answer
  }
  const answer = reliably(send, mysqlFaults)
  return {
    run: async (sql, values) => ((await answer(sql, values)) as { affectedRows: number }).affectedRows,
    rows: async (sql, values) => ((await answer(sql, values)) as unknown[][]).map((row) => row.map(fromServer)),
  }
}

async function locked<R>(
  server: SqlServer,
  lock: string,
  work: (server: SqlServer) => Promise<R>,
): Promise<R | undefined> {
  const [row] = await server.rows('SELECT GET_LOCK(?, 0)', [lock])
  if (Number(row?.[0]) !== 1) return undefined
  try {
    return await work(server)
  } finally {
    await server.rows('SELECT RELEASE_LOCK(?)', [lock])
  }
}

function toServer(value: Value): Buffer | string | number | null {
  if (typeof value === 'string' || value instanceof Uint8Array) return Buffer.from(value as string)
  // Small ones as digits: mysql2 makes a DOUBLE of every number, and MySQL 8 takes none for a LIMIT.
  return typeof value === 'number' && Math.abs(value) < 2 ** 31 ? String(value) : value
}

function fromServer(column: unknown): unknown {
  return Buffer.isBuffer(column) && isUtf8(column) ? column.toString() : column
}

function isCallbackClient(client: MysqlClient): client is MysqlCallbackClient {
  return typeof (client as Partial<MysqlCallbackClient> | null)?.promise === 'function'
}

function unfit(): ConfigError {
  return new ConfigError(
    'mysqlStore: `client` is no client for MySQL. Give the pool of mysql2 or of mariadb (not of mariadb/callback) ' +
      'itself; under Drizzle that is db.$client.',
  )
}
