/** Every case of the conformance kit, through every client, on a real MariaDB or MySQL; and what is MySQL's own. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { mysqlStore } from '../../src/stores/mysql.ts'
import { casesFor } from '../../src/testing/index.ts'
import { mariadb, openMariadb } from '../servers/mariadb.ts'
import { serverSuite } from '../servers/suite.ts'
import { CLIENTS, type Connected, newTable } from './_mysql.ts'

const CASES = casesFor(mysqlStore({ client: { execute: async () => [] } }))

/** Holds the store to the whole contract, through a client. */
function conformance(connect: () => Promise<Connected>): void {
  const table = newTable()
  let connected: Connected
  beforeAll(async () => {
    connected = await connect()
    await mysqlStore({ client: connected.client, table }).migrate()
  })
  afterAll(() => connected.close())

  for (const c of CASES) {
    it(c.name, async () => c.run({ open: () => mysqlStore({ client: connected.client, table }) }))
  }
}

serverSuite('mysqlStore', mariadb, () => {
  let place: Awaited<ReturnType<typeof openMariadb>>
  beforeAll(async () => {
    place = await openMariadb(['--innodb-flush-log-at-trx-commit=0'])
  })
  afterAll(() => place.stop())

  describe.each(Object.entries(CLIENTS))('through %s', (_, connect) => conformance(() => connect(place.url)))
})
