/**
 * The manager's promises on this store: what it can keep only as far as the store keeps the contract.
 *
 * The other cases look at one rule each. These go the whole way of a request, as an application would.
 *
 * @module
 */

import type { Session } from '../../core/session.ts'
import type { Store } from '../../core/store.ts'
import { createSessions, type Sessions } from '../../sessions.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { same } from '../_check.ts'
import type { Workbench } from '../_workbench.ts'

interface Data {
  user?: string
  count?: number
  profile?: { name: string; card?: string }
}

export const managerCases: readonly StoreCase[] = [
  storeCase({
    name: 'a sign-in whose session is gone signs in all the same, and a write does not',
    rule: 'save says that a session is gone; it neither brings it back nor fails.',
    run: managed(async (bench, manage) => {
      const [here, there] = [manage(), manage(await bench.another())]
      const user = bench.newPrincipal()
      const cookie = await visit(here, null, (session) => (session.count = 1))
      const [signsIn, writes] = [await open(here, cookie), await open(here, cookie)]
      await there.revoke(signsIn.id)
      writes.count = 2
      same((await here.commit(writes)).plan, 'dropped', 'the write after the end of its session')
      signsIn.user = user
      const signedIn = cookieOf(await here.commit(signsIn))
      same({ ...(await open(there, signedIn)) }, { user, count: 1 }, 'what the sign-in gave')
      same({ ...(await open(there, cookie)) }, {}, 'what the old cookie opens')
    }),
  }),

  storeCase({
    name: 'a write that a driver sent twice counts once',
    rule: 'A conflict hands over the session as it is, so that a writer knows its own write again.',
    run: managed(async (bench, manage) => {
      const line = new BreakingLine(bench.store)
      const sessions = manage(line.store)
      const cookie = await visit(sessions, null, (session) => (session.count = 0))
      for (let times = 0; times < 3; times++) {
        const session = await open(sessions, cookie)
        line.breaks = true
        await session.update((data) => (data.count = (data.count ?? 0) + 1))
      }
      same((await open(sessions, cookie)).count, 3, 'the counter after three increments')
    }),
  }),

  storeCase({
    name: 'a token of another manager opens nothing, and nobody else’s sessions end with one’s own',
    rule: 'A session comes back as it was kept, its body and its principal to the last character.',
    needs: ['removeAll'],
    run: managed(async (bench, manage) => {
      const [shop, forum] = [manage(bench.store, 'shop'), manage(bench.store, 'forum')]
      const user = bench.newPrincipal()
      const inShop = await visit(shop, null, (session) => (session.user = user))
      const inForum = await visit(forum, null, (session) => (session.user = user))
      same({ ...(await open(forum, inShop)) }, {}, 'what a token of the shop opens in the forum')
      same(await shop.revokeAll(user), 1, 'how many sessions the shop ended')
      same({ ...(await open(shop, inShop)) }, {}, 'what the token opens in the shop after that')
      same({ ...(await open(forum, inForum)) }, { user }, 'what the other opens in the forum')
    }),
  }),

  storeCase({
    name: 'two identities are never mixed in one session',
    rule: 'save compares and swaps: of two who write onto one version the later is handed what the earlier wrote.',
    run: managed(async (bench, manage) => {
      const [here, there] = [manage(), manage(await bench.another())]
      const [alice, bob] = [bench.newPrincipal(), bench.newPrincipal()]
      const cookie = await visit(here, null, (session) => (session.count = 1))
      const [one, other] = [await open(here, cookie), await open(there, cookie)]
      Object.assign(one, { user: alice, profile: { name: 'Alice', card: '4242' } })
      Object.assign(other, { user: bob, profile: { name: 'Bob' } })
      const [first, second] = [cookieOf(await here.commit(one)), cookieOf(await there.commit(other))]
      const whose = async (cookie: string): Promise<unknown> => {
        const session = await open(here, cookie)
        const stored = await bench.store.load(session.id, bench.at(0))
        return { ...session, principal: stored?.principal }
      }
      same(
        await whose(first),
        { user: alice, count: 1, profile: { name: 'Alice', card: '4242' }, principal: alice },
        'the first',
      )
      same(await whose(second), { user: bob, count: 1, profile: { name: 'Bob' }, principal: bob }, 'the second')
    }),
  }),
]

/** Makes a manager, on the store under test when it is given no other. */
type Manage = (on?: Store, namespace?: string) => Sessions<Data>

/** Gives managers to a case, and ends them with it. */
function managed<B extends Workbench>(run: (bench: B, manage: Manage) => Promise<void>): (bench: B) => Promise<void> {
  return async (bench) => {
    const managers: Sessions<Data>[] = []
    try {
      await run(bench, (store = bench.store, namespace = '') => {
        const { now } = bench.at(0)
        const manager = createSessions<Data>({ store, clock: () => now, namespace })
        managers.push(manager)
        return manager
      })
    } finally {
      for (const manager of managers) await manager.close()
    }
  }
}

async function open(sessions: Sessions<Data>, cookie: string | null): Promise<Session<Data>> {
  return sessions.open({ cookie, secure: true })
}

async function visit(
  sessions: Sessions<Data>,
  cookie: string | null,
  handle: (session: Session<Data>) => unknown,
): Promise<string> {
  const session = await open(sessions, cookie)
  handle(session)
  return cookieOf(await sessions.commit(session))
}

function cookieOf({ headers }: { headers: [name: string, value: string][] }): string {
  return headers.find(([name]) => name === 'Set-Cookie')?.[1].split(';')[0] ?? ''
}

/** A line to the store on which the answer to a save gets lost, so that the driver sends it again. */
class BreakingLine {
  /** Whether the next save's answer is lost. */
  breaks = false
  readonly store: Store

  constructor(store: Store) {
    this.store = {
      load: (id, call) => store.load(id, call),
      create: (id, session, call) => store.create(id, session, call),
      save: async (id, session, ifVersion, call) => {
        if (this.breaks) await store.save(id, session, ifVersion, call)
        this.breaks = false
        return store.save(id, session, ifVersion, call)
      },
      touch: (id, expiresAt, call) => store.touch(id, expiresAt, call),
      remove: (id, call) => store.remove(id, call),
    }
  }
}
