import { describe, expect, it } from 'vitest'
import { ROTATION_GRACE_MS } from '../../src/core/judge.ts'
import { DAY, HOUR, scene, type Scene, type SceneOptions, SECOND, settled, type TestData } from '../support/scene.ts'
import type { Visitor } from '../support/visitor.ts'

/** A visitor whose token is due to be replaced, and others who hold the same token: requests that come in parallel. */
async function due(
  options: SceneOptions = {},
): Promise<{ app: Scene; alice: Visitor<TestData>; late: Visitor<TestData> }> {
  const app = scene({ rotateEvery: 3600, ...options })
  const alice = await app.signedIn()
  app.clock.advance(HOUR)
  return { app, alice, late: alice.copy() }
}

const isAlive = async (visitor: Visitor<TestData>): Promise<boolean> => !(await visitor.open()).isNew

describe('a token that is as old as it may be', () => {
  it('is replaced by a request that only reads, in one write', async () => {
    const { app, alice, late } = await due()
    const { plan, cookie } = await alice.visit((session) => session.user)
    expect(plan).toBe('save')
    expect(app.store.calls).toEqual(['load', 'save'])
    expect(cookie).toContain(`__Host-sid=${alice.token}; Max-Age=`)
    expect([alice.secret === late.secret, alice.token.split('.')[0]]).toEqual([false, late.token.split('.')[0]])
    expect((await alice.open()).user).toEqual({ id: 'alice' })
    expect(app.takeTold()).toEqual(['rotated'])
  })

  it('is not replaced a millisecond before, nor again before it is old again', async () => {
    const app = scene({ rotateEvery: 3600 })
    const alice = await app.signedIn()
    app.clock.advance(HOUR - SECOND - 1)
    expect((await alice.visit()).cookie).toBeUndefined()
    app.clock.advance(1)
    expect((await alice.visit()).cookie).toBeDefined()
    app.clock.advance(HOUR - 1)
    expect((await alice.visit()).cookie).toBeUndefined()
    app.clock.advance(1)
    expect((await alice.visit()).cookie).toBeDefined()
  })

  it('is replaced together with what the handler stores', async () => {
    const { app, alice } = await due()
    await alice.visit((session) => (session['a'] = 1))
    expect(app.store.calls).toEqual(['load', 'save'])
    expect((await alice.open())['a']).toBe(1)
  })

  it('lives on when replacing it fails: the response is none the worse', async () => {
    const { app, alice } = await due()
    app.store.fail('save')
    expect(await alice.visit((session) => session.user)).toMatchObject({ plan: 'nothing', cookie: undefined })
    expect((await alice.visit()).cookie).toBeDefined()
  })

  it('makes the commit fail when the handler had something to store as well', async () => {
    const { app, alice } = await due()
    app.store.fail('save')
    await expect(alice.visit((session) => (session['a'] = 1))).rejects.toMatchObject({ code: 'ERR_SOJOURN_STORE' })
  })
})

