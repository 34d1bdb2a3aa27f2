/**
 * P6: nothing for nothing. For each kind of request the calls that the engine receives, in order: golden lists. A
 * change here is a change of what Sojourn costs.
 */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { jsonCodec } from '../../src/core/data.ts'
import { drawId, drawSecret } from '../../src/core/token.ts'
import type { App } from '../support/adapters.ts'
import type { Browser } from '../support/client.ts'
import { newUser, openWorld, promiseSuite, type World } from '../support/promises.ts'

const ROTATE_EVERY = 86_400
const READS = 1000

let decoded = 0
const codec = {
  encode: jsonCodec.encode,
  decode(text: string): object {
    decoded++
    return jsonCodec.decode(text)
  },
}

const app: App = {
  routes: {
    'GET /never-looks': () => ({ body: 'static' }),
    'GET /me': ({ session }) => ({ body: { ...session } }),
    'POST /assign': ({ session, body }) => {
      Object.assign(session, body)
      return { redirect: '/me' }
    },
    'POST /assign-and-back': ({ session }) => {
      const { note } = session
      session['note'] = 'another'
      session['note'] = note
      return {}
    },
    'POST /save': async ({ session, body }) => {
      Object.assign(session, body)
      await session.save()
      return {}
    },
    'POST /update': async ({ session }) => {
      await session.update((data) => (data['count'] = 1))
      return {}
    },
    'POST /regenerate': async ({ session }) => {
      await session.regenerate()
      return {}
    },
    'POST /empty': async ({ session }) => {
      await session.regenerate({ keep: false })
      return {}
    },
    'POST /touch': ({ session }) => {
      session.touch()
      return {}
    },
    'POST /limit': ({ session }) => {
      session.limit({ lifetime: 3600 })
      return {}
    },
    'POST /delete-user': ({ session }) => {
      delete session['user']
      return {}
    },
    'POST /destroy': async ({ session }) => {
      await session.destroy()
      return {}
    },
    'POST /null': (exchange) => {
      exchange.session = null
      return {}
    },
    'GET /fails': () => {
      throw new Error('on purpose')
    },
  },
}

/** A kind of request: who makes it, and what it costs. */
interface Scenario {
  readonly who: 'new visitor' | 'visitor' | 'user'
  readonly asks: string
  readonly body?: object
  /** Seconds since the session's last request. */
  readonly after?: number
  readonly cookie?: string
  readonly costs: readonly string[]
}

const random = (size: number): Uint8Array => crypto.getRandomValues(new Uint8Array(size))
const unknown = `sid=${drawId(random)}.${drawSecret(random)}`

