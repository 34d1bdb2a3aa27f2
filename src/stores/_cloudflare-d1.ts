/**
 * Sessions in D1: SQLite's statements, over D1's binding.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import { explained } from './_cloudflare-faults.ts'
import { sqlSchema, sqlStatements } from './_sql.ts'
import { type Row, type SqlMethods, sqlMethods, type Value } from './_sql-store.ts'
import { sqliteDialect } from './_sqlite-dialect.ts'

/** The part of a D1 database's binding that the store calls. */
export interface D1Database {
  prepare(sql: string): {
    bind(...values: unknown[]): {
      run(): Promise<{ meta: { changes?: number } }>
      raw(): Promise<unknown[]>
    }
  }
}

export interface D1StoreOptions {
  /** The database's binding, `env.DB`. */
  database: D1Database
  /** The table's name. Default `sojourn_sessions`. */
  table?: string
}

/** The store, and what makes its tables. */
export interface D1Store extends SqlMethods {
  /** Creates the tables where they are missing. */
  migrate(): Promise<void>
}

/**
 * Keeps sessions in a D1 database. D1 writes at one place; do not read sessions from its replicas.
 *
 * @throws ConfigError when this is no D1 database
 */
export function d1Store({ database, table = TABLE }: D1StoreOptions): D1Store {
  if (typeof database?.prepare !== 'function') {
    throw new ConfigError('d1Store needs the binding of a D1 database; give env.DB, as wrangler.toml names it')
  }
  const bound = (sql: string, values: readonly Value[]) => database.prepare(sql).bind(...values)
  const server = {
    run: async (sql: string, values: readonly Value[]): Promise<number> =>
      (await explained(bound(sql, values).run())).meta.changes ?? 0,
    rows: async (sql: string, values: readonly Value[]): Promise<Row[]> =>
      (await explained(bound(sql, values).raw())) as Row[],
  }
  return {
    ...sqlMethods(server, sqlStatements(sqliteDialect, table)),
    async migrate() {
      for (const statement of sqlSchema(sqliteDialect, table)) await server.run(statement, [])
    },
  }
}

/** Gives the SQL that {@link D1Store.migrate} runs, for `wrangler d1 migrations`. */
export function migrationSql({ table = TABLE }: { table?: string } = {}): string {
  return sqlSchema(sqliteDialect, table)
    .map((statement) => `${statement};\n`)
    .join('')
}

// --- internal ---

const TABLE = 'sojourn_sessions'