describe('the token before', () => {
  it('is good until the new one was seen, and each request with it is handed that same new one', async () => {
    const { app, alice, late } = await due()
    await alice.visit()
    const others = [late.copy(), late.copy(), late.copy()]
    app.clock.advance(12 * HOUR)
    for (const other of others) {
      expect((await other.visit()).cookie).toContain(alice.token)
      expect(other.token).toBe(alice.token)
    }
    expect(app.takeTold()).toEqual(['rotated'])
  })

  it('signs nobody out when the response with the new one was lost', async () => {
    const { alice, late } = await due()
    await alice.visit()
    for (let visits = 0; visits < 3; visits++) {
      const retry = late.copy()
      await retry.visit()
      expect((await late.open()).user).toEqual({ id: 'alice' })
    }
  })

  it('is handed the same new one by requests that all wanted to replace it', async () => {
    const { app, alice } = await due({ slow: true })
    const parallel = [alice, alice.copy(), alice.copy(), alice.copy()]
    const held = app.store.hold('save')
    const sessions = await Promise.all(parallel.map((each) => each.open()))
    const finished = Promise.all(parallel.map((each, at) => each.finish(sessions[at]!)))
    await held.reached
    await settled()
    held.open()
    await finished
    expect(new Set(parallel.map(({ token }) => token)).size).toBe(1)
    expect((await alice.open()).user).toEqual({ id: 'alice' })
    expect(app.takeTold()).toEqual(['rotated'])
  })

  it('is handed the same one by processes that know nothing of each other', async () => {
    const { app, alice, late } = await due()
    const there = app.beside().sessions
    const slow = await there.open({ cookie: late.cookie, secure: true })
    await alice.visit()
    const { headers } = await there.commit(slow)
    expect(headers[0]?.[1]).toContain(`=${alice.token};`)
  })

  it('has its writes merged, in sight of the new one and after', async () => {
    const { app, alice, late } = await due()
    const slow = await late.open()
    slow['early'] = true
    await alice.visit((session) => (session['a'] = 1))
    expect((await late.finish(slow)).plan).toBe('save')
    const again = alice.copy()
    await again.visit((session) => (session['b'] = 2))
    expect({ ...(await alice.open()) }).toEqual({ user: { id: 'alice' }, early: true, a: 1, b: 2 })
    expect(app.takeTold()).not.toContain('dropped-write')
  })

  it('is not handed on by a write that does not replace it: the new one is still unseen', async () => {
    const { alice, late } = await due()
    await alice.visit()
    const writing = late.copy()
    expect((await writing.visit((session) => (session['a'] = 1))).cookie).toContain(alice.token)
    expect((await late.copy().visit()).cookie).toContain(alice.token)
  })
})

describe('the new token, once seen', () => {
  /** The same, when the new token has been seen. */
  async function confirmed(options: SceneOptions = {}): Promise<Awaited<ReturnType<typeof due>>> {
    const all = await due(options)
    await all.alice.visit()
    await all.alice.visit()
    all.app.store.calls.length = 0
    all.app.takeTold()
    return all
  }

  it('is confirmed by one write, and no more is known of it than its instant', async () => {
    const { app, alice, late } = await due()
    await alice.visit()
    const [id] = alice.token.split('.')
    expect(app.rows.get(id!)?.body).toContain('"sealed"')
    app.store.calls.length = 0
    expect((await alice.visit()).plan).toBe('save')
    expect((await alice.visit()).plan).toBe('nothing')
    expect(app.store.calls).toEqual(['load', 'save', 'load'])
    expect(app.rows.get(id!)?.body).not.toContain('"sealed"')
    expect((await late.visit()).cookie).toBeUndefined()
  })

  it('leaves the one before a grace, in which it reads and its writes merge', async () => {
    const { app, alice, late } = await confirmed()
    app.clock.advance(ROTATION_GRACE_MS)
    expect((await late.visit((session) => (session['late'] = true))).plan).toBe('save')
    expect((await alice.open())['late']).toBe(true)
    expect(app.takeTold()).toEqual([])
  })

  it('ends the one before after the grace, with an event, and disturbs nobody', async () => {
    const { app, alice, late } = await confirmed()
    app.clock.advance(ROTATION_GRACE_MS + 1)
    expect(await isAlive(late)).toBe(false)
    expect(app.takeTold()).toEqual(['token-reuse'])
    expect(app.events.at(-1)).toMatchObject({ id: alice.token.split('.')[0], principal: 'alice' })
    expect(await isAlive(alice)).toBe(true)
  })

  it('has a write dropped that the one before began within its grace and finished after', async () => {
    const { app, alice, late } = await confirmed()
    const slow = await late.open()
    slow['late'] = true
    app.clock.advance(ROTATION_GRACE_MS + 1)
    expect((await late.finish(slow)).plan).toBe('dropped')
    expect((await alice.open())['late']).toBeUndefined()
  })

  it.each([false, true])(
    'ends the session when the one before is used again, by option (slow store: %s)',
    async (slow) => {
      const { app, alice, late } = await confirmed({ onTokenReuse: 'destroy', slow })
      app.clock.advance(ROTATION_GRACE_MS + 1)
      const { headers } = await late.visit()
      expect(headers).toEqual([['Vary', 'Cookie']])
      expect(app.rows.size).toBe(0)
      expect(app.takeTold()).toEqual(['token-reuse', 'destroyed'])
      expect(await isAlive(alice)).toBe(false)
    },
  )

  it('leaves the request anonymous when ending the session fails', async () => {
    const { app, late } = await confirmed({ onTokenReuse: 'destroy' })
    app.clock.advance(ROTATION_GRACE_MS + 1)
    app.store.fail('remove')
    expect((await late.visit()).plan).toBe('nothing')
    expect(app.takeTold()).toEqual(['token-reuse', 'store-error'])
  })

  it('is remembered for one token back only: the one before that is a bad token', async () => {
    const { app, alice, late } = await confirmed()
    app.clock.advance(HOUR)
    await alice.visit()
    expect(await isAlive(late)).toBe(false)
    expect(app.takeTold()).toEqual(['rotated', 'bad-token'])
  })
})

