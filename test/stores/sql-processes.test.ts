/** Eight processes on one session in an SQL server. They run the built stores: `npm run build` first. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { until } from '../servers/_process.ts'
import { serverSuite } from '../servers/suite.ts'
import { Line } from '../support/line.ts'
import { ENGINES, NOW, type SqlPlace, TABLE } from './_sql-engines.ts'

const WORKER = fileURLToPath(new URL('_sql-worker.mjs', import.meta.url))
const PROCESSES = 8

interface Counted {
  attempted: number
  acknowledged: number
}

/** A process that waits to be told to go on, and what it will say in the end. */
async function worker(...args: string[]): Promise<{ process: ChildProcess; said: Promise<unknown> }> {
  const child = spawn(process.execPath, [WORKER, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  expect(await lines.next()).toMatchObject({ value: 'ready' })
  const said = Promise.all([lines.next(), once(child, 'exit')]).then(
    ([{ value }]) => JSON.parse(String(value)) as unknown,
  )
  return { process: child, said }
}

/** Starts processes, each with the next of the clients, and lets them all go at once. */
async function startWorkers(clients: readonly string[], ...args: string[]): Promise<Promise<unknown>[]> {
  const all = await Promise.all(
    Array.from({ length: PROCESSES }, (_, n) => worker(clients[n % clients.length]!, ...args)),
  )
  for (const { process } of all) process.stdin?.write('go\n')
  return all.map(({ said }) => said)
}

describe.each(Object.entries(ENGINES))('%s', (_, { needed, clients, start }) => {
  serverSuite('eight processes at once', needed, () => {
    let place: SqlPlace
    beforeAll(async () => {
      place = await start()
    })
    afterAll(() => place.stop())

    /** A session with a counter. */
    async function counter(): Promise<{ id: string; value: () => Promise<number> }> {
      const sessions: Sessions<{ count: number }> = createSessions({ store: place.open() })
      const session = await sessions.open({ cookie: null, secure: true })
      session.count = 0
      await sessions.commit(session)
      return { id: session.id, value: async () => (await sessions.read(session.id))?.data.count ?? -1 }
    }

    /** Lets each process count so far, over the server's own port or another way to it. */
    const startCounting = (id: string, upTo: number, port?: number): Promise<Promise<unknown>[]> =>
      startWorkers(clients, place.urlOf(port), TABLE, 'count', id, String(upTo))

    /** What all of them together tried, and what they were told that they had done. */
    async function counted(workers: Promise<unknown>[]): Promise<Counted> {
      const all = (await Promise.all(workers)) as Counted[]
      const total = (of: keyof Counted): number => all.reduce((n, one) => n + one[of], 0)
      return { attempted: total('attempted'), acknowledged: total('acknowledged') }
    }

    it('lose no increment, and make none twice', async () => {
      const { id, value } = await counter()
      const { acknowledged } = await counted(await startCounting(id, 1000))
      expect([acknowledged, await value()]).toEqual([PROCESSES * 1000, PROCESSES * 1000])
    }, 180_000)

    it('lose nothing that was acknowledged when the server is killed in the middle', async () => {
      const { id, value } = await counter()
      const workers = await startCounting(id, 100)
      await until('they are in the middle', async () => (await value()) >= PROCESSES * 25)
      await place.process.restart()
      const { attempted, acknowledged } = await counted(workers)
      expect(acknowledged).toBe(PROCESSES * 100)
      expect(await value()).toBeGreaterThanOrEqual(acknowledged)
      expect(await value()).toBeLessThanOrEqual(attempted)
    })

    it('lose nothing that was acknowledged when connections are cut between a statement and its answer', async () => {
      const { id, value } = await counter()
      const line = await Line.to(place.port)
      onTestFinished(() => line.close())
      line.loseOneIn(50)
      const { attempted, acknowledged } = await counted(await startCounting(id, 100, line.port))
      expect(line.lost).toBeGreaterThan(0)
      // The store sends a statement again whose connection broke: an attempt may fail, and need not.
      expect(acknowledged).toBe(PROCESSES * 100)
      expect(await value()).toBeGreaterThanOrEqual(acknowledged)
      expect(await value()).toBeLessThanOrEqual(attempted)
    })

    it('create the tables once, when all of them do', async () => {
      const workers = await startWorkers(clients, place.urlOf(), 'other', 'migrate')
      expect(await Promise.all(workers)).toEqual(Array.from({ length: PROCESSES }, () => 'migrated'))
      expect(await place.open({ table: 'other' }).load('id', { now: NOW })).toBeUndefined()
    })
  })
})
