/**
 * The MongoDB store under the official driver, two majors of it.
 *
 * Against `MONGODB_URL` where that is set; otherwise against the repository's own stand-in, which speaks the wire
 * protocol for the commands that the store sends. MongoDB's server is not in Debian.
 */
import { MongoClient } from 'mongodb'
import { MongoClient as MongoClient6 } from 'mongodb6'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { type MongoCollection, type MongodbStore, mongodbStore } from '../../src/stores/mongodb.ts'
import { casesFor } from '../../src/testing/index.ts'
import { everyCall } from '../support/every-call.ts'
import { type MongoStandIn, startMongoStandIn } from '../servers/mongo-stand-in.ts'

const real = process.env['MONGODB_URL']
const NOW = 2_000_000_000_000
const call = { now: NOW }
/** Of no session that is there; whether it is, the store is asked. */
const COOKIE = `__Host-sid=${'A'.repeat(22)}.${'A'.repeat(43)}`
const session = { version: 1, expiresAt: NOW + 1000, principal: 'alice', body: 'line\n{}' }

interface Started {
  readonly commandName: string
  readonly command: { readonly [field: string]: unknown }
}

interface Client {
  on(event: 'commandStarted', listener: (event: Started) => void): unknown
  connect(): Promise<unknown>
  close(): Promise<unknown>
  db(): { collection(name: string): unknown; dropCollection(name: string): Promise<unknown> }
}

/** A live collection must fit without a cast: these lines are the proof that both majors' types do. */
export const fits: MongoCollection[] = [
  new MongoClient('mongodb://127.0.0.1').db().collection('sessions'),
  new MongoClient6('mongodb://127.0.0.1').db().collection('sessions'),
]

