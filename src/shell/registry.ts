/**
 * The registry: sessions looked at, changed and ended from outside of their requests.
 *
 * @module
 */
import type { Data } from '../core/changes.ts'
import { nextRecord } from '../core/compose.ts'
import { ConflictError, UsageError } from '../core/errors.ts'
import { lastSeenAt, limitsOf } from '../core/expiry.ts'
import { normalisePrincipal } from '../core/principal.ts'
import type { SessionRecord } from '../core/record.ts'
import type { Store } from '../core/store.ts'
import { isId } from '../core/token.ts'
import { isAlive, type Shell } from './shell.ts'
import { synchronous } from './writer.ts'

/** What is known of a session without its data. */
export interface SessionInfo {
  /** The public handle; opens nothing. */
  id: string
  principal: string | null
  /** Instants, ms since the epoch. */
  createdAt: number
  authenticatedAt: number | null
  lastSeenAt: number
  expiresAt: number
  /** Labels from the request that signed in. */
  userAgent?: string
  address?: string
}

export class Registry {
  readonly #shell: Shell
  readonly #store: Store

  constructor(shell: Shell, store: Store) {
    this.#shell = shell
    this.#store = store
  }

  async read(id: string): Promise<{ info: SessionInfo; data: Data } | undefined> {
    const record = await this.#load(id)
    const data = record && this.#dataOf(record)
    return record && data && { info: this.#info(record), data }
  }

  async update<R>(id: string, fn: (data: Data) => R): Promise<R> {
    return this.#shell.queue.run(id, async (turn) => {
      const { keeper, drawMark } = this.#shell
      const start = turn.latest ?? (await this.#load(id))
      if (!start) throw noSession(id)
      let result!: R
      const mark = drawMark()
      const swapped = await keeper.swap(
        start,
        mark,
        (current) => {
          const data = this.#dataOf(current)
          if (!data) throw noSession(id)
          result = synchronous(fn(data))
          return this.#updated(current, data, mark)
        },
        'retry',
      )
      if (typeof swapped === 'string') throw noSession(id)
      turn.latest = swapped.record
      return result
    })
  }

  async *list(principal: string): AsyncGenerator<SessionInfo> {
    const name = requirePrincipal(principal)
    for await (const record of this.#shell.keeper.list(name)) {
      if (isAlive(this.#shell, record)) yield this.#info(record)
    }
  }

  async revoke(id: string, only: { principal?: string }): Promise<boolean> {
    if (this.#shell.sealed) return this.#revokeUnseen(id, only)
    const record = await this.#load(id)
    // Asked for by name: a principal that is missing by mistake is not everybody.
    if (!record || ('principal' in only && record.principal !== requirePrincipal(only.principal))) return false
    await this.#shell.keeper.end(record)
    this.#shell.events.emit('revoked', { id, ...(record.principal !== null && { principal: record.principal }) })
    return true
  }

  async revokeAll(principal: string, but: { except?: string }): Promise<number> {
    const removeAll = this.#shell.keeper.ability('removeAll')
    const name = requirePrincipal(principal)
    await this.#retireAll(name, but)
    const ended = await this.#shell.calls.make('removeAll', {}, (call) => removeAll(name, but, call))
    this.#shell.events.emit('revoked', { principal: name, reason: `all, ${ended}` })
    return ended
  }

  // --- internal ---

  async #load(id: string): Promise<SessionRecord | undefined> {
    const record = isId(id) ? await this.#shell.keeper.load(id) : undefined
    return record && isAlive(this.#shell, record) ? record : undefined
  }

  /** Before sessions that were taken over end, what they came from does: after that, the store names them no more. */
  async #retireAll(principal: string, { except }: { except?: string }): Promise<void> {
    const { config, keeper } = this.#shell
    if (!config.from || !this.#store.list) return
    for await (const { id, metadata } of keeper.list(principal)) {
      if (metadata.origin && id !== except) await keeper.retire(metadata.origin.id)
    }
  }

  /** A session in its cookie cannot be looked at from here: not whether it is there, nor whose it is. */
  async #revokeUnseen(id: string, only: { principal?: string }): Promise<boolean> {
    if (!this.#shell.sealed?.revoked || 'principal' in only) {
      throw new UsageError(
        'ERR_SOJOURN_UNSUPPORTED',
        'A session in its cookie can be ended from elsewhere by its id alone, and only with revocations; give cookieStore({ revocations }), or use a store on the server',
      )
    }
    await this.#shell.keeper.remove(id, null)
    this.#shell.events.emit('revoked', { id })
    return true
  }

  /** A session whose data cannot be read is as good as none: nobody makes up others for it. */
  #dataOf({ id, text }: SessionRecord): Data | undefined {
    const data = this.#shell.config.format.decode(text)
    if (!data) this.#shell.events.emit('unreadable', { id, reason: 'data' })
    return data
  }

  /** What an update from outside leaves: other data, the same principal, and the same expiry: it is no activity. */
  #updated(current: SessionRecord, data: Data, mark: string): SessionRecord {
    const { config, clock } = this.#shell
    const text = config.format.encode(data)
    const principal = normalisePrincipal(config.principal(config.format.readBack(text)))
    if (principal !== current.principal) {
      throw new UsageError(
        'ERR_SOJOURN_UNSUPPORTED',
        'update() from outside a request may not change the principal, since nobody could receive the new token; use revoke() or revokeAll(), or let the handler sign in',
      )
    }
    const next = nextRecord(current, { mark, text, principal }, clock(), config.limits)
    return { ...next, expiresAt: current.expiresAt, metadata: { ...next.metadata, savedAt: current.metadata.savedAt } }
  }

  #info({ id, principal, expiresAt, metadata }: SessionRecord): SessionInfo {
    const { createdAt, authenticatedAt, savedAt, userAgent, address } = metadata
    const seen = lastSeenAt(savedAt, expiresAt, limitsOf(metadata, this.#shell.config.limits))
    const info = { id, principal, createdAt, authenticatedAt, lastSeenAt: seen, expiresAt }
    return {
      ...info,
      ...(userAgent !== undefined && { userAgent }),
      ...(address !== undefined && { address }),
    }
  }
}

// --- internal ---

function requirePrincipal(principal: unknown): string {
  const name = normalisePrincipal(principal)
  if (name !== null) return name
  throw new UsageError(
    'ERR_SOJOURN_UNSUPPORTED',
    'A principal is needed; give what principal(data) gives for that person',
  )
}

function noSession(id: string): ConflictError {
  return new ConflictError(
    'ERR_SOJOURN_GONE',
    `There is no session ${isId(id) ? id : 'of this id'}; it has ended or never was`,
  )
}
