/** Places in a MongoDB for the promises: MONGODB_URL's server or the stand-in, a collection for each place. */
import { randomUUID } from 'node:crypto'
import { MongoClient } from 'mongodb'
import { mongodbStore } from '../../src/stores/mongodb.ts'
import { startMongoStandIn } from '../servers/mongo-stand-in.ts'
import type { OpenStore } from './stores.ts'

export async function openMongodbPlace(): Promise<OpenStore> {
  client ??= connected()
  const collection = (await client).db().collection(`promises_${randomUUID()}`)
  const store = mongodbStore({ collection })
  await store.migrate()
  return {
    store,
    dump: async () => Buffer.from(JSON.stringify(await collection.find().toArray())),
    close: async () => void (await collection.drop()),
  }
}

/** It ends with the process. */
let client: Promise<MongoClient> | undefined

async function connected(): Promise<MongoClient> {
  return new MongoClient(process.env['MONGODB_URL'] ?? (await startMongoStandIn()).url).connect()
}
