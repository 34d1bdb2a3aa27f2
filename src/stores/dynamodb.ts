/**
 * Sessions in DynamoDB: condition expressions for compare-and-swap, consistent reads, principals in the base table.
 *
 * One table, `pk` and `sk`:
 *
 *     s#<id>         session                  the session
 *     p#<principal>  s#<id>                   one of the principal's sessions, written before the session itself
 *     p#<principal>  revoked                  the principal's revocation mark
 *
 * A secondary index would be eventually consistent: `revokeAll` would miss a fresh session. So the principals' entries
 * lie in the base table. They may outlive their sessions, never the other way round; a listing believes the sessions.
 *
 * @module
 */
import { UsageError } from '../core/errors.ts'
import { BROOM_DELAY_MS, REVOCATION_MARK_MS } from '../core/store.ts'
import type { Saved, Store, StoreCall, StoredSession } from '../core/store.ts'
import { type DynamoClient, type DynamoTable, type Item, tableOf } from './_dynamodb-table.ts'
import { fromText, toText } from './_sql.ts'

export type { DynamoClient } from './_dynamodb-table.ts'

/** What `dynamodbStore` takes. */
export interface DynamodbStoreOptions {
  /** Your own client, `new DynamoDB({ … })` of `@aws-sdk/client-dynamodb` 3: the class with a method for each operation. */
  client: DynamoClient
  /** The table's name; of its own, for sessions alone. */
  table: string
}

/** A store in DynamoDB. */
export interface DynamodbStore extends Required<Omit<Store, 'prune' | 'changes'>> {
  /** Creates the table, paid by request, with its expiry by `ttl`. Harmless where it exists. */
  migrate(): Promise<void>
}

/**
 * Keeps sessions in a table of DynamoDB. It never connects and never closes: the client is yours.
 *
 * @throws ConfigError when this is no such client
 * @example
 * ```ts
 * const store = dynamodbStore({ client: new DynamoDB({ region: 'eu-central-1' }), table: 'sessions' })
 * await store.migrate() // or create it by your own means: string keys `pk` and `sk`, expiry by `ttl`
 * ```
 */
export function dynamodbStore({ client, table: name }: DynamodbStoreOptions): DynamodbStore {
  const table = tableOf(client, name)

  return {
    async load(id, call) {
      return toLive(await table.get(sessionKey(id), call), call.now)
    },

    async create(id, session, call) {
      await enter(table, id, session, null, call)
      const free = 'attribute_not_exists(pk) OR expiresAt <= :now'
      return table.attempt(() => table.put(toItem(id, session), call, free, { ':now': number(call.now) }))
    },

    async save(id, session, ifVersion, call): Promise<Saved> {
      await enter(table, id, session, call.principalBefore, call)
      const values = { ':version': number(ifVersion), ':now': number(call.now) }
      if (
        await table.attempt(() =>
          table.put(toItem(id, session), call, 'version = :version AND expiresAt > :now', values),
        )
      )
        return 'saved'
      const conflict = toLive(await table.get(sessionKey(id), call), call.now)
      return conflict ? { conflict } : 'gone'
    },

    async touch(id, expiresAt, call) {
      const values = { ':now': number(call.now), ':expiresAt': number(expiresAt), ':ttl': ttl(expiresAt) }
      const forward = 'expiresAt > :now AND expiresAt < :expiresAt'
      if (
        await table.attempt(() =>
          table.update(sessionKey(id), 'SET expiresAt = :expiresAt, #ttl = :ttl', call, forward, values),
        )
      )
        return true
      // Not there, or already later.
      return toLive(await table.get(sessionKey(id), call), call.now) !== undefined
    },

    async remove(id, call) {
      const entry = typeof call.principalBefore === 'string' ? [entryKey(call.principalBefore, id)] : []
      await table.removeAll([sessionKey(id), ...entry], call)
    },

    list: (principal, call) => list(table, principal, call),

    async removeAll(principal, { except }, call) {
      await mark(table, principal, call)
      let ended = 0
      for await (const batch of owned(table, principal, call)) {
        const ending = batch.filter(({ id }) => id !== except)
        ended += ending.filter(({ session }) => session.expiresAt > call.now).length
        await table.removeAll(
          ending.flatMap(({ id }) => [sessionKey(id), entryKey(principal, id)]),
          call,
        )
      }
      return ended
    },

    async revokedAt(principal, call) {
      const at = Number((await table.get(markKey(principal), call))?.['revokedAt']?.N ?? Number.NaN)
      return at > call.now - REVOCATION_MARK_MS ? at : undefined
    },

    async *scan(call) {
      for await (const item of table.scan({ sk: text(SESSION) }, call)) {
        const [id, session] = [idOf(item['pk']?.S), toLive(item, call.now)]
        if (id !== undefined && session) yield [id, session]
      }
    },

    migrate: () => table.migrate(),
  }
}

