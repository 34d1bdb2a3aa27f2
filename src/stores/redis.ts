/**
 * Sessions in Redis or Valkey: one hash each, changed by scripts, each of them on one slot.
 *
 * The index of a principal is a sorted set that may know too much and never too little. It is written before the
 * record, nothing takes a session off it while that may live, and whose a session is, its record says. An entry stands
 * until well after the session's expiry, by which it is also scored; only a session that is kept alive beyond that is
 * entered anew. So reads, writes and logouts leave the index alone, and it prunes itself.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import { BROOM_DELAY_MS, REVOCATION_MARK_MS } from '../core/store.ts'
import type { Store, StoreCall, StoredSession } from '../core/store.ts'
import { changesOn } from './_redis-changes.ts'
import type { IoRedisSubscriber, NodeRedisSubscriber, RedisSubscriber } from './_redis-changes.ts'
import { connectionTo } from './_redis-client.ts'
import type {
  IoRedisClient,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSentinel,
  RedisClient,
} from './_redis-client.ts'
import { isWrongType, toStoreError } from './_redis-faults.ts'
import { CREATE, INDEX, REMOVE, REVOKE, runScript, SAVE, TOUCH } from './_redis-scripts.ts'
import type { Script } from './_redis-scripts.ts'
import { keysUnder, toFields, toInteger, toPattern, toSession, toText, toTexts } from './_redis-values.ts'

export type { IoRedisClient, NodeRedisClient, NodeRedisCluster, NodeRedisSentinel, RedisClient }
export type { IoRedisSubscriber, NodeRedisSubscriber, RedisSubscriber }

/** Where the sessions are kept. */
export interface RedisStoreOptions {
  /** The application's own client: node-redis 4 or later, ioredis 5 or later; single, sentinel or cluster. */
  client: RedisClient
  /** What every key begins with. Default `sojourn:`. */
  prefix?: string
  /**
   * A second connection, `client.duplicate()`, for {@link Store.changes}. With it every save and removal is published;
   * so give it in all processes, or in none.
   */
  subscriber?: RedisSubscriber
}

/** What Redis can do: the whole contract, but for `prune`, since its keys expire by themselves. */
export type RedisStore = Store & Required<Pick<Store, 'list' | 'removeAll' | 'revokedAt' | 'scan'>>

/**
 * Gives a store in Redis.
 *
 * The application connects the client and closes it. What Redis refuses, or never answers, is a StoreError that names
 * the remedy.
 *
 * @throws ConfigError when the client is none that can be used, or `prefix` has braces
 * @example
 * ```ts
 * const client = await createClient({ url: 'redis://localhost' }).connect()
 * const sessions = createSessions({ store: redisStore({ client }) })
 * ```
 */
