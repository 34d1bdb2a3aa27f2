/**
 * One table of DynamoDB: the few requests that the store makes of it, every read a consistent one.
 *
 * @module
 */
import { ConfigError, StoreError } from '../core/errors.ts'
import type { StoreCall } from '../core/store.ts'

/** An attribute in DynamoDB's own words; strings and numbers are all that the store keeps. */
export interface Attribute {
  S?: string
  N?: string
}

export type Item = Record<string, Attribute>

/** The part of `DynamoDB` (`@aws-sdk/client-dynamodb` 3) that the store calls. */
export interface DynamoClient {
  getItem(input: object, options: object): Promise<object>
  putItem(input: object, options: object): Promise<object>
  updateItem(input: object, options: object): Promise<object>
  batchGetItem(input: object, options: object): Promise<object>
  batchWriteItem(input: object, options: object): Promise<object>
  query(input: object, options: object): Promise<object>
  scan(input: object, options: object): Promise<object>
  createTable(input: object, options: object): Promise<object>
  describeTable(input: object, options: object): Promise<object>
  updateTimeToLive(input: object, options: object): Promise<object>
}

export interface DynamoTable {
  get(key: Item, call: StoreCall): Promise<Item | undefined>
  getAll(keys: Item[], call: StoreCall): Promise<Item[]>
  put(item: Item, call: StoreCall, condition?: string, values?: Item): Promise<void>
  update(key: Item, expression: string, call: StoreCall, condition: string, values: Item): Promise<void>
  removeAll(keys: Item[], call: StoreCall): Promise<void>
  query(pk: string, prefix: string, call: StoreCall): AsyncGenerator<Item[]>
  scan(where: { sk: Attribute }, call: StoreCall): AsyncGenerator<Item>
  /** Whether a conditional write was made. */
  attempt(write: () => Promise<void>): Promise<boolean>
  migrate(): Promise<void>
}

/** What one request may ask for. */
const MAX_GETS = 100
const MAX_WRITES = 25

/** @throws ConfigError when the client is another one, or the table has no name */
export function tableOf(client: DynamoClient, name: string): DynamoTable {
  checkClient(client, name)
  const consistent = { TableName: name, ConsistentRead: true }

  const request = async <R>(operation: keyof DynamoClient, input: object, call?: StoreCall): Promise<R> => {
    try {
      return (await client[operation](input, { ...(call?.signal && { abortSignal: call.signal }) })) as R
    } catch (error) {
      throw explained(error, name)
    }
  }

  return {
    async get(key, call) {
      return (await request<{ Item?: Item }>('getItem', { ...consistent, Key: key }, call)).Item
    },

    async getAll(keys, call) {
      const items: Item[] = []
      for (let rest = keys; rest.length > 0; rest = rest.slice(MAX_GETS)) {
        let wanted: object | undefined = { [name]: { Keys: rest.slice(0, MAX_GETS), ConsistentRead: true } }
        // What a busy table left out is asked for again.
        while (wanted && Object.keys(wanted).length > 0) {
          const answer: BatchGot = await request<BatchGot>('batchGetItem', { RequestItems: wanted }, call)
          items.push(...(answer.Responses?.[name] ?? []))
          wanted = answer.UnprocessedKeys
        }
      }
      return items
    },

    async put(item, call, condition, values) {
      const conditional = condition && { ConditionExpression: condition, ExpressionAttributeValues: values }
      await request('putItem', { TableName: name, Item: item, ...conditional }, call)
    },

    async update(key, expression, call, condition, values) {
      const input = { TableName: name, Key: key, UpdateExpression: expression, ConditionExpression: condition }
      await request(
        'updateItem',
        { ...input, ExpressionAttributeNames: { '#ttl': 'ttl' }, ExpressionAttributeValues: values },
        call,
      )
    },

    async removeAll(keys, call) {
      for (let rest = keys; rest.length > 0; rest = rest.slice(MAX_WRITES)) {
        const deletes = rest.slice(0, MAX_WRITES).map((Key) => ({ DeleteRequest: { Key } }))
        let wanted: object | undefined = { [name]: deletes }
        while (wanted && Object.keys(wanted).length > 0) {
          const answer: BatchWritten = await request<BatchWritten>('batchWriteItem', { RequestItems: wanted }, call)
          wanted = answer.UnprocessedItems
        }
      }
    },

    async *query(pk, prefix, call) {
      const input = {
        ...consistent,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
        ExpressionAttributeValues: { ':pk': { S: pk }, ':prefix': { S: prefix } },
      }
      for await (const items of pages('query', input, call)) yield items
    },

    async *scan({ sk }, call) {
      const input = { ...consistent, FilterExpression: 'sk = :sk', ExpressionAttributeValues: { ':sk': sk } }
      for await (const items of pages('scan', input, call)) yield* items
    },

    async attempt(write) {
      try {
        await write()
        return true
      } catch (error) {
        if (isConditionFailed(error)) return false
        throw error
      }
    },

    async migrate() {
      await request('createTable', { TableName: name, ...SHAPE }).catch(unless('ResourceInUseException'))
      while ((await request<Described>('describeTable', { TableName: name })).Table?.TableStatus !== 'ACTIVE')
        await pause(200)
      const expiry = { TableName: name, TimeToLiveSpecification: { Enabled: true, AttributeName: 'ttl' } }
      // Already on; or a local server that has none, where sessions expire all the same and are only not swept.
      await request('updateTimeToLive', expiry).catch(unless('ValidationException', 'UnknownOperationException'))
    },
  }

  async function* pages(operation: 'query' | 'scan', input: object, call: StoreCall): AsyncGenerator<Item[]> {
    let start: Item | undefined
    do {
      const answer: Page = await request<Page>(
        operation,
        { ...input, ...(start && { ExclusiveStartKey: start }) },
        call,
      )
      yield answer.Items ?? []
      start = answer.LastEvaluatedKey
    } while (start)
  }
}