// --- internal ---

const SESSION = 'session'

/** DynamoDB takes items of 400 KB, names included. */
const MAX_BODY = 400_000

/** An entry this young may belong to a sign-in under way, whose session is still to be written. */
const YOUNG_MS = 3_600_000

interface Owned {
  readonly id: string
  readonly session: StoredSession
}

/** Index first, record second: what is in the table is always listed. */
async function enter(
  table: DynamoTable,
  id: string,
  session: StoredSession,
  before: string | null | undefined,
  call: StoreCall,
): Promise<void> {
  const { principal } = session
  if (principal === null || principal === before) return
  // No session outlives 400 days: browsers keep no cookie longer.
  const item = { ...entryKey(principal, id), enteredAt: number(call.now), ttl: ttl(call.now + 400 * 86_400_000) }
  await table.put(item, call)
}

/** The principal's sessions, batch by batch; entries whose session has gone are swept on the way. */
async function* owned(table: DynamoTable, principal: string, call: StoreCall): AsyncGenerator<Owned[]> {
  for await (const entries of table.query(`p#${toText(principal)}`, 's#', call)) {
    const items = await table.getAll(
      entries.map(({ sk }) => ({ pk: sk!, sk: text(SESSION) })),
      call,
    )
    const found = new Map(items.map((item) => [item['pk']!.S, toSession(item)]))
    const owned: Owned[] = []
    const stale: Item[] = []
    for (const { pk, sk, enteredAt } of entries) {
      const [id, session] = [idOf(sk?.S), found.get(sk?.S)]
      if (id !== undefined && session?.principal === principal) owned.push({ id, session })
      else if (Number(enteredAt?.N) < call.now - YOUNG_MS) stale.push({ pk: pk!, sk: sk! })
    }
    await table.removeAll(stale, call)
    yield owned
  }
}

async function* list(table: DynamoTable, principal: string, call: StoreCall): AsyncGenerator<[string, StoredSession]> {
  for await (const batch of owned(table, principal, call)) {
    for (const { id, session } of batch) if (session.expiresAt > call.now) yield [id, session]
  }
}

/** Forward only. */
async function mark(table: DynamoTable, principal: string, call: StoreCall): Promise<void> {
  const values = { ':at': number(call.now), ':ttl': ttl(call.now + REVOCATION_MARK_MS) }
  const forward = 'attribute_not_exists(revokedAt) OR revokedAt < :at'
  await table.attempt(() => table.update(markKey(principal), 'SET revokedAt = :at, #ttl = :ttl', call, forward, values))
}

function sessionKey(id: string): Item {
  return { pk: text(`s#${toText(id)}`), sk: text(SESSION) }
}

function entryKey(principal: string, id: string): Item {
  return { pk: text(`p#${toText(principal)}`), sk: text(`s#${toText(id)}`) }
}

function markKey(principal: string): Item {
  return { pk: text(`p#${toText(principal)}`), sk: text('revoked') }
}

function toItem(id: string, { version, expiresAt, principal, body }: StoredSession): Item {
  const sent = toText(body) // What is escaped is longer.
  if (Buffer.byteLength(sent) > MAX_BODY) {
    throw new UsageError(
      'ERR_SOJOURN_TOO_LARGE',
      'The session is larger than an item of DynamoDB, 400 KB; lower maxBytes, and keep large things elsewhere',
    )
  }
  return {
    ...sessionKey(id),
    version: number(version),
    expiresAt: number(expiresAt),
    ...(principal !== null && { principal: text(toText(principal)) }),
    body: text(sent),
    ttl: ttl(expiresAt),
  }
}

/** Gives the session that an item holds; `undefined` when another hand wrote something else there. */
function toSession(item: Item | undefined): StoredSession | undefined {
  const version = Number(item?.['version']?.N ?? Number.NaN)
  const expiresAt = Number(item?.['expiresAt']?.N ?? Number.NaN)
  const body = fromText(item?.['body']?.S)
  const principal = item?.['principal'] === undefined ? null : fromText(item['principal'].S)
  if (
    !Number.isSafeInteger(version) ||
    !Number.isSafeInteger(expiresAt) ||
    body === undefined ||
    principal === undefined
  )
    return undefined
  return { version, expiresAt, principal, body }
}

function toLive(item: Item | undefined, now: number): StoredSession | undefined {
  const session = toSession(item)
  return session && session.expiresAt > now ? session : undefined
}

function idOf(key: string | undefined): string | undefined {
  return key?.startsWith('s#') ? fromText(key.slice(2)) : undefined
}

function text(value: string): { S: string } {
  return { S: value }
}

function number(value: number): { N: string } {
  return { N: String(value) }
}

/** The engine's broom, in its whole seconds, ten minutes late. */
function ttl(expiresAt: number): { N: string } {
  return number(Math.ceil((expiresAt + BROOM_DELAY_MS) / 1000))
}
