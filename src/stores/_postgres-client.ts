/**
 * The clients for PostgreSQL, made one.
 *
 * Typed by the few methods that are called, so that a client's new major breaks nobody. Statements with values go
 * unnamed: pgbouncer and its like may hand the next one to another server connection.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import { postgresFaults } from './_postgres-faults.ts'
import { reliably } from './_sql-faults.ts'
import type { SqlServer, Value } from './_sql-store.ts'

/** What `pg` answers, and PGlite. */
export interface PgResult {
  readonly rows: readonly unknown[]
  readonly rowCount?: number | null
  readonly affectedRows?: number
}

/** A Pool or a connected Client of `pg`, and whatever else has its `query` (Neon, for one); or a PGlite. */
export interface PgClient {
  query(text: string, values?: Value[]): Promise<PgResult>
  /** PGlite's way to run several statements at once. */
  exec?(text: string): Promise<unknown>
}

/** What postgres.js answers: the rows, and how many the statement changed. */
export interface PostgresJsResult extends ReadonlyArray<object> {
  readonly count: number | null
}

/** The `sql` of postgres.js. */
export interface PostgresJs {
  unsafe(text: string, values?: Value[]): Promise<PostgresJsResult>
}

/** The application's own client, connected by the application, and closed by it. */
export type PostgresClient = PgClient | PostgresJs

/** A way to PostgreSQL. */
export interface PostgresServer extends SqlServer {
  /** Runs several statements in one transaction. */
  script(sql: string): Promise<unknown>
}

/** Finds out what kind of client this is. @throws ConfigError when it is none that can be used */
export function serverOf(client: PostgresClient): PostgresServer {
  const { send, script } = isPostgresJs(client) ? overPostgresJs(client) : overPg(client)
  const answer = reliably(send, postgresFaults)
  return {
    run: async (sql, values) => (await answer(sql, values)).changed,
    // By their order: postgres.js may have been told to give the columns other names.
    rows: async (sql, values) => (await answer(sql, values)).rows.map((row) => Object.values(row as object)),
    script: reliably(script, postgresFaults),
  }
}

// --- internal ---

interface Answer {
  readonly rows: readonly unknown[]
  readonly changed: number
}

interface Way {
  send(text: string, values: readonly Value[]): Promise<Answer>
  /** Without values, PostgreSQL takes several statements at once, and makes one transaction of them. */
  script(text: string): Promise<unknown>
}

function overPg(client: PgClient): Way {
  // Only MySQL's clients have `execute`, and what is built upon a client has more than `query`, or gives other things.
  if (typeof (client as PgClient | null)?.query !== 'function' || 'execute' in client || '$pool' in client)
    throw unfit()
  const query = 'processID' in client ? inTurn(client) : client.query.bind(client)
  return {
    async send(text, values) {
      const { rows, rowCount, affectedRows } = await query(text, [...values])
      return { rows, changed: affectedRows ?? rowCount ?? 0 }
    },
    script: (text) => (client.exec ? client.exec(text) : query(text)),
  }
}

/** The `query` of a Client, one at a time: from pg 9 on, it no longer keeps those that come while it is busy. */
function inTurn(client: PgClient): PgClient['query'] {
  return async (text, values) => {
    const query = async (): Promise<PgResult> => client.query(text, values)
    const turn = turns.get(client)?.then(query, query) ?? query()
    turns.set(client, turn)
    return turn
  }
}

/** By client, the statement that is the last in line, of whichever store. */
const turns = new WeakMap<PgClient, Promise<PgResult>>()

function overPostgresJs(client: PostgresJs): Way {
  return {
    async send(text, values) {
      const rows = await client.unsafe(text, [...values])
      return { rows, changed: rows.count ?? 0 }
    },
    script: async (text) => client.unsafe(text),
  }
}

function isPostgresJs(client: PostgresClient): client is PostgresJs {
  return typeof (client as Partial<PostgresJs> | null)?.unsafe === 'function'
}

function unfit(): ConfigError {
  return new ConfigError(
    'postgresStore: `client` is no client for PostgreSQL. Give the Pool of pg itself, the sql of postgres.js, or a ' +
      'PGlite; under pg-promise that is db.$pool, under Drizzle db.$client.',
  )
}