export function isConditionFailed(error: unknown): boolean {
  return nameOf(error) === 'ConditionalCheckFailedException'
}

// --- internal ---

interface Page {
  Items?: Item[]
  LastEvaluatedKey?: Item
}

interface BatchGot {
  Responses?: Record<string, Item[]>
  UnprocessedKeys?: object
}

interface BatchWritten {
  UnprocessedItems?: object
}

interface Described {
  Table?: { TableStatus?: string }
}

const SHAPE = {
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
}

const CREDENTIALS = "see that the client's credentials are right"
const ENDPOINT = "see that the client's region and endpoint are right, and that this machine reaches them"

/** By DynamoDB's name for it; what never got there has a code of Node's. */
const REMEDIES: Record<string, string> = {
  ResourceNotFoundException: 'run store.migrate() once, or create the table with the string keys pk and sk',
  AccessDeniedException: 'allow the client to read, write and query the table',
  ValidationException: 'see that the table has the string keys pk and sk; one of another shape needs another name',
  UnrecognizedClientException: CREDENTIALS,
  InvalidSignatureException: `${CREDENTIALS}, and this machine's clock`,
  ExpiredTokenException: 'see that the client renews its credentials',
  CredentialsProviderError: 'give the client credentials',
  ProvisionedThroughputExceededException: 'raise the capacity of the table, or let it be paid by request',
  ThrottlingException: 'raise the limits of the account, or spread the load',
  ECONNREFUSED: ENDPOINT,
  ENOTFOUND: ENDPOINT,
  EHOSTUNREACH: ENDPOINT,
  ETIMEDOUT: ENDPOINT,
  TimeoutError: ENDPOINT,
}

/** DynamoDB's own conflicts and refusals stay as they are; for what somebody can mend, the error says how. */
function explained(error: unknown, table: string): unknown {
  const { code = '', name = '' } = (error ?? {}) as { code?: string; name?: string }
  const word = [code, name].find((each) => Object.hasOwn(REMEDIES, each))
  return word === undefined
    ? error
    : new StoreError(`DynamoDB refused table "${table}" (${word}, see cause); ${REMEDIES[word]}`, { cause: error })
}

function nameOf(error: unknown): string | undefined {
  return (error as { name?: string } | undefined)?.name
}

function unless(...names: string[]): (error: unknown) => void {
  return (error) => {
    if (!names.includes(nameOf(error) ?? '')) throw error
  }
}

function checkClient(client: unknown, table: unknown): void {
  if (typeof (client as Partial<DynamoClient> | undefined)?.batchGetItem !== 'function') {
    throw new ConfigError(
      'dynamodbStore needs the client that has a method for each operation; give new DynamoDB({ … }) of @aws-sdk/client-dynamodb',
    )
  }
  if (typeof table !== 'string' || !/^[\w.-]{3,255}$/.test(table)) {
    throw new ConfigError(
      'dynamodbStore needs the name of its table, 3 to 255 letters, digits, "_", "-" or "."; give for example "sessions"',
    )
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
