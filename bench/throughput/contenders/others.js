import { dynamoClient, mongoClient } from '../../engines/clients.js'
import { MONGO_COLLECTIONS } from '../../engines/documents.js'
import { expressApp } from '../express-app.js'
import { express, expressSession, sojourn, storeClass } from './_libraries.js'

export const onOthers = [
  {
    name: 'sojourn-memcached',
    role: 'ours',
    ...express('memcached', 'sojourn', 'sojourn/express', 'sojourn/memcached'),
    async app() {
      const { memcachedStore } = await import('sojourn/memcached')
      return expressApp(await sojourn(memcachedStore({ servers: process.env.BENCH_MEMCACHED })))
    },
  },
  {
    name: 'express-session-memcached',
    role: 'peer',
    library: 'express-session',
    ...express('memcached', 'express-session', 'connect-memcached'),
    async app() {
      const MemcachedStore = await storeClass(import('connect-memcached'))
      return expressApp(await expressSession({ store: new MemcachedStore({ hosts: [process.env.BENCH_MEMCACHED] }) }))
    },
  },
  {
    name: 'sojourn-mongodb',
    role: 'ours',
    ...express('mongodb', 'mongodb', 'sojourn', 'sojourn/express', 'sojourn/mongodb'),
    async app() {
      const { mongodbStore } = await import('sojourn/mongodb')
      const collection = (await mongoClient()).db().collection(MONGO_COLLECTIONS.sojourn)
      const store = mongodbStore({ collection })
      await store.migrate()
      return expressApp(await sojourn(store))
    },
  },
  {
    name: 'express-session-mongodb',
    role: 'peer',
    library: 'express-session',
    ...express('mongodb', 'mongodb', 'express-session', 'connect-mongo'),
    async app() {
      const { MongoStore } = await import('connect-mongo')
      const store = MongoStore.create({ client: await mongoClient(), collectionName: MONGO_COLLECTIONS.peer })
      return expressApp(await expressSession({ store }))
    },
  },
  {
    name: 'sojourn-dynamodb',
    role: 'ours',
    ...express('dynamodb', 'sojourn', 'sojourn/express', 'sojourn/dynamodb'),
    async app() {
      const { dynamodbStore } = await import('sojourn/dynamodb')
      const store = dynamodbStore({ client: await dynamoClient(), table: 'sessions' })
      await store.migrate()
      return expressApp(await sojourn(store))
    },
  },
]
