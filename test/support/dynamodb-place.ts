/** Places in a DynamoDB for the promises: one dynalite for the test file, a table for each place. */
import { randomUUID } from 'node:crypto'
import { dynamodbStore } from '../../src/stores/dynamodb.ts'
import { type Dynalite, startDynalite } from '../servers/dynalite.ts'
import type { OpenStore } from './stores.ts'

export async function openDynamodbPlace(): Promise<OpenStore> {
  server ??= startDynalite()
  const client = (await server).client()
  const table = `promises-${randomUUID()}`
  const store = dynamodbStore({ client, table })
  await store.migrate()
  return {
    store,
    dump: async () => Buffer.from(JSON.stringify((await client.scan({ TableName: table })).Items)),
    close: async () => void (await client.deleteTable({ TableName: table })),
  }
}

/** It ends with the process. */
let server: Promise<Dynalite> | undefined
