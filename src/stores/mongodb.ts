/**
 * Sessions in MongoDB: one document each, compare-and-swap by filter.
 *
 * Every read goes to the primary and every write waits for a majority, whatever the client's defaults: a session read
 * from a secondary that lags could be one that has ended.
 *
 * @module
 */
import { ConfigError, UsageError } from '../core/errors.ts'
import { BROOM_DELAY_MS, REVOCATION_MARK_MS } from '../core/store.ts'
import type { Saved, Store, StoreCall, StoredSession } from '../core/store.ts'
import { explained } from './_mongodb-faults.ts'
import { fromText, toText } from './_sql.ts'

/** The part of the official driver's `Collection` (6 and 7) that the store calls. */
export interface MongoCollection {
  findOne(filter: object, options: object): Promise<object | null>
  find(filter: object, options: object): AsyncIterable<object>
  insertOne(document: object, options: object): Promise<unknown>
  findOneAndUpdate(filter: object, update: object, options: object): Promise<object | null>
  updateOne(filter: object, update: object, options: object): Promise<{ matchedCount: number }>
  deleteOne(filter: object, options: object): Promise<unknown>
  deleteMany(filter: object, options: object): Promise<{ deletedCount: number }>
  createIndex(keys: Record<string, 1>, options: object): Promise<unknown>
}

/** What `mongodbStore` takes. */
export interface MongodbStoreOptions {
  /** A collection of your own client, for sessions alone: `client.db('app').collection('sessions')`. */
  collection: MongoCollection
}

/** A store in MongoDB. */
export interface MongodbStore extends Required<Omit<Store, 'prune' | 'changes'>> {
  /** Creates the indexes: expiry as the engine's broom, and the principal's. Harmless where they exist. */
  migrate(): Promise<void>
}

/**
 * Keeps sessions in a collection of MongoDB. It never connects and never closes: the client is yours.
 *
 * @throws ConfigError when this is no collection of the official driver
 * @example
 * ```ts
 * const client = new MongoClient(process.env.MONGODB_URL)
 * const store = mongodbStore({ collection: client.db('app').collection('sessions') })
 * await store.migrate()
 * ```
 */
export function mongodbStore({ collection: given }: MongodbStoreOptions): MongodbStore {
  checkCollection(given)
  const collection = explained(given)
  const found = async (filter: object): Promise<StoredSession | undefined> =>
    toSession(await collection.findOne(filter, READ))

  return {
    load: (id, { now }) => found(live(id, now)),

    async create(id, session, { now }) {
      try {
        await collection.insertOne({ _id: toText(id), ...toFields(session) }, INSERT)
        return true
      } catch (error) {
        if (!isDuplicate(error)) throw error
      }
      // Taken; but a session that has expired is absent, and gives way.
      const over = { _id: toText(id), expiresAt: { $lte: new Date(now) } }
      return (await collection.updateOne(over, { $set: toFields(session) }, WRITE)).matchedCount > 0
    },

    async save(id, session, ifVersion, { now }): Promise<Saved> {
      const update = { $set: toFields(session) }
      const options = { ...WRITE, projection: { _id: 1 } }
      const before = await collection.findOneAndUpdate({ ...live(id, now), version: ifVersion }, update, options)
      if (before) return 'saved'
      const conflict = await found(live(id, now))
      return conflict ? { conflict } : 'gone'
    },

    async touch(id, expiresAt, { now }) {
      const forward = { $max: { expiresAt: new Date(expiresAt) } }
      return (await collection.updateOne(live(id, now), forward, WRITE)).matchedCount > 0
    },

    async remove(id) {
      await collection.deleteOne({ _id: toText(id) }, WRITE)
    },

    list: (principal, { now }) =>
      entries(collection.find({ principal: toText(principal), expiresAt: { $gt: new Date(now) } }, READ)),

    async removeAll(principal, { except }, call) {
      await mark(collection, principal, call)
      const of = { principal: toText(principal), ...(except !== undefined && { _id: { $ne: toText(except) } }) }
      const { deletedCount } = await collection.deleteMany({ ...of, expiresAt: { $gt: new Date(call.now) } }, WRITE)
      // What has expired goes too: by a clock that is behind this one it may still live.
      await collection.deleteMany(of, WRITE)
      return deletedCount
    },

    async revokedAt(principal, { now }) {
      const kept: { revokedAt?: unknown } | null = await collection.findOne({ _id: markOf(principal) }, READ)
      const at = kept?.revokedAt instanceof Date ? kept.revokedAt.getTime() : undefined
      return at !== undefined && at > now - REVOCATION_MARK_MS ? at : undefined
    },

    scan: ({ now }) => entries(collection.find({ body: { $type: 'string' }, expiresAt: { $gt: new Date(now) } }, READ)),

    async migrate() {
      await collection.createIndex(
        { expiresAt: 1 },
        { name: 'sojourn_expiry', expireAfterSeconds: BROOM_DELAY_MS / 1000 },
      )
      // Every text, and nothing else. The server sees that an equality lies within a range; of a $type it never does.
      const signedIn = { principal: { $gte: '' } }
      await collection.createIndex(
        { principal: 1 },
        { name: 'sojourn_principal', partialFilterExpression: signedIn, ...SIMPLE },
      )
    },
  }
}

