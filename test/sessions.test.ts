import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createSessions, memoryStore } from '../src/index.ts'
import type { Session } from '../src/core/session.ts'
import type { Store } from '../src/core/store.ts'
import type { SessionInfo } from '../src/sessions.ts'
import { mapStore } from './support/map-store.ts'
import { HOUR, rejection, scene, SECOND, settled, type TestData } from './support/scene.ts'
import { warnings } from './support/warnings.ts'

const UNSUPPORTED = { name: 'UsageError', code: 'ERR_SOJOURN_UNSUPPORTED' }

const idOf = (cookie: string | null): string => /=([\w-]{22})\./.exec(cookie ?? '')![1]!

async function all(infos: AsyncIterable<SessionInfo>): Promise<SessionInfo[]> {
  const found: SessionInfo[] = []
  for await (const info of infos) found.push(info)
  return found
}

/** A store that can do what every store must, and no more. */
function bareStore(): Store {
  const { list: _, removeAll: __, revokedAt: ___, ...bare } = mapStore()
  return bare
}

describe('a manager with nothing configured', () => {
  it('keeps sessions in memory', async () => {
    const sessions = createSessions<TestData>()
    const session = await sessions.open({ cookie: null, secure: true })
    session.user = { id: 'alice' }
    const { plan, headers } = await sessions.commit(session)
    expect(plan).toBe('create')
    const cookie = headers[0]![1].split(';')[0]!
    expect((await sessions.open({ cookie, secure: true })).user).toEqual({ id: 'alice' })
    await sessions.close()
  })

  it('keeps them by itself: two managers share nothing', async () => {
    const [one, two] = [createSessions<TestData>(), createSessions<TestData>()]
    const session = await one.open({ cookie: null, secure: true })
    session['a'] = 1
    const cookie = (await one.commit(session)).headers[0]![1].split(';')[0]!
    expect((await two.open({ cookie, secure: true })).isNew).toBe(true)
  })
})

describe.each<[string, () => Partial<Parameters<typeof scene>[0]>]>([
  ['that answers at once', () => ({})],
  ['that answers later', () => ({ slow: true })],
  ['memoryStore()', () => ({ store: memoryStore() })],
])('a session on a store %s', (_, options) => {
  it('goes its way from the first visit to the last', async () => {
    const app = scene(options())
    const visitor = app.visitor()
    await visitor.visit((session) => (session['cart'] = ['book']))
    await visitor.visit((session) => (session.user = { id: 'alice' }))
    app.clock.advance(HOUR)
    expect((await visitor.visit((session) => session.user)).plan).toBe('touch')
    await settled()
    await visitor.visit((session) => session.update((data) => (data['cart'] as string[]).push('pen')))
    expect({ ...(await visitor.open()) }).toEqual({ user: { id: 'alice' }, cart: ['book', 'pen'] })
    expect(await all(app.sessions.list('alice'))).toHaveLength(1)
    expect((await visitor.visit((session) => session.destroy())).plan).toBe('remove')
    expect(visitor.cookie).toBeNull()
    expect(await all(app.sessions.list('alice'))).toEqual([])
    expect(app.takeTold()).toEqual(['created', 'rotated', 'signed-in', 'destroyed'])
  })

  it('goes it with callbacks as well', async () => {
    const app = scene(options())
    const visitor = app.visitor()
    const call = (run: (callback: (error: unknown, result?: unknown) => void) => void): Promise<unknown> =>
      new Promise((resolve, reject) => {
        run((error, result) => (error ? reject(error) : resolve(result)))
      })
    await visitor.visit(async (session) => {
      session['n'] = 1
      await call((callback) => session.save(callback))
      expect(await call((callback) => session.update((data) => (data['n'] = 2), callback))).toBe(2)
      session['n'] = 3
      await call((callback) => session.reload(callback))
      expect(session['n']).toBe(2)
      await call((callback) => session.touch(callback))
      await call((callback) => session.limit({ idleTimeout: 60 }, callback))
      await call((callback) => session.regenerate(callback))
      app.sessions.current(session)['after'] = true
    })
    expect({ ...(await visitor.open()) }).toEqual({ after: true })
    await visitor.visit((session) => call((callback) => session.destroy(callback)))
    expect(visitor.cookie).toBeNull()
  })

  it('is ended for every browser by revokeAll, but one', async () => {
    const app = scene(options())
    const visitors = [await app.signedIn(), await app.signedIn(), await app.signedIn(), await app.signedIn('bob')]
    expect(await app.sessions.revokeAll('alice', { except: idOf(visitors[1]!.cookie) })).toBe(2)
    const alive = await Promise.all(visitors.map(async (visitor) => !(await visitor.open()).isNew))
    expect(alive).toEqual([false, true, false, true])
    expect(await app.sessions.revokeAll('alice')).toBe(1)
    expect(await app.sessions.revokeAll('alice')).toBe(0)
  })
})