const scenarios: Record<string, Scenario> = {
  'no cookie, and a handler that reads': { who: 'new visitor', asks: 'GET /me', costs: [] },
  'no cookie, and a handler that never looks': { who: 'new visitor', asks: 'GET /never-looks', costs: [] },
  'no cookie, and no such page': { who: 'new visitor', asks: 'GET /nowhere', costs: [] },
  'no cookie, and a logout': { who: 'new visitor', asks: 'POST /destroy', costs: [] },
  'no cookie, and a write of nothing': { who: 'new visitor', asks: 'POST /assign', body: {}, costs: [] },
  'a cookie that is no token': { who: 'new visitor', asks: 'GET /me', cookie: 'sid=../../etc', costs: [] },
  'a cookie of another name': { who: 'new visitor', asks: 'GET /me', cookie: `id${unknown}`, costs: [] },
  'a token that nobody gave': { who: 'new visitor', asks: 'GET /me', cookie: unknown, costs: ['load'] },
  'a first write': { who: 'new visitor', asks: 'POST /assign', body: { cart: 1 }, costs: ['create'] },
  'a first update()': { who: 'new visitor', asks: 'POST /update', costs: ['create'] },

  'a read': { who: 'user', asks: 'GET /me', costs: ['load'] },
  'a handler that never looks': { who: 'user', asks: 'GET /never-looks', costs: ['load'] },
  'no such page': { who: 'user', asks: 'GET /nowhere', costs: ['load'] },
  'a read that moves the expiry': { who: 'user', asks: 'GET /me', after: 300, costs: ['load', 'touch'] },
  'a read just before that is due': { who: 'user', asks: 'GET /me', after: 299, costs: ['load'] },
  'touch()': { who: 'user', asks: 'POST /touch', after: 1, costs: ['load', 'touch'] },

  'a write': { who: 'user', asks: 'POST /assign', body: { a: 1, b: 2, c: 3 }, costs: ['load', 'save'] },
  'a write that also moves the expiry': {
    who: 'user',
    asks: 'POST /assign',
    body: { a: 1 },
    after: 300,
    costs: ['load', 'save'],
  },
  'a write of what is there': { who: 'user', asks: 'POST /assign', body: { note: 'old' }, costs: ['load'] },
  'a change that is taken back': { who: 'user', asks: 'POST /assign-and-back', costs: ['load'] },
  'an explicit save()': { who: 'user', asks: 'POST /save', body: { a: 1 }, costs: ['load', 'save'] },
  'a save() of nothing': { who: 'user', asks: 'POST /save', body: {}, costs: ['load'] },
  'update()': { who: 'user', asks: 'POST /update', costs: ['load', 'save'] },
  'limit()': { who: 'user', asks: 'POST /limit', costs: ['load', 'save'] },

  'a sign-in of a new visitor': {
    who: 'new visitor',
    asks: 'POST /assign',
    body: { user: 'alice' },
    costs: ['create', 'revokedAt'],
  },
  'a sign-in from a session': {
    who: 'visitor',
    asks: 'POST /assign',
    body: { user: 'alice' },
    costs: ['load', 'save', 'revokedAt'],
  },
  'a change of user': {
    who: 'user',
    asks: 'POST /assign',
    body: { user: 'bob' },
    costs: ['load', 'save', 'revokedAt'],
  },
  'regenerate()': { who: 'user', asks: 'POST /regenerate', costs: ['load', 'save'] },
  'regenerate({ keep: false })': { who: 'user', asks: 'POST /empty', costs: ['load', 'save'] },
  'a periodic rotation': { who: 'user', asks: 'GET /me', after: ROTATE_EVERY, costs: ['load', 'save'] },

  'a logout': { who: 'user', asks: 'POST /destroy', costs: ['load', 'remove'] },
  'a logout by session = null': { who: 'user', asks: 'POST /null', costs: ['load', 'remove'] },
  'a sign-out by the data': { who: 'user', asks: 'POST /delete-user', costs: ['load', 'save'] },
}