describe.each<[string, new (url: string, options: { monitorCommands: true }) => Client]>([
  ['driver 7', MongoClient],
  ['driver 6', MongoClient6],
])(`mongodbStore with %s on ${real ? 'a real server' : 'the stand-in'}`, (_, Driver) => {
  let standIn: MongoStandIn | undefined
  const clients: Client[] = []
  const sent: Started[] = []
  const name = `sessions_${process.pid}_${Math.random().toString(36).slice(2)}`
  const open = async (): Promise<MongodbStore> => {
    const client = new Driver(real ?? standIn!.url, { monitorCommands: true })
    client.on('commandStarted', (event) => sent.push(event))
    clients.push(client)
    await client.connect()
    return mongodbStore({ collection: client.db().collection(name) as MongoCollection })
  }
  let store: MongodbStore
  let other: MongodbStore

  beforeAll(async () => {
    standIn = real ? undefined : await startMongoStandIn()
    ;[store, other] = [await open(), await open()]
    await Promise.all([store.migrate(), other.migrate()])
  })
  afterAll(async () => {
    await clients[0]!.db().dropCollection(name)
    await Promise.all(clients.map((client) => client.close()))
    await standIn?.close()
  })

  const stores = { next: 0 }
  it.each(casesFor(mongodbStore({ collection: fits[0]! })))('$name', async (storeCase) => {
    stores.next = 0
    await storeCase.run({ open: () => (stores.next++ % 2 === 0 ? store : other) })
  })

  it('asks for two indexes: the broom, and one of principals that its own queries can use', async () => {
    sent.length = 0
    await store.migrate()
    const asked = sent.filter(({ commandName }) => commandName === 'createIndexes')
    const simple = { collation: { locale: 'simple' } }
    expect(asked.flatMap(({ command }) => command['indexes'])).toEqual([
      { name: 'sojourn_expiry', key: new Map([['expiresAt', 1]]), expireAfterSeconds: 600 },
      {
        name: 'sojourn_principal',
        key: new Map([['principal', 1]]),
        // No $type: the server does not see that an equality lies within one, and scans the collection.
        partialFilterExpression: { principal: { $gte: '' } },
        ...simple,
      },
    ])
    sent.length = 0
    for await (const [id] of store.list('nobody', call)) throw new Error(`listed ${id}`)
    await store.removeAll('nobody', {}, call)
    const filters = sent.flatMap(({ command }) => [command, ...((command['deletes'] as object[] | undefined) ?? [])])
    expect(filters.filter((each) => 'filter' in each || 'limit' in each)).toEqual([
      expect.objectContaining({ filter: expect.objectContaining({ principal: 'nobody' }) as unknown, ...simple }),
      expect.objectContaining({ q: expect.objectContaining({ principal: 'nobody' }) as unknown, ...simple }),
      expect.objectContaining({ q: expect.objectContaining({ principal: 'nobody' }) as unknown, ...simple }),
    ])
  })

  it('says that the index is another one, and to drop it', async () => {
    const client = clients[0] as MongoClient
    const collection = client.db().collection(`${name}_older`)
    await collection.createIndex({ principal: 1 }, { name: 'sojourn_principal' })
    await expect(mongodbStore({ collection }).migrate()).rejects.toMatchObject({
      code: 'ERR_SOJOURN_STORE',
      message: expect.stringContaining('drop it, and run store.migrate() again') as string,
    })
    await collection.drop()
  })

  it('reads from the primary and waits for a majority, whatever the client does otherwise', async () => {
    const router = await startMongoStandIn({ router: true })
    const client = new Driver(`${router.url}?readPreference=secondaryPreferred&w=1`, { monitorCommands: true })
    const commands: Started[] = []
    client.on('commandStarted', (event) => commands.push(event))
    const collection = client.db().collection(name) as MongoCollection
    await collection.findOne({}, {})
    await collection.insertOne({}, {})
    const [read, write] = [{ $readPreference: { mode: 'secondaryPreferred' } }, { writeConcern: { w: 1 } }]
    expect(commands.map(({ command }) => command)).toMatchObject([read, write])

    commands.length = 0
    await everyCall(mongodbStore({ collection }))
    const named = (...names: string[]): Started[] => commands.filter(({ commandName }) => names.includes(commandName))
    // The driver names no preference where it is the primary.
    expect(named('find').map(({ command }) => command['$readPreference'])).toEqual(Array(5).fill(undefined))
    const writes = named('insert', 'update', 'findAndModify', 'delete')
    const concerns = writes.map(({ command }) => command['writeConcern'])
    expect(concerns).toEqual(Array.from({ length: 11 }, () => ({ w: 'majority' })))
    expect(writes.length + named('find').length).toBe(commands.length)
    await client.close()
    await router.close()
  })

  it('keeps no two sessions of one id, whoever creates them', async () => {
    const created = await Promise.all(
      Array.from({ length: 20 }, (_, at) => (at % 2 ? store : other).create('one of many', session, call)),
    )
    expect(created.filter(Boolean)).toHaveLength(1)
  })

  it('lists more sessions than one answer of the server holds', async () => {
    const ids = Array.from({ length: 250 }, (_, at) => `page ${at}`)
    await Promise.all(ids.map((id) => store.create(id, { ...session, principal: 'prolific' }, call)))
    const listed: string[] = []
    for await (const [id] of store.list('prolific', call)) listed.push(id)
    expect(new Set(listed)).toEqual(new Set(ids))
    expect(await store.removeAll('prolific', { except: 'page 7' }, call)).toBe(249)
  })

  it('takes a document of another hand for absent', async () => {
    const client = clients[0] as MongoClient
    const strange = client.db().collection<{ _id: string; [field: string]: unknown }>(name)
    const expiresAt = new Date(NOW + 1000)
    await strange.insertMany([
      { _id: 'no body', version: 1, expiresAt, principal: null },
      { _id: 'no version', version: 'one', expiresAt, principal: null, body: '' },
      { _id: 'a number for its owner', version: 1, expiresAt, principal: 5, body: '' },
    ])
    for (const id of ['no body', 'no version', 'a number for its owner'])
      expect(await store.load(id, call)).toBeUndefined()
  })

  it.each([
    ['as it is', 'x'.repeat(17 * 1024 * 1024)],
    ['as it is kept, since half a character makes it JSON', `${'"'.repeat(9 * 1024 * 1024)}\ud800`],
  ])('says that a session is too large for a document, %s', async (_, body) => {
    await expect(store.create('large', { ...session, body }, call)).rejects.toMatchObject({
      code: 'ERR_SOJOURN_TOO_LARGE',
    })
    expect(await store.load('large', call)).toBeUndefined()
  })

  it.runIf(!real)('stays within the budget of round trips', async () => {
    const sessions = createSessions<{ user?: string; n?: number }>({ store })
    let cookie: string | null = null
    const visit = async (change: (session: { user?: string; n?: number }) => void): Promise<string[]> => {
      standIn!.takeCommands()
      const session = await sessions.open({ cookie, secure: true })
      change(session)
      const { headers } = await sessions.commit(session)
      cookie = headers.find(([header]) => header === 'Set-Cookie')?.[1].split(';')[0] ?? cookie
      return standIn!.takeCommands()
    }
    expect(await visit(() => undefined)).toEqual([])
    expect(await visit((session) => (session.n = 1))).toEqual(['insert'])
    expect(await visit(() => undefined)).toEqual(['find'])
    expect(await visit((session) => (session.n = 2))).toEqual(['find', 'findAndModify'])
    expect(await visit((session) => (session.user = 'alice'))).toEqual(['find', 'findAndModify', 'find'])
  })

  it.runIf(!real)('comes back by itself when its connection was cut: the driver asks again', async () => {
    await store.create('survivor', session, call)
    standIn!.takeCommands()
    standIn!.cutNext()
    expect(await store.load('survivor', call)).toEqual(session)
    expect(standIn!.takeCommands()).toEqual(['find', 'find'])
  })

  it.runIf(!real)(
    'says so where the driver was told not to ask again, and comes back with the next request',
    async () => {
      const client = new Driver(`${standIn!.url}?retryReads=false`, { monitorCommands: true })
      const sessions = createSessions({
        store: mongodbStore({ collection: client.db().collection(name) as MongoCollection }),
      })
      standIn!.cutNext()
      await expect(sessions.open({ cookie: COOKIE, secure: true })).rejects.toMatchObject({
        name: 'StoreError',
        code: 'ERR_SOJOURN_STORE',
        status: 503,
      })
      expect((await sessions.open({ cookie: COOKIE, secure: true })).isNew).toBe(true)
      await client.close()
    },
  )
})