describe('current', () => {
  it('gives the session that the request goes on with', async () => {
    const { sessions } = scene()
    const first = await sessions.open({ cookie: null, secure: true })
    expect(sessions.current(first)).toBe(first)
    await first.destroy()
    const second = sessions.current(first)
    await second.regenerate({ keep: false })
    const third = sessions.current(first)
    expect(new Set<Session<TestData>>([first, second, third]).size).toBe(3)
    expect(sessions.current(second)).toBe(third)
  })
})

describe('read', () => {
  it('tells what is known of a session, and its data', async () => {
    const app = scene()
    const visitor = app.visitor({ userAgent: 'Firefox', address: '192.0.2.1' })
    await visitor.visit((session) => (session['theme'] = 'dark'))
    const createdAt = app.clock()
    app.clock.advance(HOUR)
    await visitor.visit((session) => (session.user = { id: 'alice' }))
    const authenticatedAt = app.clock()
    app.clock.advance(HOUR)
    await visitor.visit()
    await settled()
    const id = idOf(visitor.cookie)
    expect(await app.sessions.read(id)).toEqual({
      info: {
        id,
        principal: 'alice',
        createdAt,
        authenticatedAt,
        lastSeenAt: app.clock(),
        expiresAt: app.clock() + 24 * HOUR,
        userAgent: 'Firefox',
        address: '192.0.2.1',
      },
      data: { theme: 'dark', user: { id: 'alice' } },
    })
  })

  it('gives nothing for what is no session, and asks nothing of the store for what is no id', async () => {
    const app = scene()
    const known = await app.known()
    expect(await app.sessions.read('A'.repeat(22))).toBeUndefined()
    app.store.calls.length = 0
    for (const id of ['', 'no id', known.token, null, undefined, 5, {}])
      expect(await app.sessions.read(id as string)).toBeUndefined()
    expect(app.store.calls).toEqual([])
  })

  it('gives nothing for an expired session that the store gives still', async () => {
    const app = scene()
    const known = await app.known()
    const id = idOf(known.cookie)
    app.store.load = () => ({ ...app.rows.get(id)!, expiresAt: app.clock() })
    expect(await app.sessions.read(id)).toBeUndefined()
  })

  it("gives data that are the reader's own", async () => {
    const app = scene()
    const known = await app.known({ a: { b: 1 } })
    const id = idOf(known.cookie)
    const first = await app.sessions.read(id)
    ;(first!.data['a'] as { b: number }).b = 2
    expect((await app.sessions.read(id))?.data).toEqual({ a: { b: 1 } })
  })
})

describe('list', () => {
  it('gives the live sessions of one person, and nothing that opens them', async () => {
    const app = scene()
    const [first, second] = [await app.signedIn(), await app.signedIn()]
    await app.signedIn('bob')
    await app.known()
    const infos = await all(app.sessions.list('alice'))
    expect(infos.map(({ id }) => id).sort()).toEqual([idOf(first.cookie), idOf(second.cookie)].sort())
    for (const visitor of [first, second]) expect(JSON.stringify(infos)).not.toContain(visitor.secret)
    app.clock.advance(48 * HOUR)
    expect(await all(app.sessions.list('alice'))).toEqual([])
  })

  it('knows a number by its text', async () => {
    const app = scene({ principal: (data) => data['userId'] as number })
    await app.known({ userId: 7 })
    expect(await all(app.sessions.list('7'))).toHaveLength(1)
    expect(await all(app.sessions.list(7 as unknown as string))).toHaveLength(1)
  })

  it.each(['', null, undefined, {}, 'a\n'])('is an error for %o, which is nobody', async (principal) => {
    const { sessions } = scene()
    expect(await rejection(all(sessions.list(principal as string)))).toMatchObject(UNSUPPORTED)
    expect(await rejection(sessions.revokeAll(principal as string))).toMatchObject(UNSUPPORTED)
  })

  it('leaves out what cannot be read, and what has expired', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const row = app.rows.get(idOf(alice.cookie))!
    app.rows.set('foreign', { ...row, body: 'foreign' })
    app.store.list = async function* () {
      yield* app.rows
      yield ['expired', { ...row, expiresAt: app.clock() }]
    }
    const { sessions } = app.beside({ store: app.store })
    expect((await all(sessions.list('alice'))).map(({ id }) => id)).toEqual([idOf(alice.cookie)])
  })

  it('and revokeAll are an error on a store that cannot', async () => {
    const { sessions } = scene({ store: bareStore() })
    const unable = { ...UNSUPPORTED, message: expect.stringContaining('use one that can') as string }
    expect(await rejection(all(sessions.list('alice')))).toMatchObject(unable)
    expect(await rejection(sessions.revokeAll('alice'))).toMatchObject(unable)
  })

  it('fails as the store fails', async () => {
    const app = scene()
    app.store.list = () => {
      throw new Error('connection lost')
    }
    const { sessions } = app.beside({ store: app.store })
    expect(await rejection(all(sessions.list('alice')))).toMatchObject({ code: 'ERR_SOJOURN_STORE' })
  })
})