promiseSuite('P6', (setting) => {
  let world: World
  beforeAll(async () => {
    const options = { idleTimeout: 2 * ROTATE_EVERY, rotateEvery: ROTATE_EVERY, codec }
    world = await openWorld(setting, app, options)
  })
  afterAll(() => world.close())
  afterEach(() => world.watched.reset())

  async function begin(who: Scenario['who']): Promise<Browser> {
    const browser = world.here.browser()
    if (who !== 'new visitor') {
      await browser.post('/assign', who === 'user' ? { user: newUser(), note: 'old' } : { cart: 1 })
    }
    return browser
  }

  /** The calls of one request, those included that its response does not wait for. */
  async function costOf(ask: () => Promise<unknown>): Promise<string[]> {
    world.watched.takeCalls()
    decoded = 0
    await ask()
    await world.watched.idle()
    return world.watched.takeCalls()
  }

  /** What a store cannot do it is not asked. */
  function can(call: string): boolean {
    return call in world.engine
  }

  it.each(Object.keys(scenarios))('%s', async (name) => {
    const { who, asks, body, after = 0, cookie, costs } = scenarios[name]!
    const browser = await begin(who)
    world.clock.advance(after * 1000)
    const [method, path] = asks.split(' ') as [string, string]
    const calls = await costOf(() => browser.send(method, path, { body, ...(cookie && { cookie }) }))
    expect(calls).toEqual(costs.filter(can))
  })

  it('keeps the budgets: reads 1, writes 2, sign-ins at most 4, logouts at most 2', () => {
    const budgets = { 'no cookie': 0, 'a read': 1, 'a write': 2, 'a sign-in': 4, 'a logout': 2 }
    for (const [kind, budget] of Object.entries(budgets)) {
      const kinds = Object.keys(scenarios).filter((name) => name === kind || name.startsWith(`${kind} of`))
      if (kind === 'no cookie') kinds.push(...Object.keys(scenarios).filter((name) => name.startsWith(kind)))
      expect(kinds.length).toBeGreaterThan(0)
      for (const name of kinds) expect(scenarios[name]!.costs.length, name).toBeLessThanOrEqual(budget)
    }
  })

  it('confirms a rotation once', async () => {
    const browser = await begin('user')
    world.clock.advance(ROTATE_EVERY * 1000)
    const costs = []
    for (let at = 0; at < 4; at++) costs.push(await costOf(() => browser.get('/me')))
    expect(costs).toEqual([['load', 'save'], ['load', 'save'], ['load'], ['load']])
  })

  const reads = setting.rounds(READS)
  it(`takes at most 1.05 calls a read, on average over ${reads} reads ten seconds apart`, async () => {
    const browser = await begin('user')
    const calls: string[] = []
    for (let at = 0; at < reads; at++) {
      world.clock.advance(10_000)
      calls.push(...(await costOf(() => browser.get('/me'))))
    }
    expect(calls.filter((call) => call === 'load')).toHaveLength(reads)
    expect(calls.length / reads).toBeLessThanOrEqual(1.05)
    // The expiry did move.
    expect(calls).toContain('touch')
  })

  it('sends a visitor whom nobody remembers no cookie, and keeps nothing', async () => {
    const browser = world.here.browser()
    world.watched.given.length = 0
    for (const [method, path, status] of [
      ['GET', '/me', 200],
      ['HEAD', '/me', 200],
      ['GET', '/never-looks', 200],
      ['GET', '/nowhere', 404],
      ['POST', '/nowhere', 404],
      ['GET', '/fails', 500],
      ['POST', '/touch', 200],
    ] as const) {
      const answer = await browser.send(method, path)
      expect({ path, status: answer.status, setCookies: answer.setCookies }).toEqual({ path, status, setCookies: [] })
      expect(answer.headers['cache-control'], path).toBeUndefined()
    }
    expect(world.watched.given).toEqual([])
  })

  it('sends no cookie again for reads, writes and touches', async () => {
    const browser = await begin('user')
    world.clock.advance(300_000)
    for (const path of ['/me', '/never-looks', '/nowhere']) {
      expect((await browser.get(path)).setCookies, path).toEqual([])
    }
    for (const path of ['/assign', '/save', '/update', '/touch']) {
      expect((await browser.post(path, { a: path })).setCookies, path).toEqual([])
    }
  })

  it('decodes nothing, and says nothing of cookies to caches, when no handler looks', async () => {
    const browser = await begin('user')
    for (const after of [0, 300]) {
      world.clock.advance(after * 1000)
      await costOf(async () => {
        const { headers } = await browser.get('/never-looks')
        expect(headers.vary).toBeUndefined()
      })
      expect(decoded).toBe(0)
    }
    await costOf(async () => {
      const { headers } = await browser.get('/me')
      expect(headers.vary).toBe('Cookie')
    })
    expect(decoded).toBe(1)
    expect((await world.here.browser().get('/me')).headers.vary).toBe('Cookie')
    expect((await world.here.browser().get('/never-looks')).headers.vary).toBeUndefined()
  })

  if (setting.store.cannotList) return

  it('ends all of a user’s sessions in one call, however many others have', async () => {
    const { engine, clock, here } = world
    const costs = []
    for (const others of [0, setting.rounds(500)]) {
      const { body, expiresAt } = (await world.stored((await begin('user')).token.id))!
      for (let at = 0; at < others; at++) {
        await engine.create(drawId(random), { version: 1, expiresAt, principal: newUser(), body }, { now: clock() })
      }
      const user = newUser()
      for (let at = 0; at < 3; at++) await here.browser().post('/assign', { user })
      costs.push(
        await costOf(async () => {
          expect(await here.sessions.revokeAll(user)).toBe(3)
        }),
      )
    }
    expect(costs).toEqual([['removeAll'], ['removeAll']])
  })

  it('adds one list to a sign-in where sessions are limited, and one removal for each that is too many', async () => {
    const limited = await openWorld(setting, app, { maxSessions: 2 })
    try {
      const user = newUser()
      const costs = []
      for (const body of [{ cart: 1 }, { user }, { note: 'new' }]) await limited.there.browser().post('/assign', body)
      for (const first of [undefined, { cart: 1 }]) {
        const browser = limited.here.browser()
        if (first) await browser.post('/assign', first)
        limited.clock.advance(1000)
        limited.watched.takeCalls()
        await browser.post('/assign', { user })
        costs.push(limited.watched.takeCalls())
        await browser.post('/assign', { note: 'another' })
        costs.push(limited.watched.takeCalls())
      }
      expect(costs).toEqual([
        ['create', 'revokedAt', 'list'],
        ['load', 'save'],
        ['load', 'save', 'revokedAt', 'list', 'remove'],
        ['load', 'save'],
      ])
    } finally {
      await limited.close()
    }
  })
})
