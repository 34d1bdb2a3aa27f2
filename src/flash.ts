/**
 * Flash messages: said in one request, shown once in another.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { SojournError } from './core/errors.ts'

/** The data key that holds them. connect-flash has `flash`, and goes on having it. */
const KEY = '_flash'

// Each message under a key of its own, not in an array: two parallel requests that say one each both keep theirs.
type Messages = Record<string, unknown>
type Holder = { [KEY]?: Record<string, Messages> }
interface Flashing extends Holder {
  readonly isNew: boolean
  update<R>(fn: (data: Holder) => R): Promise<R>
}

/**
 * Says something that {@link takeFlash} gives once, in this request or a later one.
 *
 * @example
 * ```ts
 * flash(req.session, 'notice', 'Your address was changed.')
 * res.redirect('/account')
 * ```
 */
export function flash(session: object, key: string, value: unknown): void {
  const holder = session as Holder
  const mark = `m${randomBytes(6).toString('base64url')}`
  holder[KEY] = { ...holder[KEY], [key]: { ...holder[KEY]?.[key], [mark]: value } }
}

/**
 * Gives what was said under a key, oldest first, and forgets it, in one atomic step: of several parallel requests
 * exactly one gets it. Where nothing was said it costs nothing; a session that ended meanwhile has nothing to say.
 *
 * @throws StoreError when the store failed
 */
export async function takeFlash(session: object, key: string): Promise<unknown[]> {
  const holder = session as Flashing
  if (!holder[KEY]?.[key]) return []
  if (holder.isNew) return take(holder, key)
  try {
    return await holder.update((data) => take(data, key))
  } catch (error) {
    if (error instanceof SojournError && error.code === 'ERR_SOJOURN_GONE') return []
    throw error
  }
}

// --- internal ---

function take(data: Holder, key: string): unknown[] {
  const { [key]: messages = {}, ...others } = data[KEY] ?? {}
  if (Object.keys(others).length > 0) data[KEY] = others
  else delete data[KEY]
  return Object.values(messages)
}
