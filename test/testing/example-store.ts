import type { Store, StoreCall, StoredSession } from '../../src/core/store.ts'

type Value = string | number | null
type Row = Record<string, Value>

/** Runs one statement, as a transaction of its own, and gives the rows that it returned. */
export type Query = (text: string, values: Value[]) => Promise<Row[]>

/** The tables. Columns of text must compare byte by byte: give them a binary collation where that is not the default. */
export const SCHEMA: string[] = [
  `CREATE TABLE sessions (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, expires_at BIGINT NOT NULL, principal TEXT, body TEXT NOT NULL)`,
  `CREATE INDEX sessions_by_principal ON sessions (principal)`,
  `CREATE INDEX sessions_by_expiry ON sessions (expires_at)`,
  `CREATE TABLE revocations (principal TEXT PRIMARY KEY, revoked_at BIGINT NOT NULL)`,
]

const TEN_MINUTES = 600_000
const HOUR = 3_600_000

/** Keeps sessions in an SQL database that knows ON CONFLICT and RETURNING (SQLite, PostgreSQL and their kin). */
export function sqlStore({ query }: { query: Query }): Store {
  const load = async (id: string, { now }: StoreCall): Promise<StoredSession | undefined> => {
    const [row] = await query('SELECT * FROM sessions WHERE id = ? AND expires_at > ?', [id, now])
    return row && toSession(row)
  }

  return {
    load,

    async create(id, { version, expiresAt, principal, body }, { now }) {
      const rows = await query(
        `INSERT INTO sessions (id, version, expires_at, principal, body) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET version = excluded.version, expires_at = excluded.expires_at,
           principal = excluded.principal, body = excluded.body
         WHERE sessions.expires_at <= ? RETURNING id`,
        [id, version, expiresAt, principal, body, now],
      )
      return rows.length === 1
    },

    async save(id, { version, expiresAt, principal, body }, ifVersion, call) {
      const rows = await query(
        `UPDATE sessions SET version = ?, expires_at = ?, principal = ?, body = ?
         WHERE id = ? AND version = ? AND expires_at > ? RETURNING id`,
        [version, expiresAt, principal, body, id, ifVersion, call.now],
      )
      if (rows.length === 1) return 'saved'
      const conflict = await load(id, call)
      return conflict ? { conflict } : 'gone'
    },

    async touch(id, expiresAt, { now }) {
      const rows = await query(
        `UPDATE sessions SET expires_at = CASE WHEN expires_at < ? THEN ? ELSE expires_at END
         WHERE id = ? AND expires_at > ? RETURNING id`,
        [expiresAt, expiresAt, id, now],
      )
      return rows.length === 1
    },

    async remove(id) {
      await query('DELETE FROM sessions WHERE id = ?', [id])
    },

    async *list(principal, { now }) {
      const rows = await query('SELECT * FROM sessions WHERE principal = ? AND expires_at > ?', [principal, now])
      for (const row of rows) yield [String(row.id), toSession(row)]
    },

    async removeAll(principal, { except = '' }, { now }) {
      await query(
        `INSERT INTO revocations (principal, revoked_at) VALUES (?, ?)
         ON CONFLICT (principal) DO UPDATE SET revoked_at = excluded.revoked_at
         WHERE revocations.revoked_at < excluded.revoked_at`,
        [principal, now],
      )
      const rows = await query(
        `DELETE FROM sessions WHERE principal = ? AND id <> ?
         RETURNING expires_at`,
        [principal, except],
      )
      return rows.filter((row) => Number(row.expires_at) > now).length
    },

    async revokedAt(principal, { now }) {
      const [row] = await query(
        `SELECT revoked_at FROM revocations
         WHERE principal = ? AND revoked_at > ?`,
        [principal, now - HOUR],
      )
      return row && Number(row.revoked_at)
    },

    async prune(limit, { now }) {
      await query('DELETE FROM revocations WHERE revoked_at <= ?', [now - HOUR - TEN_MINUTES])
      const rows = await query(
        `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ? LIMIT ?)
         RETURNING id`,
        [now - TEN_MINUTES, limit],
      )
      return rows.length
    },
  }
}

/** Some drivers give a BIGINT as text: a number must come out. */
function toSession(row: Row): StoredSession {
  return {
    version: Number(row.version),
    expiresAt: Number(row.expires_at),
    principal: row.principal === null ? null : String(row.principal),
    body: String(row.body),
  }
}
