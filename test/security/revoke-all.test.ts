/**
 * D09, ASVS 7.4.3: ending all of somebody's sessions ends the sign-ins under way as well.
 *
 * A sign-in in one process and `revokeAll` in another, in every order of their steps: of each command that they send to
 * the engine, or of each call where an engine does in one step what it is asked.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSessions } from '../../src/sessions.ts'
import { explore, type Race } from '../../src/testing/_explore.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import { newUser } from '../support/promises.ts'
import { Stepper } from '../support/stepper.ts'
import { type OpenStore, stores } from '../support/stores.ts'
import { type Answered, infosOf, Visitor } from '../support/visitor.ts'

interface Data {
  user?: string
  cart?: number
}

/** Who signs in. */
const KINDS: Record<string, (session: Data) => void> = {
  'a new visitor': () => {},
  'a visitor with a session': (session) => (session.cart = 1),
  'somebody who was another one': (session) => (session.user = newUser()),
}

interface Most {
  readonly signIn: number
  readonly revocation: number
}

const MANY: Most = { signIn: 20, revocation: 20 }

const listing = Object.entries(stores).filter(([, { cannotList }]) => !cannotList)

describe.each(listing)('revokeAll() and a sign-in under way, in every order of their steps: %s', (_, entry) => {
  let place: OpenStore
  beforeAll(async () => (place = await entry.open()))
  afterAll(() => place.close())

  /** @param most how many commands either of them sends at most */
  async function race(kind: string, most: Most): Promise<Race & { readonly sent: Most }> {
    const clock = fakeClock()
    const [signing, revoking] = [new Stepper(), new Stepper()]
    const here = createSessions<Data>({ store: signing.store(place), clock })
    const there = createSessions<Data>({ store: revoking.store(place), clock })
    const other = createSessions<Data>({ store: place.store, clock })
    const user = newUser()
    const [old, visitor] = [new Visitor(other), new Visitor(here)]
    await old.visit((session) => (session.user = user))
    await signing.freely(() => visitor.visit((session) => KINDS[kind]!(session)))

    let session: Awaited<ReturnType<typeof visitor.open>> | undefined
    let answered: Answered<Data> | undefined
    let [openedAt, calledAt, returnedAt] = [Infinity, Infinity, Infinity]
    const opens = async (): Promise<void> => {
      openedAt = clock()
      clock.advance(1)
      session = await signing.freely(() => visitor.open())
      session.user = user
    }
    const signIn = async (): Promise<void> => {
      answered = await visitor.finish(session!)
    }
    const revoke = async (): Promise<void> => {
      calledAt = clock()
      await there.revokeAll(user)
      returnedAt = clock()
    }
    const steps = (stepper: Stepper, count: number, work: () => Promise<void>): Record<string, () => Promise<void>> =>
      Object.fromEntries(
        Array.from({ length: count }, (_, at) => [
          `command ${at + 1}`,
          async () => {
            clock.advance(1)
            await stepper.step(work)
          },
        ]),
      )

    return {
      sent: {
        get signIn() {
          return signing.sent
        },
        get revocation() {
          return revoking.sent
        },
      },
      lanes: {
        'sign-in': { opens, ...steps(signing, most.signIn, signIn) },
        revocation: steps(revoking, most.revocation, revoke),
      },
      async check() {
        // Every command had its place in the order.
        expect([signing.isOver, revoking.isOver]).toEqual([true, true])
        const alive = (await infosOf(other, user)).map(({ id }) => id)
        const mine = await new Visitor(other, {}, visitor.cookie).open()
        expect(alive).not.toContain(old.token.split('.')[0])
        if (openedAt < calledAt) {
          expect(alive).toEqual([])
          expect(mine.user).not.toBe(user)
        } else if (openedAt > returnedAt) {
          expect(answered?.plan).not.toBe('dropped')
          expect(alive).toEqual([mine.id])
          expect(mine.user).toBe(user)
        }
        // Whatever became of it: a browser that was told nothing holds nothing.
        if (answered?.plan === 'dropped') expect([answered.cookie, alive]).toEqual([undefined, []])
      },
    }
  }

  /** Counts the commands of a sign-in that comes too late, and of a revocation that has most to end. */
  async function count(kind: string): Promise<Most> {
    const [late, early] = [await race(kind, MANY), await race(kind, MANY)]
    const run = async ({ lanes }: Race, ...order: string[]): Promise<void> => {
      await lanes['sign-in']!['opens']!()
      for (const who of order) {
        for (const [name, step] of Object.entries(lanes[who]!)) if (name !== 'opens') await step()
      }
    }
    await run(late, 'revocation', 'sign-in')
    await run(early, 'sign-in', 'revocation')
    return { signIn: late.sent.signIn, revocation: early.sent.revocation }
  }

  it.each(Object.keys(KINDS))('leave nothing of the sign-in of %s', async (kind) => {
    const most = await count(kind)
    expect(most.signIn).toBeGreaterThanOrEqual(3)
    await explore(() => race(kind, most))
  })
})
