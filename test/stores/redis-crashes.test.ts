/** A process that dies between any two commands: what is live is listed, and the next process is served. */
import { createClient } from 'redis6'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StoreCall } from '../../src/core/store.ts'
import { redisStore, type RedisStore } from '../../src/stores/redis.ts'
import { casesFor } from '../../src/testing/index.ts'
import { openRedis, redis } from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { all, HOUR, newPrefix, NOW, stored } from './_redis.ts'

const ada: StoreCall = { now: NOW, principalBefore: 'ada' }
const later = NOW + 9 * HOUR

/** What is under way; a session of Ada's is there. */
const works: Record<string, (store: RedisStore) => unknown> = {
  'a sign-in that creates': (store) => store.create('new', stored({ principal: 'bob' }), { now: NOW }),
  'a sign-in that saves': (store) => store.save('id', stored({ version: 2, principal: 'bob' }), 1, ada),
  'a sign-out that saves': (store) => store.save('id', stored({ version: 2 }), 1, ada),
  'a save that is to be entered anew': (store) =>
    store.save('id', stored({ version: 2, principal: 'ada', expiresAt: later }), 1, ada),
  'a touch that is to be entered anew': (store) => store.touch('id', later, { now: NOW }),
  'a logout': (store) => store.remove('id', ada),
  'a revocation': (store) => store.removeAll('ada', {}, { now: NOW }),
}

/** More than any of these needs. */
const MOST_COMMANDS = 6

serverSuite('redisStore, in a process that dies', redis, () => {
  let server: Awaited<ReturnType<typeof openRedis>>
  let client: ReturnType<typeof createClient>
  beforeAll(async () => {
    server = await openRedis()
    client = createClient({ url: server.url })
    await client.connect()
  })
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })

  /** A client that sends so many commands, and gets no answer to the last of them. */
  function dyingAfter(commands: number): { sendCommand(command: string[]): Promise<unknown> } {
    let left = commands
    return {
      async sendCommand(command) {
        if (left-- <= 0) throw new Error('The process is dead.')
        const answer: unknown = await client.sendCommand(command)
        if (left === 0) throw new Error('The process is dead.')
        return answer
      },
    }
  }

  it('passes the case of the kit', async () => {
    const prefix = newPrefix()
    const context = {
      open: () => redisStore({ client, prefix }),
      dying: (commands: number) => redisStore({ client: dyingAfter(commands), prefix }),
    }
    const cases = casesFor(context.open(), context).filter(({ needs }) => needs.includes('dying'))
    expect(cases).toHaveLength(1)
    for (const storeCase of cases) await storeCase.run(context)
  })

  describe.each(Object.entries(works))('in the middle of %s', (_, work) => {
    it('leaves every live session where its principal finds it', async () => {
      for (let commands = 0; commands <= MOST_COMMANDS; commands++) {
        const prefix = newPrefix()
        const next = redisStore({ client, prefix })
        await next.create('id', stored({ principal: 'ada' }), { now: NOW })
        await next.create('old', stored({ principal: 'ada', expiresAt: NOW + 1 }), { now: NOW })
        const died = Promise.resolve(work(redisStore({ client: dyingAfter(commands), prefix }))).then(
          () => false,
          () => true,
        )
        if (commands === 0) expect(await died).toBe(true)
        await died

        for (const now of [NOW, NOW + HOUR - 1]) {
          const live = await all(next.scan({ now }))
          for (const principal of ['ada', 'bob']) {
            const theirs = live.filter(([, session]) => session.principal === principal).map(([id]) => id)
            const listed = (await all(next.list(principal, { now }))).map(([id]) => id)
            expect([commands, now, listed.toSorted()]).toEqual([commands, now, theirs.toSorted()])
          }
        }
        await work(next)
        await next.removeAll('ada', {}, { now: NOW })
        await next.removeAll('bob', {}, { now: NOW })
        const left = (await all(next.scan({ now: NOW }))).filter(([, session]) => session.principal !== null)
        expect([commands, left]).toEqual([commands, []])
      }
    })
  })
})
