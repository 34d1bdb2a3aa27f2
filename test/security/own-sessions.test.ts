/**
 * D10, K10: somebody's list of their own sessions tells which one is this, carries nothing that opens one, and what is
 * ended from it is theirs alone, whatever names people have.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSessions, type SessionInfo, type Sessions } from '../../src/sessions.ts'
import type { OpenInput } from '../../src/shell/visit.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import { newUser } from '../support/promises.ts'
import { type OpenStore, stores } from '../support/stores.ts'
import { infosOf, Visitor } from '../support/visitor.ts'

interface Data {
  user?: string
}

const listing = Object.entries(stores).filter(([, { cannotList }]) => !cannotList)

/** Names that mean something to a pattern, a query, a path or a key. */
const NAMES = [
  '*',
  'user:*',
  'user:1',
  'user:?',
  'user:[0-9]',
  'user\\:1',
  '%',
  'user%',
  'user_1',
  "' OR '1'='1",
  '"; DROP TABLE sessions; --',
  '{"$gt":""}',
  '$ne',
  '{user:1}',
  '../user:1',
  'user:1 ',
  'USER:1',
  'üser:1',
  'u\u0308ser:1',
  '__proto__',
]

describe.each(listing)('somebody’s own sessions: %s', (_, entry) => {
  let place: OpenStore
  let sessions: Sessions<Data>
  beforeAll(async () => {
    place = await entry.open()
    sessions = createSessions<Data>({ store: place.store, clock: fakeClock() })
  })
  afterAll(() => place.close())

  async function signIn(user: string, input: Partial<OpenInput> = {}): Promise<Visitor<Data>> {
    const visitor = new Visitor(sessions, input)
    await visitor.visit((session) => (session.user = user))
    return visitor
  }

  const list = (user: string): Promise<SessionInfo[]> => infosOf(sessions, user)

  const idOf = ({ token }: Visitor<Data>): string => token.split('.')[0]!

  it('have no part of the token in them but the public id', async () => {
    const user = newUser()
    const visitor = await signIn(user, { userAgent: 'Firefox', address: '192.0.2.1' })
    const [info] = await list(user)
    const told = JSON.stringify(info)
    for (let at = 0; at + 6 <= visitor.secret.length; at++) expect(told).not.toContain(visitor.secret.slice(at, at + 6))
    const { body } = (await place.store.load(info!.id, { now: info!.createdAt }))!
    expect(told).not.toContain(body.split(' ')[1]!)
    expect(Object.keys(info!).sort()).toEqual([
      'address',
      'authenticatedAt',
      'createdAt',
      'expiresAt',
      'id',
      'lastSeenAt',
      'principal',
      'userAgent',
    ])
  })

  it('have exactly one whose id is the current session’s', async () => {
    const user = newUser()
    const visitors = [await signIn(user), await signIn(user), await signIn(user)]
    for (const visitor of visitors) {
      const { id } = await visitor.open()
      expect((await list(user)).filter((info) => info.id === id)).toHaveLength(1)
    }
  })

  it('have a label of the device that signed in, at most 256 characters of each part, if there was any', async () => {
    const user = newUser()
    await signIn(user, { userAgent: 'F'.repeat(5000), address: '1'.repeat(5000) })
    await signIn(user, { userAgent: 'Firefox\r\nSet-Cookie: x' })
    await signIn(user, { address: '192.0.2.1' })
    await signIn(user)
    const labels = (await list(user)).map(({ userAgent, address }) => ({ userAgent, address }))
    expect(new Set(labels)).toEqual(
      new Set([
        { userAgent: 'F'.repeat(256), address: '1'.repeat(256) },
        { userAgent: 'Firefox\r\nSet-Cookie: x', address: undefined },
        { userAgent: undefined, address: '192.0.2.1' },
        { userAgent: undefined, address: undefined },
      ]),
    )
    expect((await list(user)).filter((info) => 'userAgent' in info)).toHaveLength(2)
  })

  it('are ended one by one by nobody else', async () => {
    const [alice, mallory] = [newUser(), newUser()]
    const visitor = await signIn(alice)
    await signIn(mallory)
    expect(await sessions.revoke(idOf(visitor), { principal: mallory })).toBe(false)
    expect((await visitor.open()).user).toBe(alice)
    expect(await sessions.revoke(idOf(visitor), { principal: alice })).toBe(true)
    expect((await visitor.open()).user).toBeUndefined()
    expect(await sessions.revoke(idOf(visitor), { principal: alice })).toBe(false)
  })

  it('are listed and ended by the very name, whatever it says to the engine', async () => {
    const prefix = newUser()
    const named = new Map<string, Visitor<Data>>()
    for (const name of NAMES.flatMap((each) => [each, `${prefix}${each}`])) named.set(name, await signIn(name))
    for (const [name, visitor] of named) {
      expect((await list(name)).map(({ id }) => id)).toEqual([idOf(visitor)])
    }
    const left = new Map(named)
    for (const [name, visitor] of named) {
      expect(await sessions.revokeAll(name), name).toBe(1)
      left.delete(name)
      expect((await visitor.open()).user, name).toBeUndefined()
      for (const [other, theirs] of left) expect((await theirs.open()).user, `${other} after ${name}`).toBe(other)
    }
  })

  it('are all ended but the one that is spared', async () => {
    const user = newUser()
    const [here, ...others] = [await signIn(user), await signIn(user), await signIn(user)]
    expect(await sessions.revokeAll(user, { except: idOf(here) })).toBe(2)
    expect((await here.open()).user).toBe(user)
    for (const other of others) expect((await other.open()).user).toBeUndefined()
    expect((await list(user)).map(({ id }) => id)).toEqual([idOf(here)])
  })
})