describe('where reuse ends the session, no false alarm does', () => {
  it.each<[string, (all: Awaited<ReturnType<typeof due>>) => Promise<unknown>]>([
    [
      'parallel requests that all came with the old token',
      async ({ alice, late }) => {
        const parallel = [alice, late, late.copy(), late.copy()]
        const sessions = await Promise.all(parallel.map((each) => each.open()))
        for (const [at, each] of parallel.entries()) await each.finish(sessions[at]!)
      },
    ],
    [
      'a response that was lost, and its retries',
      async ({ late }) => {
        for (let tries = 0; tries < 3; tries++) await late.copy().visit()
      },
    ],
    [
      'a browser that comes back with the cookie from before, hours later',
      async ({ app, alice, late }) => {
        await alice.visit()
        app.clock.advance(12 * HOUR)
        await late.copy().visit((session) => (session['back'] = true))
      },
    ],
    [
      'a request that was under way when the new token was first seen',
      async ({ app, alice, late }) => {
        const slow = await late.open()
        slow['slow'] = true
        await alice.visit()
        await alice.visit()
        app.clock.advance(ROTATION_GRACE_MS)
        await late.finish(slow)
        await late.copy().visit()
      },
    ],
  ])('%s', async (_, happens) => {
    const all = await due({ onTokenReuse: 'destroy' })
    await happens(all)
    expect(all.app.takeTold().filter((type) => type !== 'conflict')).toEqual(['rotated'])
    expect((await all.late.open()).user).toEqual({ id: 'alice' })
  })
})

describe('a change of principal during rotation', () => {
  it.each<[string, (visitor: Visitor<TestData>) => Promise<unknown>]>([
    ['a sign-out', (visitor) => visitor.visit((session) => delete session.user)],
    ['another person', (visitor) => visitor.visit((session) => (session.user = { id: 'bob' }))],
    ['regenerate', (visitor) => visitor.visit((session) => session.regenerate())],
  ])('by %s leaves no grace to either token before', async (_, change) => {
    const { app, alice, late } = await due()
    await alice.visit()
    const seen = alice.copy()
    await change(alice)
    expect([await isAlive(alice), await isAlive(seen), await isAlive(late)]).toEqual([true, false, false])
    expect((await late.visit()).cookie).toBeUndefined()
    expect(app.takeTold()).not.toContain('token-reuse')
  })

  it('may be made with the token before, as long as that is good', async () => {
    const { alice, late } = await due()
    await alice.visit()
    await late.visit((session) => (session.user = { id: 'bob' }))
    expect((await late.open()).user).toEqual({ id: 'bob' })
    expect(await isAlive(alice)).toBe(false)
  })
})

describe('periodic rotation', () => {
  it('does not lengthen a life', async () => {
    const app = scene({ rotateEvery: 3600, lifetime: 86_400 })
    const alice = await app.signedIn()
    for (let hours = 1; hours < 24; hours++) {
      app.clock.advance(HOUR)
      await alice.visit()
    }
    expect(await isAlive(alice)).toBe(true)
    app.clock.advance(HOUR)
    expect(await isAlive(alice)).toBe(false)
  })

  it('does not happen by default', async () => {
    const app = scene()
    const alice = await app.signedIn()
    for (let days = 0; days < 29; days++) {
      app.clock.advance(DAY - SECOND)
      expect((await alice.visit()).cookie).toBeUndefined()
    }
  })
})
