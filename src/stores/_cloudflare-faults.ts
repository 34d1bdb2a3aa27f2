/**
 * What can be wrong with Cloudflare's storage, and what to do about it.
 *
 * @module
 */
import { StoreError, UsageError } from '../core/errors.ts'

/** Gives the answer; what somebody can mend of a failure says how. Whatever else stays as it is. */
export async function explained<R>(answer: Promise<R>): Promise<R> {
  try {
    return await answer
  } catch (cause) {
    throw explain(cause)
  }
}

// --- internal ---

function explain(cause: unknown): unknown {
  const said = String(cause)
  if (/no such table/i.test(said)) {
    const message = 'The table of sessions is missing in D1; run store.migrate() once, or the SQL of migrationSql()'
    return new StoreError(message, { cause })
  }
  // SQLite's word, for D1 and Durable Objects alike, and that of KV.
  if (/SQLITE_TOOBIG|exceeds limit/.test(said)) {
    return new UsageError(
      'ERR_SOJOURN_TOO_LARGE',
      'The session is larger than Cloudflare keeps in one piece, 2 MB in D1 and Durable Objects and 25 MB in KV; lower maxBytes, and keep large things elsewhere',
      { cause },
    )
  }
  return cause
}