export function redisStore(
  options: RedisStoreOptions & { subscriber: RedisSubscriber },
): RedisStore & Required<Pick<Store, 'changes'>>
export function redisStore(options: RedisStoreOptions): RedisStore
export function redisStore({ client, prefix = 'sojourn:', subscriber }: RedisStoreOptions): RedisStore {
  if (/[{}]/.test(prefix)) {
    throw new ConfigError('redisStore: braces in `prefix` would put all sessions into one slot. Leave them out.')
  }
  const connection = connectionTo(client)
  const keys = keysUnder(prefix)
  const channel = subscriber ? keys.changes : ''

  const send = (key: string, ...command: string[]): Promise<unknown> => ours(() => connection.send(key, command))

  const run = (script: Script, key: string | [string, string], ...args: (string | number)[]): Promise<unknown> =>
    ours(() => runScript(connection, script, [key].flat(), args))

  /** Enters a session into its principal's index, and gives the instant until which it stands there. */
  const enter = async (id: string, principal: string, expiresAt: number, now: number): Promise<number> => {
    const until = expiresAt + Math.max(expiresAt - now, LEAST_AHEAD_MS)
    await run(INDEX, keys.index(principal), id, until, now - BROOM_DELAY_MS, BROOM_DELAY_MS)
    return until
  }

  const load = async (id: string, { now }: StoreCall): Promise<StoredSession | undefined> => {
    const key = keys.record(id)
    // What every request waits for. A call's signal is not looked at: it would be made for that, at the price of a
    // second command, to leave a wait that `storeTimeout` ends anyway.
    const fields = await connection.send(key, ['hmget', key, 'v', 'e', 'p', 'b']).catch(absentIfForeign)
    const session = toSession(fields)
    return session && session.expiresAt > now ? session : undefined
  }

  /** Loads many at a time, and gives those that are live. */
  async function* loaded(ids: (string | undefined)[], call: StoreCall): AsyncGenerator<[string, StoredSession]> {
    for (const some of batches(ids)) {
      call.signal?.throwIfAborted()
      const sessions = await Promise.all(some.map((id) => load(id, call)))
      for (const [at, session] of sessions.entries()) if (session) yield [some[at]!, session]
    }
  }

  const store: RedisStore = {
    load,

    async create(id, session, { now }) {
      const { principal, expiresAt } = session
      const until = principal === null ? 0 : await enter(id, principal, expiresAt, now)
      const answer = await run(CREATE, keys.record(id), now, broomAt(expiresAt), ...toFields(session), until)
      return toInteger(answer) === 1
    },

    async save(id, session, ifVersion, { now, principalBefore }) {
      const { principal, expiresAt } = session
      const swap = async (enters: boolean): Promise<unknown> => {
        const until = enters && principal !== null ? await enter(id, principal, expiresAt, now) : ''
        const record = [...toFields(session), until]
        return run(SAVE, keys.record(id), now, broomAt(expiresAt), ...record, ifVersion, channel, id)
      }
      let answer = await swap(principal !== principalBefore)
      if (mustEnter(answer)) answer = await swap(true)
      if (toInteger(answer) === 1) return 'saved'
      const conflict = toSession(answer)
      return conflict ? { conflict } : 'gone'
    },

    async touch(id, expiresAt, { now }) {
      const move = (owner: string, until: number | ''): Promise<unknown> =>
        run(TOUCH, keys.record(id), now, broomAt(expiresAt), expiresAt, owner, until)
      let answer = await move('', '')
      // Once; and once more for each time that it changes hands meanwhile.
      while (Array.isArray(answer)) {
        const [owner = ''] = toTexts(answer)
        answer = await move(owner, await enter(id, owner, expiresAt, now))
      }
      return toInteger(answer) === 1
    },

    async remove(id) {
      await run(REMOVE, keys.record(id), channel, id, '')
    },

    async *list(principal, call) {
      const index = keys.index(principal)
      const ids = toTexts(await send(index, 'zrange', index, '0', '-1'))
      for await (const entry of loaded(ids, call)) if (entry[1].principal === principal) yield entry
    },

    async removeAll(principal, { except }, { now }) {
      const index = keys.index(principal)
      const ids = toTexts(await run(REVOKE, [keys.mark(principal), index], now, MARK_KEPT_MS))
      let ended = 0
      for (const some of batches(ids.filter((id) => id !== except))) {
        const removed = await Promise.all(some.map((id) => run(REMOVE, keys.record(id), channel, id, principal)))
        ended += removed.filter((expiresAt) => (toInteger(expiresAt) ?? 0) > now).length
        // Only what is surely gone: an entry without a record may be that of a sign-in under way.
        const gone = some.filter((_, at) => removed[at] !== null)
        if (gone.length > 0) await send(index, 'zrem', index, ...gone)
      }
      return ended
    },

    async revokedAt(principal, { now }) {
      const key = keys.mark(principal)
      const mark = toInteger(await send(key, 'get', key))
      return mark !== undefined && now < mark + REVOCATION_MARK_MS ? mark : undefined
    },

    async *scan(call) {
      const [before, after] = (connection.keyPrefix + keys.record('\0')).split('\0') as [string, string]
      const pattern = `${toPattern(before)}*${after}`
      // Redis gives a key more than once while it rehashes, or while a slot moves.
      const seen = new Set<string>()
      for (const node of await ours(connection.nodes)) {
        for (let cursor: string | undefined; cursor !== '0';) {
          const command = ['scan', cursor ?? '0', 'match', pattern, 'count', String(BATCH)]
          const [next, found] = (await ours(() => node(command))) as [unknown, unknown]
          const ids = toTexts(found).map((key = '') => key.slice(before.length, -after.length))
          yield* loaded(
            ids.filter((id) => !seen.has(id) && seen.add(id)),
            call,
          )
          cursor = toText(next) ?? '0'
        }
      }
    },
  }
  return subscriber ? Object.assign(store, { changes: changesOn(subscriber, channel) }) : store
}

/** How far ahead of a session's expiry its entry in the index stands at least: sessions of minutes are entered hourly. */
const LEAST_AHEAD_MS = 3_600_000

/** How long Redis keeps a mark by its own clock; by the caller's it counts for {@link REVOCATION_MARK_MS}. */
const MARK_KEPT_MS = REVOCATION_MARK_MS + BROOM_DELAY_MS

/** How many records travel together. */
const BATCH = 100

function broomAt(expiresAt: number): number {
  return expiresAt + BROOM_DELAY_MS
}

function* batches(ids: (string | undefined)[]): Generator<string[]> {
  for (let at = 0; at < ids.length; at += BATCH) yield ids.slice(at, at + BATCH).filter((id) => id !== undefined)
}

/** Whether a save, which has changed nothing, is to be made again once the index has been written to. */
function mustEnter(answer: unknown): boolean {
  return Array.isArray(answer) && answer.length === 0
}

/** Waits for an answer, and throws a client's error as one of ours. */
async function ours<V>(ask: () => Promise<V>): Promise<V> {
  try {
    return await ask()
  } catch (error) {
    throw toStoreError(error)
  }
}

/** What holds no hash is no session. */
function absentIfForeign(error: unknown): undefined {
  if (!isWrongType(error)) throw toStoreError(error)
}
