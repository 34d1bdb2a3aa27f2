/**
 * What can be wrong with a MongoDB, and what to do about it.
 *
 * @module
 */
import { SojournError, StoreError } from '../core/errors.ts'
import type { MongoCollection } from './mongodb.ts'

/** The collection; what somebody can mend of its failures says how. Conflicts and whatever else stay as they are. */
export function explained(collection: MongoCollection): MongoCollection {
  const told =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await work.apply(collection, args)
      } catch (error) {
        throw explain(error)
      }
    }
  return {
    findOne: told(collection.findOne),
    insertOne: told(collection.insertOne),
    findOneAndUpdate: told(collection.findOneAndUpdate),
    updateOne: told(collection.updateOne),
    deleteOne: told(collection.deleteOne),
    deleteMany: told(collection.deleteMany),
    createIndex: told(collection.createIndex),
    async *find(filter, options) {
      try {
        yield* collection.find(filter, options)
      } catch (error) {
        throw explain(error)
      }
    },
  }
}

// --- internal ---

/** By the server's code, or the driver's name for it. */
const REMEDIES: Readonly<Record<string | number, string>> = {
  13: 'allow the client’s user to read and write the collection, and to create indexes if you call migrate()',
  18: 'see that the client’s user and password are right, and authSource if they lie in another database',
  85: 'the collection has an index of that name with other options; drop it, and run store.migrate() again',
  86: 'the collection has another index of that name; drop it, and run store.migrate() again',
  MongoServerSelectionError: 'see that the server is up, and that the client’s address is right',
  MongoNotConnectedError: 'connect the client before requests come, and close it after they have gone',
  MongoClientClosedError: 'close the client after the last request has gone',
  MongoTopologyClosedError: 'close the client after the last request has gone',
}

function explain(error: unknown): unknown {
  if (error instanceof SojournError) return error
  const { code = '', name = '' } = (error ?? {}) as { code?: string | number; name?: string }
  const remedy = REMEDIES[code] ?? REMEDIES[name]
  return remedy ? new StoreError(`MongoDB refused (${name}, see cause); ${remedy}`, { cause: error }) : error
}