// --- internal ---

// Compared byte for byte, whatever collation the collection has.
const SIMPLE = { collation: { locale: 'simple' } }
const READ = { readPreference: 'primary', ...SIMPLE }
const INSERT = { writeConcern: { w: 'majority' } } // The server knows no insert with a collation: it refuses it.
const WRITE = { ...INSERT, ...SIMPLE }

const DUPLICATE_KEY = 11_000

/** MongoDB takes documents of 16 MB; some is left for what is not the body. */
const MAX_BODY = 16 * 1024 * 1024 - 16 * 1024

function live(id: string, now: number): object {
  return { _id: toText(id), expiresAt: { $gt: new Date(now) } }
}

/** A mark's id is an object, which no session's is. */
function markOf(principal: string): object {
  return { revoked: toText(principal) }
}

/** Forward only; two that write the first mark at once meet as a duplicate, and the second finds it there. */
async function mark(collection: MongoCollection, principal: string, { now }: StoreCall): Promise<void> {
  const update = { $max: { revokedAt: new Date(now), expiresAt: new Date(now + REVOCATION_MARK_MS) } }
  const write = (): Promise<unknown> =>
    collection.updateOne({ _id: markOf(principal) }, update, { ...WRITE, upsert: true })
  await write().catch((error: unknown) => {
    if (!isDuplicate(error)) throw error
    return write()
  })
}

/** @throws UsageError `ERR_SOJOURN_TOO_LARGE`: drivers and servers each have their own word for it, some too late */
function toFields({ version, expiresAt, principal, body }: StoredSession): object {
  const sent = toText(body) // What is escaped is longer.
  if (Buffer.byteLength(sent) > MAX_BODY) {
    throw new UsageError(
      'ERR_SOJOURN_TOO_LARGE',
      'The session is larger than a document of MongoDB, 16 MB; lower maxBytes, and keep large things elsewhere',
    )
  }
  return {
    version,
    expiresAt: new Date(expiresAt),
    principal: principal === null ? null : toText(principal),
    body: sent,
  }
}

/** Gives the session that a document holds; `undefined` when another hand wrote something else there. */
function toSession(document: object | null): StoredSession | undefined {
  const { version, expiresAt, principal, body } = (document ?? {}) as Record<string, unknown>
  const text = fromText(body)
  const owner = principal === null ? null : fromText(principal)
  if (!Number.isSafeInteger(version) || !(expiresAt instanceof Date) || text === undefined || owner === undefined)
    return undefined
  return { version: version as number, expiresAt: expiresAt.getTime(), principal: owner, body: text }
}

async function* entries(cursor: AsyncIterable<object>): AsyncGenerator<[string, StoredSession]> {
  for await (const document of cursor) {
    const [id, session] = [fromText((document as { _id: unknown })._id), toSession(document)]
    if (id !== undefined && session) yield [id, session]
  }
}

function isDuplicate(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === DUPLICATE_KEY
}

function checkCollection(collection: unknown): void {
  const methods = [
    'findOne',
    'find',
    'insertOne',
    'findOneAndUpdate',
    'updateOne',
    'deleteOne',
    'deleteMany',
    'createIndex',
  ]
  const missing = methods.filter(
    (name) => typeof (collection as Record<string, unknown> | undefined)?.[name] !== 'function',
  )
  if (missing.length === 0) return
  throw new ConfigError(
    `mongodbStore needs a collection of the official driver; it has no ${missing.join(', ')}. Give client.db('app').collection('sessions')`,
  )
}
