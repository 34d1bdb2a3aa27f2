/** The DynamoDB store under the AWS SDK, against dynalite, a server of DynamoDB's protocol. */
import { DynamoDB } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { type DynamoClient, type DynamodbStore, dynamodbStore } from '../../src/stores/dynamodb.ts'
import { casesFor } from '../../src/testing/index.ts'
import { type Dynalite, dynamoClient, startDynalite } from '../servers/dynalite.ts'
import { everyCall } from '../support/every-call.ts'

const NOW = 2_000_000_000_000
const call = { now: NOW }
const session = { version: 1, expiresAt: NOW + 1000, principal: 'alice', body: 'line\n{}' }

describe('dynamodbStore on dynalite', () => {
  let server: Dynalite
  const open = (table = 'sessions') => dynamodbStore({ client: server.client(), table })
  let stores: ReturnType<typeof open>[] = []

  beforeAll(async () => {
    server = await startDynalite()
    stores = [open(), open()]
    // Two processes that start at once.
    await Promise.all(stores.map((store) => store.migrate()))
    await stores[0]!.migrate()
  })
  afterAll(() => server.stop())

  /** A handle of a process that dies: so many requests are sent, and the last of them is never answered. */
  const dying = (requests: number): DynamodbStore => {
    let left = requests
    return dynamodbStore({
      table: 'sessions',
      client: watching(server.client(), async (send) => {
        if (left-- <= 0) throw new Error('The process is dead.')
        const answer = await send()
        if (left === 0) throw new Error('The process is dead.')
        return answer
      }),
    })
  }

  const shape = dynamodbStore({ client: new DynamoDB({ region: 'local' }), table: 'shape' })
  it.each(casesFor(shape, { dying }))('$name', async (storeCase) => {
    let next = 0
    await storeCase.run({ open: () => stores[next++ % 2]!, dying, limits: { maxBodyBytes: 390_000 } })
  })

  it('ends more sessions of one principal than one request may name', async () => {
    const ids = Array.from({ length: 130 }, (_, at) => `many ${at}`)
    for (const id of ids) await stores[0]!.create(id, { ...session, principal: 'prolific' }, call)
    const listed: string[] = []
    for await (const [id] of stores[1]!.list('prolific', call)) listed.push(id)
    expect(new Set(listed)).toEqual(new Set(ids))
    expect(await stores[1]!.removeAll('prolific', { except: 'many 7' }, call)).toBe(129)
    expect(await stores[0]!.load('many 7', call)).toBeDefined()
    expect(await stores[0]!.load('many 8', call)).toBeUndefined()
  })

  it('stays within the budget of round trips', async () => {
    const counted: string[] = []
    const counting = watching(server.client(), (send, name) => {
      counted.push(name)
      return send()
    })
    const sessions = createSessions<{ user?: string; n?: number }>({
      store: dynamodbStore({ client: counting, table: 'sessions' }),
    })
    let cookie: string | null = null
    const visit = async (
      handler: (session: Awaited<ReturnType<typeof sessions.open>>) => unknown,
    ): Promise<string[]> => {
      counted.length = 0
      const opened = await sessions.open({ cookie, secure: true })
      await handler(opened)
      const { headers } = await sessions.commit(opened)
      cookie = headers.find(([name]) => name === 'Set-Cookie')?.[1].split(';')[0] ?? cookie
      return [...counted]
    }
    expect(await visit(() => undefined)).toEqual([])
    expect(await visit((opened) => (opened.n = 1))).toEqual(['putItem'])
    expect(await visit(() => undefined)).toEqual(['getItem'])
    expect(await visit((opened) => (opened.n = 2))).toEqual(['getItem', 'putItem'])
    expect(await visit((opened) => (opened.user = 'alice'))).toEqual(['getItem', 'putItem', 'putItem', 'getItem'])
    expect(await visit((opened) => (opened.n = 3))).toEqual(['getItem', 'putItem'])
    expect(await visit((opened) => opened.destroy())).toEqual(['getItem', 'batchWriteItem'])
  })

  it('reads consistently, whichever way it reads', async () => {
    const inputs: [string, Read][] = []
    const client = watching(server.client(), (send, name, input) => {
      inputs.push([name, input as Read])
      return send()
    })
    const store = dynamodbStore({ client, table: 'consistent' })
    await store.migrate()
    await everyCall(store)
    const reads = inputs.filter(([name]) => ['getItem', 'batchGetItem', 'query', 'scan'].includes(name))
    expect(new Set(reads.map(([name]) => name)).size).toBe(4)
    const consistent = reads.map(([, input]) => (input.RequestItems?.['consistent'] ?? input).ConsistentRead)
    expect(consistent).toEqual(reads.map(() => true))
  })

  it('gives each item its end, and asks that the table go by it', async () => {
    const inputs: unknown[] = []
    const client = watching(server.client(), (send, name, input) => {
      if (name === 'updateTimeToLive') inputs.push(input)
      return send()
    })
    const store = dynamodbStore({ client, table: 'swept' })
    await store.migrate()
    expect(inputs).toEqual([{ TableName: 'swept', TimeToLiveSpecification: { Enabled: true, AttributeName: 'ttl' } }])
    await everyCall(store)
    await store.create('never touched', { ...session, principal: null }, call)
    const { Items } = await server.client().scan({ TableName: 'swept' })
    const [seconds, late] = [NOW / 1000, 600]
    expect(Object.fromEntries(Items!.map(({ pk, sk, ttl }) => [`${pk!.S} ${sk!.S}`, Number(ttl?.N)]))).toEqual({
      's#never touched session': seconds + 1 + late,
      's#kept session': seconds + 2 + late,
      'p#alice s#kept': seconds + 400 * 86_400 + late,
      'p#alice revoked': seconds + 3600 + late,
    })
  })

  it('says that a table is missing, and how to make it', async () => {
    await expect(open('elsewhere').load('one', call)).rejects.toMatchObject({
      code: 'ERR_SOJOURN_STORE',
      message: expect.stringContaining('store.migrate()') as string,
    })
  })

  it('says that a table has another shape', async () => {
    await server.client().createTable({
      TableName: 'others',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    })
    for (const attempt of [open('others').load('one', call), open('others').create('one', session, call)]) {
      await expect(attempt).rejects.toMatchObject({
        code: 'ERR_SOJOURN_STORE',
        message: expect.stringContaining('string keys pk and sk') as string,
      })
    }
  })

  it.each([
    'UnrecognizedClientException',
    'InvalidSignatureException',
    'ExpiredTokenException',
    'CredentialsProviderError',
  ])('says of %s that the credentials are wrong', async (name) => {
    const client = watching(server.client(), () => Promise.reject(Object.assign(new Error('refused'), { name })))
    await expect(dynamodbStore({ client, table: 'sessions' }).load('one', call)).rejects.toMatchObject({
      code: 'ERR_SOJOURN_STORE',
      message: expect.stringContaining('credentials') as string,
    })
  })

  it.each([
    ['as it is', 'x'.repeat(400_001)],
    ['as it is kept, since half a character makes it JSON', `${'"'.repeat(300_000)}\ud800`],
  ])('says that a session is larger than an item, %s, and keeps what was there', async (_, body) => {
    await stores[0]!.create('large', session, call)
    await expect(stores[0]!.save('large', { ...session, version: 2, body }, 1, call)).rejects.toMatchObject({
      code: 'ERR_SOJOURN_TOO_LARGE',
    })
    expect(await stores[0]!.load('large', call)).toEqual(session)
  })

  it('takes an item of another hand for absent', async () => {
    const strange = {
      pk: { S: 's#strange' },
      sk: { S: 'session' },
      version: { S: 'one' },
      expiresAt: { N: String(NOW + 1000) },
    }
    await server.client().putItem({ TableName: 'sessions', Item: strange })
    expect(await stores[0]!.load('strange', call)).toBeUndefined()
  })

  it.each([{ code: 'ENOTFOUND' }, { code: 'EHOSTUNREACH' }, { code: 'ETIMEDOUT' }, { name: 'TimeoutError' }])(
    'says of %j that the endpoint may be wrong',
    async (fault) => {
      const client = watching(server.client(), () => Promise.reject(Object.assign(new Error('no way there'), fault)))
      await expect(dynamodbStore({ client, table: 'sessions' }).load('one', call)).rejects.toMatchObject({
        code: 'ERR_SOJOURN_STORE',
        message: expect.stringContaining('region and endpoint are right') as string,
      })
    },
  )

  it('says of a server that is not there what to look at', async () => {
    const nowhere = dynamoClient(1)
    const store = dynamodbStore({ client: nowhere, table: 'sessions' })
    const unreachable = {
      name: 'StoreError',
      code: 'ERR_SOJOURN_STORE',
      status: 503,
      message: expect.stringContaining('region and endpoint are right') as string,
    }
    await expect(store.load('one', call)).rejects.toMatchObject(unreachable)
    const cookie = `__Host-sid=${'A'.repeat(22)}.${'A'.repeat(43)}`
    await expect(createSessions({ store }).open({ cookie, secure: true })).rejects.toMatchObject(unreachable)
    nowhere.destroy()
  })
})

describe('dynamodbStore', () => {
  it.each([undefined, {}, { send() {} }])('refuses %s for a client, and says which to give', (client) => {
    expect(() => dynamodbStore({ client: client as unknown as DynamoClient, table: 'sessions' })).toThrow(
      expect.objectContaining({
        code: 'ERR_SOJOURN_CONFIG',
        message: expect.stringContaining('new DynamoDB(') as string,
      }),
    )
  })

  it.each([undefined, '', 'a b', 'ab'])('refuses %j for a table', (table) => {
    const client = new DynamoDB({ region: 'local' })
    expect(() => dynamodbStore({ client, table: table as string })).toThrow(
      expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG' }),
    )
  })
})

interface Read {
  ConsistentRead?: boolean
  RequestItems?: Record<string, Read>
}

/** The client, with something around each of its requests. */
function watching(
  client: DynamoDB,
  around: (send: () => Promise<unknown>, name: string, input: unknown) => Promise<unknown>,
): DynamoDB {
  return new Proxy(client, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target)
      if (typeof method !== 'function') return method
      const send = method as (...args: unknown[]) => Promise<unknown>
      return (...args: unknown[]) => around(() => send.apply(target, args), String(name), args[0])
    },
  })
}