describe('revoke', () => {
  it('ends a session by its id, with an event', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const id = idOf(alice.cookie)
    expect(await app.sessions.revoke(id)).toBe(true)
    expect(await app.sessions.revoke(id)).toBe(false)
    expect((await alice.open()).isNew).toBe(true)
    expect(app.takeTold()).toEqual(['revoked'])
    expect(app.events.at(-1)).toMatchObject({ id, principal: 'alice' })
  })

  it("ends only what is the given person's", async () => {
    const app = scene()
    const [alice, known] = [await app.signedIn(), await app.known()]
    const [id, nobodys] = [idOf(alice.cookie), idOf(known.cookie)]
    expect(await app.sessions.revoke(id, { principal: 'mallory' })).toBe(false)
    expect(await app.sessions.revoke(nobodys, { principal: 'mallory' })).toBe(false)
    expect((await alice.open()).isNew).toBe(false)
    expect(app.takeTold()).toEqual([])
    expect(await app.sessions.revoke(id, { principal: 'alice' })).toBe(true)
    expect(await app.sessions.revoke(nobodys, {})).toBe(true)
  })

  it.each([undefined, null, ''])('ends nothing for a person that is %o by mistake', async (principal) => {
    const app = scene()
    const alice = await app.signedIn()
    const only = { principal } as unknown as { principal: string }
    expect(await rejection(app.sessions.revoke(idOf(alice.cookie), only))).toMatchObject(UNSUPPORTED)
    expect((await alice.open()).isNew).toBe(false)
  })

  it('ends nothing for a person, missing or not, where nobody knows whose a session is', async () => {
    const ended: string[] = []
    const revoked = { has: () => false, add: (id: string) => void ended.push(id) }
    const { sessions } = scene({ store: { seal: () => '', unseal: () => undefined, revoked } })
    for (const principal of ['alice', undefined])
      expect(await rejection(sessions.revoke('A'.repeat(22), { principal } as { principal: string }))).toMatchObject(
        UNSUPPORTED,
      )
    expect(ended).toEqual([])
    expect(await sessions.revoke('A'.repeat(22))).toBe(true)
    expect(ended).toEqual(['A'.repeat(22)])
  })

  it('of what is no id ends nothing', async () => {
    const app = scene()
    expect(await app.sessions.revoke('../../etc/passwd')).toBe(false)
    expect(app.store.calls).toEqual([])
  })
})

describe('revokeAll', () => {
  it('tells of it once, with how many', async () => {
    const app = scene()
    await app.signedIn()
    await app.signedIn()
    await app.sessions.revokeAll('alice')
    expect(app.takeTold()).toEqual(['revoked'])
    expect(app.events.at(-1)).toMatchObject({ principal: 'alice', reason: 'all, 2' })
  })

  it('of one application leaves another on the same store alone', async () => {
    const shop = scene({ namespace: 'shop' })
    const blog = shop.beside({ namespace: 'blog' })
    const [buyer, reader] = [await shop.signedIn(), await blog.signedIn()]
    expect(await shop.sessions.revokeAll('alice')).toBe(1)
    expect([(await buyer.open()).isNew, (await reader.open()).isNew]).toEqual([true, false])
    expect(await all(blog.sessions.list('alice'))).toHaveLength(1)
    expect(await shop.sessions.read(idOf(reader.cookie))).toBeUndefined()
    expect(await shop.sessions.revoke(idOf(reader.cookie))).toBe(false)
  })
})

