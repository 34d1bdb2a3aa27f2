/** Every case of the conformance kit, through every client, on a real PostgreSQL; and what is PostgreSQL's own. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { postgresStore } from '../../src/stores/postgres.ts'
import { casesFor } from '../../src/testing/index.ts'
import { openPostgres, postgres } from '../servers/postgres.ts'
import { serverSuite } from '../servers/suite.ts'
import { CLIENTS, type Connected, newTable, openPglite } from './_postgres.ts'

const CASES = casesFor(postgresStore({ client: { query: async () => ({ rows: [] }) } }))

/** Holds the store to the whole contract, through a client. */
function conformance(connect: () => Promise<Connected>): void {
  const table = newTable()
  let connected: Connected
  beforeAll(async () => {
    connected = await connect()
    await postgresStore({ client: connected.client, table }).migrate()
  })
  afterAll(() => connected.close())

  for (const c of CASES) {
    it(c.name, async () => c.run({ open: () => postgresStore({ client: connected.client, table }) }))
  }
}

serverSuite('postgresStore', postgres, () => {
  let place: Awaited<ReturnType<typeof openPostgres>>
  beforeAll(async () => {
    place = await openPostgres()
  })
  afterAll(() => place.stop())

  describe.each(Object.entries(CLIENTS))('through %s', (_, connect) => conformance(() => connect(place.url)))
})

describe('postgresStore through PGlite', () => conformance(openPglite))