describe('mongodbStore', () => {
  it.each([undefined, null, {}, { findOne() {} }, 'sessions'])(
    'refuses %s for a collection, and says what to give',
    (collection) => {
      expect(() => mongodbStore({ collection: collection as unknown as MongoCollection })).toThrow(
        expect.objectContaining({
          code: 'ERR_SOJOURN_CONFIG',
          message: expect.stringContaining("client.db('app').collection('sessions')") as string,
        }),
      )
    },
  )

  it('turns a server that is not there into a StoreError', async () => {
    const client = new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 50 })
    const sessions = createSessions({ store: mongodbStore({ collection: client.db().collection('sessions') }) })
    await expect(sessions.open({ cookie: COOKIE, secure: true })).rejects.toMatchObject({
      code: 'ERR_SOJOURN_STORE',
      status: 503,
    })
    await client.close()
  })

  const refused = async (client: MongoClient): Promise<unknown> => {
    const store = mongodbStore({ collection: client.db().collection('sessions') })
    const error: unknown = await Promise.resolve(store.load('one', call)).catch((error: unknown) => error)
    await client.close()
    return error
  }

  it('says where nobody listens that the server should be up, and where the password is wrong that it is', async () => {
    expect(await refused(new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 50 }))).toMatchObject({
      code: 'ERR_SOJOURN_STORE',
      message: expect.stringContaining('see that the server is up') as string,
    })
    const standIn = await startMongoStandIn()
    try {
      const url = standIn.url.replace('//', '//mallory:wrong@')
      expect(await refused(new MongoClient(url))).toMatchObject({
        code: 'ERR_SOJOURN_STORE',
        message: expect.stringContaining('user and password are right') as string,
      })
    } finally {
      await standIn.close()
    }
  })

  it('says of a closed client that it was closed too early', async () => {
    const standIn = await startMongoStandIn()
    const client = await new MongoClient(standIn.url).connect()
    const store = mongodbStore({ collection: client.db().collection('sessions') })
    await client.close()
    const listed = (async () => {
      for await (const [id] of store.list('alice', call)) throw new Error(`listed ${id}`)
    })()
    await expect(listed).rejects.toMatchObject({ code: 'ERR_SOJOURN_STORE' })
    await standIn.close()
  })
})

describe('the stand-in', () => {
  it('refuses what it does not understand, as a server does: an insert has no collation', async () => {
    const standIn = await startMongoStandIn()
    const client = await new MongoClient(standIn.url).connect()
    const insert = client
      .db()
      .collection('any')
      .insertOne({}, { collation: { locale: 'simple' } })
    await expect(insert).rejects.toMatchObject({ message: 'insert with collation is not understood here' })
    await client.close()
    await standIn.close()
  })

  it('guesses at nothing', async () => {
    const standIn = await startMongoStandIn()
    const client = await new MongoClient(standIn.url).connect()
    const db = client.db()
    for (const attempt of [
      () => db.collection('any').updateMany({ a: 1 }, { $set: { b: 1 } }),
      () => db.collection('any').findOneAndDelete({ a: 1 }),
      () => db.collection('any').findOne({ a: 1 }, { skip: 1 }),
      () => db.collection('any').findOne({ $nor: [{ a: 1 }, { b: 1 }] }),
      () => db.collection('any').findOne({ $or: [{ a: 1 }, { $expr: true }] }),
      () => db.collection('any').updateOne({ a: 1 }, { $inc: { b: 1 } }, { upsert: true }),
      () => db.collection('any').distinct('a'),
    ])
      await expect(attempt()).rejects.toMatchObject({ name: 'MongoServerError' })
    await client.close()
    await standIn.close()
  })

  it('knows $or and $exists', async () => {
    const standIn = await startMongoStandIn()
    const client = await new MongoClient(standIn.url).connect()
    const collection = client.db().collection<{ _id: string; until?: number | null }>('any')
    await collection.insertMany([{ _id: 'for ever' }, { _id: 'long', until: 9 }, { _id: 'short', until: 1 }])
    await collection.insertOne({ _id: 'unknown', until: null })
    const found = collection.find({ $or: [{ until: { $exists: false } }, { until: { $gt: 5 } }] })
    expect((await found.toArray()).map(({ _id }) => _id)).toEqual(['for ever', 'long'])
    const both = collection.find({ _id: 'short', $or: [{ until: { $exists: true } }, { until: 9 }] })
    expect(await both.toArray()).toEqual([{ _id: 'short', until: 1 }])
    await client.close()
    await standIn.close()
  })
})