describe('prune', () => {
  const pruning = (left: number): { store: Store; limits: number[] } => {
    const limits: number[] = []
    const prune = async (limit: number): Promise<number> => {
      limits.push(limit)
      const removed = Math.min(limit, left)
      left -= removed
      return removed
    }
    return { store: { ...mapStore(), prune }, limits }
  }

  it('removes a thousand at most, unless told otherwise', async () => {
    const { store, limits } = pruning(1500)
    const { sessions } = scene({ store })
    expect([await sessions.prune(), await sessions.prune(200), await sessions.prune()]).toEqual([1000, 200, 300])
    expect(limits).toEqual([1000, 200, 1000])
  })

  it('has nothing to do on a store with an expiry of its own', async () => {
    expect(await scene({ store: memoryStore() }).sessions.prune()).toBe(0)
  })

  it('fails as the store fails', async () => {
    const { sessions } = scene({ store: { ...mapStore(), prune: () => Promise.reject(new Error('connection lost')) } })
    expect(await rejection(sessions.prune())).toMatchObject({ code: 'ERR_SOJOURN_STORE' })
  })

  describe('by itself', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate'] })
      vi.spyOn(Math, 'random').mockReturnValue(0.5)
    })
    afterEach(() => {
      vi.restoreAllMocks()
      vi.useRealTimers()
    })

    it('comes a while after a request, in small batches until nothing is left', async () => {
      const { store, limits } = pruning(250)
      const { sessions } = scene({ store })
      await sessions.open({ cookie: null, secure: true })
      await sessions.open({ cookie: null, secure: true })
      await vi.advanceTimersByTimeAsync(59 * SECOND)
      expect(limits).toEqual([])
      await vi.advanceTimersByTimeAsync(2 * SECOND)
      expect(limits).toEqual([100, 100, 100])
      await vi.advanceTimersByTimeAsync(HOUR)
      expect(limits).toHaveLength(3)
      await sessions.open({ cookie: null, secure: true })
      await vi.advanceTimersByTimeAsync(61 * SECOND)
      expect(limits).toHaveLength(4)
    })

    it('goes on after a failure, which is an event', async () => {
      let tries = 0
      const prune = (): never => {
        tries++
        throw new Error('connection lost')
      }
      const app = scene({ store: { ...mapStore(), prune } })
      for (let rounds = 0; rounds < 2; rounds++) {
        await app.sessions.open({ cookie: null, secure: true })
        await vi.advanceTimersByTimeAsync(61 * SECOND)
      }
      expect([tries, app.takeTold()]).toEqual([2, ['store-error', 'store-error']])
    })

    it('ends with close, which may be called twice', async () => {
      const { store, limits } = pruning(250)
      const { sessions } = scene({ store })
      await sessions.open({ cookie: null, secure: true })
      await sessions.close()
      await sessions.close()
      expect(vi.getTimerCount()).toBe(0)
      await vi.advanceTimersByTimeAsync(HOUR)
      expect(limits).toEqual([])
    })

    it('sets no timer for a store that has nothing to prune', async () => {
      await scene({ store: mapStore() }).sessions.open({ cookie: null, secure: true })
      expect(vi.getTimerCount()).toBe(0)
    })
  })
})

describe('on', () => {
  it('tells of what happens from then on, until it is ended', async () => {
    const app = scene()
    const told: unknown[] = []
    const stop = app.sessions.on('signed-in', (event) => told.push(event))
    const alice = await app.signedIn()
    stop()
    await app.signedIn('bob')
    expect(told).toEqual([
      { type: 'signed-in', at: app.clock() - 2 * SECOND, id: idOf(alice.cookie), principal: 'alice' },
    ])
  })

  it('harms no request when a listener throws', async () => {
    const app = scene()
    app.sessions.on('created', () => {
      throw new Error('on purpose')
    })
    const raised = await warnings(() => app.signedIn())
    expect(raised).toMatchObject([{ code: 'SOJOURN_LISTENER' }])
    expect(app.rows.size).toBe(1)
  })
})

describe('the time of a store', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const LATE = { name: 'StoreError', code: 'ERR_SOJOURN_STORE_TIMEOUT', status: 503 }

  it('is limited: a request whose store is silent fails, and the next one may work', async () => {
    const app = scene({ storeTimeout: 3, slow: true })
    const alice = await app.signedIn()
    app.store.hold('load')
    const failed = rejection(alice.open())
    await vi.advanceTimersByTimeAsync(3 * SECOND)
    expect(await failed).toMatchObject(LATE)
    expect((await alice.open()).user).toEqual({ id: 'alice' })
    expect(app.takeTold()).toEqual(['store-error'])
  })

  it('is limited for a write as well, five seconds by default', async () => {
    const app = scene({ slow: true })
    const known = await app.known()
    app.store.hold('save')
    const failed = rejection(known.visit((session) => (session['a'] = 1)))
    await vi.advanceTimersByTimeAsync(5 * SECOND)
    expect(await failed).toMatchObject(LATE)
  })
})

describe('two sessions', () => {
  it('opened at once never see each other', async () => {
    const app = scene({ slow: true })
    const visitors = await Promise.all(Array.from({ length: 20 }, (_, at) => app.signedIn(`user ${at}`)))
    const opened = await Promise.all(visitors.map((visitor) => visitor.open()))
    await Promise.all(
      opened.map(async (session, at) => {
        session['n'] = at
        await visitors[at]!.finish(session)
      }),
    )
    const again = await Promise.all(visitors.map((visitor) => visitor.open()))
    expect(again.map((session) => ({ ...session }))).toEqual(
      visitors.map((_, at) => ({ user: { id: `user ${at}` }, n: at })),
    )
  })
})
