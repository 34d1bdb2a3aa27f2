/** dynalite for the tests: a server of DynamoDB's protocol, in this process. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { DynamoDB } from '@aws-sdk/client-dynamodb'

const dynalite = createRequire(import.meta.url)('dynalite') as (options: object) => Server

export interface Dynalite {
  readonly url: string
  /** A client of the SDK, as another process would have; it ends with the server. */
  client(): DynamoDB
  stop(): Promise<void>
}

export async function startDynalite(): Promise<Dynalite> {
  const server = dynalite({ createTableMs: 0 })
  // It would close a connection at the very moment in which a client begins to use it again.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clients: DynamoDB[] = []
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    client() {
      const client = dynamoClient(port)
      clients.push(client)
      return client
    },
    async stop() {
      for (const client of clients) client.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A client of what listens on that port, if anything does. */
export function dynamoClient(port: number): DynamoDB {
  return new DynamoDB({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'local',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  })
}
