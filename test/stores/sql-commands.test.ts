/** What SQL servers receive from an application: the budgets of P6, counted by the servers themselves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import { serverSuite } from '../servers/suite.ts'
import { WatchedStore } from '../support/watched-store.ts'
import { ENGINES, type SqlPlace } from './_sql-engines.ts'

interface Data {
  user?: string
  views?: number
}

const DAY = 86_400_000

/** How many statements a server has carried out for the application, all told. */
const COUNTERS: Record<keyof typeof ENGINES, (place: SqlPlace) => Promise<number>> = {
  async PostgreSQL(place) {
    await place.admin('CREATE EXTENSION IF NOT EXISTS pg_stat_statements')
    const [row] = await place.admin(
      "SELECT coalesce(sum(calls), 0) AS calls FROM pg_stat_statements WHERE userid = 'app'::regrole",
    )
    return Number(row?.['calls'])
  },
  async MariaDB(place) {
    // Statements that are executed, not those that the administrator sends as text.
    const [row] = await place.admin("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")
    return Number(row?.['1'])
  },
}

describe.each(Object.entries(ENGINES))('%s', (name, { needed, start }) => {
  serverSuite('what the server receives', needed, () => {
    let place: SqlPlace
    beforeAll(async () => {
      place = await start({ careless: true })
    })
    afterAll(() => place.stop())

    /** Counts statements while work is done. */
    async function counted(work: () => unknown): Promise<number> {
      const count = COUNTERS[name as keyof typeof ENGINES]
      const before = await count(place)
      await work()
      return (await count(place)) - before
    }

    /** An application, and its requests. */
    function application() {
      const clock = fakeClock()
      const watched = new WatchedStore(place.open())
      const sessions = createSessions<Data>({ store: watched.store, clock, principal: ({ user }) => user })
      type Opened = Awaited<ReturnType<Sessions<Data>['open']>>

      /** One request: gives the cookie that the browser has afterwards. */
      const request = async (cookie: string | null, handle: (session: Opened) => unknown): Promise<string | null> => {
        const session = await sessions.open({ cookie, secure: true })
        await handle(session)
        const { headers } = await sessions.commit(session)
        // No response waits for the touch of a session that was only read; this count does.
        await watched.idle()
        const set = headers.find(([name]) => name === 'Set-Cookie')
        return set?.[1].split(';')[0] ?? cookie
      }
      const visit = (): Promise<string | null> => request(null, (session) => void (session.views = 1))
      const signIn = (user: string, cookie: string | null = null): Promise<string | null> =>
        request(cookie, (session) => void (session.user = user))
      return { clock, sessions, request, visit, signIn }
    }

    type App = ReturnType<typeof application>

    const budgets: [what: string, statements: number, act: (app: App) => Promise<() => unknown>][] = [
      [
        'a request without a cookie',
        0,
        async ({ request }) =>
          () =>
            request(null, (session) => session.user),
      ],
      [
        'a read',
        1,
        async ({ request, visit }) => {
          const cookie = await visit()
          return () => request(cookie, (session) => session.views)
        },
      ],
      [
        'a read that moves the expiry',
        2,
        async ({ request, visit, clock }) => {
          const cookie = await visit()
          clock.advance(DAY / 2)
          return () => request(cookie, (session) => session.views)
        },
      ],
      ['a first visit that writes', 1, async ({ visit }) => visit],
      [
        'a write',
        2,
        async ({ request, visit }) => {
          const cookie = await visit()
          return () => request(cookie, (session) => void (session.views = 2))
        },
      ],
      [
        'a sign-in of a new visitor',
        2,
        async ({ signIn }) =>
          () =>
            signIn('new'),
      ],
      [
        'a sign-in from a session',
        3,
        async ({ visit, signIn }) => {
          const cookie = await visit()
          return () => signIn('known', cookie)
        },
      ],
      [
        'a logout',
        2,
        async ({ request, signIn }) => {
          const cookie = await signIn('leaver')
          return () => request(cookie, (session) => session.destroy())
        },
      ],
      [
        'an update from outside',
        2,
        async ({ sessions, visit }) => {
          const cookie = await visit()
          const id = cookie!.split(/[=.]/)[1]!
          return () => sessions.update(id, (data) => void (data.views = 3))
        },
      ],
      [
        'an end of all sessions of a principal, beside two hundred others’',
        3,
        async ({ sessions, signIn }) => {
          await Promise.all(Array.from({ length: 200 }, (_, n) => signIn(`other ${n}`)))
          await signIn('ada')
          await signIn('ada')
          return async () => expect(await sessions.revokeAll('ada')).toBe(2)
        },
      ],
    ]

    it.each(budgets)('%s: %i', async (_, statements, act) => {
      const work = await act(application())
      expect(await counted(work)).toBe(statements)
    })

    it('a thousand reads, twelve seconds apart: at most 1.05 each', async () => {
      const { clock, request, visit } = application()
      const cookie = await visit()
      const reads = async (): Promise<void> => {
        for (let n = 0; n < 1000; n++) {
          clock.advance(12_000)
          await request(cookie, (session) => session.views)
        }
      }
      expect(await counted(reads)).toBeLessThanOrEqual(1050)
    })

    it('a save in conflict: 2, and a session that is gone: 2', async () => {
      const store = place.open()
      const session = { version: 1, expiresAt: 2, principal: null, body: '' }
      await store.create('id', session, { now: 1 })
      const save = async (id: string): Promise<unknown> => store.save(id, { ...session, version: 6 }, 5, { now: 1 })
      expect(await counted(async () => expect(await save('id')).toEqual({ conflict: session }))).toBe(2)
      expect(await counted(async () => expect(await save('none')).toBe('gone'))).toBe(2)
    })

    it('a look at all sessions: one for each hundred', async () => {
      const store = place.open()
      const ids = Array.from({ length: 250 }, (_, n) => `listed ${n}`)
      const session = { version: 1, expiresAt: 2, principal: 'lister', body: '' }
      await Promise.all(ids.map((id) => store.create(id, session, { now: 1 })))
      const list = async (): Promise<void> => {
        let count = 0
        for await (const _ of store.list('lister', { now: 1 })) count++
        expect(count).toBe(250)
      }
      expect(await counted(list)).toBe(3)
    })
  })
})
