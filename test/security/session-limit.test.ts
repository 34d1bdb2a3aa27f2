/**
 * D11, ASVS 7.1.2: a limit of sessions per principal holds exactly, however many sign-ins race for the places.
 *
 * Two processes on one engine: they share nothing but the store.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../src/core/store.ts'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { type FakeClock, fakeClock } from '../../src/testing/clock.ts'
import { aroundStore } from '../support/around-store.ts'
import { Barrier } from '../support/gate.ts'
import { newUser } from '../support/promises.ts'
import { type OpenStore, stores } from '../support/stores.ts'
import { infosOf, Visitor } from '../support/visitor.ts'

interface Data {
  user?: string
  cart?: number
}

const LIMIT = 3
const SIGN_INS = 20
const listing = Object.entries(stores).filter(([, { cannotList }]) => !cannotList)

describe.each(listing)('20 sign-ins at once, with a limit of 3: %s', (_, entry) => {
  let place: OpenStore
  beforeAll(async () => (place = await entry.open()))
  afterAll(() => place.close())

  /** A process: what it does at the next `arrivals` calls of a kind waits until all of them have come to it. */
  function start(store: Store, clock: FakeClock, onMaxSessions: 'evict' | 'refuse'): Sessions<Data> {
    return createSessions<Data>({ store, clock, maxSessions: LIMIT, onMaxSessions })
  }

  /** Everybody has written before anybody goes on to be counted. */
  function writtenTogether(store: Store): Store {
    const barrier = new Barrier(SIGN_INS)
    return aroundStore(store, {
      async call({ method }, work) {
        const answer = await work()
        if (method === 'create' || method === 'save') await barrier.pass()
        return answer
      },
      listing: (_, work) => work(),
    })
  }

  /** Signs in many times at once, half of it in each process; gives the visitors and what became of each. */
  async function race(
    processes: readonly Sessions<Data>[],
    clock: FakeClock,
    user: string,
    begun: boolean,
  ): Promise<{ visitor: Visitor<Data>; outcome: string }[]> {
    const signIn = async (at: number): Promise<{ visitor: Visitor<Data>; outcome: string }> => {
      const visitor = new Visitor(processes[at % processes.length]!)
      if (begun) await visitor.visit((session) => (session.cart = at))
      return { visitor, outcome: '' }
    }
    const all = await Promise.all(Array.from({ length: SIGN_INS }, (_, at) => signIn(at)))
    await Promise.all(
      all.map(async (one, at) => {
        // Some within one millisecond, some not, and not in the order in which they are written.
        clock.advance((at % 3) - 1)
        const outcome = await one.visitor
          .visit((session) => (session.user = user))
          .then(
            ({ plan }) => plan,
            ({ code }: { code: string }) => code,
          )
        one.outcome = outcome
      }),
    )
    return all
  }

  describe.each(['evict', 'refuse'] as const)('by %s', (policy) => {
    it.each([
      ['of new visitors', false],
      ['of visitors that have a session', true],
    ])('%s leave exactly 3 alive, and those let their holders in', async (_, begun) => {
      for (let round = 0; round < 3; round++) {
        const clock = fakeClock()
        const processes = [start(place.store, clock, policy), start(place.store, clock, policy)]
        const user = newUser()
        const all = await race(processes, clock, user, begun)
        const alive = await infosOf(processes[0]!, user)
        expect(alive).toHaveLength(LIMIT)

        const holders = []
        for (const { visitor, outcome } of all) {
          const session = await visitor.copy().open()
          if (session.user !== user) continue
          holders.push(session.id)
          expect(['create', 'save']).toContain(outcome)
        }
        expect(holders.sort()).toEqual(alive.map(({ id }) => id).sort())
        const refusals: ReadonlySet<string> = new Set(
          policy === 'evict' ? ['create', 'save', 'dropped'] : ['create', 'save', 'ERR_SOJOURN_CONFLICT'],
        )
        for (const { outcome } of all) expect(refusals).toContain(outcome)
      }
    })

    it('leave exactly 3 alive when all are written before any is counted', async () => {
      const clock = fakeClock()
      const together = writtenTogether(place.store)
      const processes = [start(together, clock, policy), start(together, clock, policy)]
      const user = newUser()
      const all = await race(processes, clock, user, false)
      const alive = await infosOf(processes[0]!, user)
      expect(alive).toHaveLength(LIMIT)
      // Nobody counted before everybody was there: so whoever was let in has stayed.
      const [lost] = policy === 'evict' ? ['dropped'] : ['ERR_SOJOURN_CONFLICT']
      expect(all.filter(({ outcome }) => outcome === 'create')).toHaveLength(LIMIT)
      expect(all.filter(({ outcome }) => outcome === lost)).toHaveLength(SIGN_INS - LIMIT)
    })

    it('leave the sessions of others alone', async () => {
      const clock = fakeClock()
      const process = start(place.store, clock, policy)
      const [user, other] = [newUser(), newUser()]
      const neighbours = Array.from({ length: LIMIT }, () => new Visitor(process))
      for (const each of neighbours) await each.visit((session) => (session.user = other))
      const visitor = new Visitor(process)
      await visitor.visit((session) => (session.cart = 1))
      await race([process], clock, user, false)
      expect(await infosOf(process, other)).toHaveLength(LIMIT)
      expect((await visitor.open()).cart).toBe(1)
    })
  })

  it('or one after another leave exactly the newest 3 by evict, and the oldest 3 by refuse', async () => {
    for (const policy of ['evict', 'refuse'] as const) {
      const clock = fakeClock()
      const processes = [start(place.store, clock, policy), start(place.store, clock, policy)]
      const user = newUser()
      const ids = []
      for (let at = 0; at < LIMIT * 3; at++) {
        clock.advance(1)
        const visitor = new Visitor(processes[at % 2]!)
        const session = await visitor.open()
        ids.push(session.id)
        session.user = user
        await visitor.finish(session).catch(() => undefined)
      }
      const alive = (await infosOf(processes[1]!, user)).map(({ id }) => id)
      expect(alive.sort()).toEqual((policy === 'evict' ? ids.slice(-LIMIT) : ids.slice(0, LIMIT)).sort())
    }
  })
})
