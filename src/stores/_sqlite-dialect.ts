/**
 * SQLite's own words, which D1 speaks too.
 *
 * @module
 */
import { onConflict } from './_sql.ts'
import type { Dialect } from './_sql.ts'

/** How SQLite says it. STRICT, so that a foreign hand cannot put a text where a number belongs. */
export const sqliteDialect: Dialect = {
  placeholder: () => '?',
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
  greatest: 'MAX',
  types: { id: 'TEXT', principal: 'TEXT', body: 'TEXT', integer: 'INTEGER' },
  indexes: 'apart',
  tableOptions: ' STRICT',
  inserts: onConflict,
  removeDue: (sql, table, key, instant) => sql`DELETE FROM ${table} WHERE ${key} IN
      (SELECT ${key} FROM ${table} WHERE ${instant} <= ? ORDER BY ${instant} LIMIT ?)`,
}
