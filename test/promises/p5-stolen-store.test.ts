/**
 * P5: a stolen store and an old cookie open no door. The store holds only a hash of the token's secret, and both time
 * limits are the server's, from metadata that session data cannot reach.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { App, Free } from '../support/adapters.ts'
import { type Browser, tokenOf } from '../support/client.ts'
import { newUser, openWorld, promiseSuite, type World } from '../support/promises.ts'

const IDLE = 3600
const LIFETIME = 7200
const ROTATE_EVERY = 600

const app: App = {
  routes: {
    'GET /me': ({ session }) => ({ body: { ...session } }),
    'GET /binding': ({ session }) => ({ body: session.binding }),
    'POST /assign': ({ session, body }) => {
      Object.assign(session, body)
      return {}
    },
    /** Assigns what can be assigned. */
    'POST /try': ({ session, body }) => {
      for (const [key, value] of Object.entries(body as Free)) {
        try {
          session[key] = value
        } catch {
          // The session's own names refuse: that is one way not to be reached.
        }
      }
      return {}
    },
    'POST /limit': ({ session, body }) => {
      session['user'] = newUser()
      session.limit(body as object)
      return {}
    },
    'POST /renew': async ({ session }) => {
      await session.regenerate()
      return {}
    },
    'POST /sign-out': ({ session }) => {
      delete session['user']
      return {}
    },
    'POST /logout': async ({ session }) => {
      await session.destroy()
      return {}
    },
  },
}

promiseSuite('P5', (setting) => {
  describe('what is stored', () => {
    let world: World
    beforeAll(async () => (world = await openWorld(setting, app, { idleTimeout: IDLE, rotateEvery: ROTATE_EVERY })))
    afterAll(() => world.close())
    afterEach(() => world.watched.reset())

    async function dataAt(cookie: string | undefined): Promise<unknown> {
      return JSON.parse((await world.there.browser().get('/me', { cookie: cookie ?? null })).body)
    }

    it('has the secret of no token in it, however it is spelled', async () => {
      const { watched, clock, here } = world
      const browser = here.browser()
      const secrets = new Set<string>()
      const step = async (path: string, body?: object): Promise<void> => {
        await (path.startsWith('GET ') ? browser.get(path.slice(4)) : browser.post(path, body))
        if (browser.cookie) secrets.add(browser.token.secret)
      }
      watched.given.length = 0
      await step('/assign', { cart: 1 })
      await step('/assign', { user: 'alice' })
      clock.advance(ROTATE_EVERY * 1000)
      await step('GET /me')
      await step('/assign', { cart: 2 })
      await step('/renew')
      await step('/assign', { user: 'bob' })
      await step('/sign-out')
      await step('/limit', { lifetime: 900 })
      expect(secrets.size).toBe(7)
      const { id } = browser.token

      const rows = [await world.stored(id)] as unknown[]
      for await (const row of world.engine.scan?.({ now: clock() }) ?? []) rows.push(row)
      const kept = Buffer.from(JSON.stringify(rows))
      const given = Buffer.from(watched.given.join('\n'))
      const dumped = await world.dump?.()
      for (const [where, bytes] of Object.entries({ kept, given, ...(dumped && { dumped }) })) {
        const all = Buffer.from(bytes)
        // What is looked for could be found: the hash that the record has is there.
        expect(all.includes(hashesIn(rows)[0]!), where).toBe(true)
        for (const secret of secrets) {
          for (const form of formsOf(secret))
            expect(all.includes(form), `${where}, ${form.toString('latin1')}`).toBe(false)
        }
      }
      await step('/logout')
    })

    it('says nothing of the token to those who list and read sessions', async () => {
      const user = newUser()
      const browser = world.here.browser()
      await browser.post('/assign', { user })
      const { id, secret } = browser.token
      const told: unknown[] = [await world.here.sessions.read(id)]
      if (world.engine.list) for await (const info of world.here.sessions.list(user)) told.push(info)
      const text = JSON.stringify(told)
      expect(text).toContain(id)
      expect(text).not.toContain(secret)
      for (const hash of hashesIn(await world.stored(id))) expect(text).not.toContain(hash)
    })

    it('opens nothing: not by its key, its hash, its binding, nor anything else that is written there', async () => {
      const browser = world.here.browser()
      await browser.post('/assign', { user: newUser() })
      const { id } = browser.token
      const binding = (await browser.get('/binding')).body
      const before = await world.stored(id)
      const stolen = [binding, ...hashesIn(before), ...wordsIn(before)]
      expect(stolen.length).toBeGreaterThanOrEqual(3)
      const values = [id, `${id}.`, `.${id}`, `${id}.${id}`, ...stolen.flatMap((word) => [word, `${id}.${word}`])]
      let loads = 0
      for (const value of values) {
        for (const [method, path] of [
          ['GET', '/me'],
          ['POST', '/logout'],
        ] as const) {
          world.takeEvents()
          world.watched.takeCalls()
          const { status, body } = await world.here.browser().send(method, path, { cookie: `sid=${value}` })
          expect({ status, body }, value).toEqual({ status: 200, body: method === 'GET' ? '{}' : '' })
          // It is loaded if it has the form of a token, and that is all that happens.
          const calls = world.watched.takeCalls()
          expect([[], ['load']], value).toContainEqual(calls)
          loads += calls.length
          const bad = [{ type: 'bad-token', id }]
          expect(world.takeEvents(), value).toMatchObject(calls.length === 1 ? bad : [])
          expect(await world.stored(id), value).toEqual(before)
        }
      }
      // The hash and the binding at least have that form.
      expect(loads).toBeGreaterThanOrEqual(4)
      // Who writes with it writes to a session of their own.
      const thief = world.here.browser(`sid=${id}.${binding}`)
      await thief.post('/assign', { user: 'mallory' })
      expect(thief.token.id).not.toBe(id)
      expect(await world.stored(id)).toEqual(before)
      expect(await dataAt(browser.cookie)).toMatchObject({ user: expect.stringContaining('user-') as unknown })
    })

    it('keeps its form, whatever a label or a value has in it', async () => {
      const forged = 'x\n1 AAAA BBBB 0 - - zzzzzzzzz\n{"user":"mallory"}'
      const { sessions } = world.here
      const session = await sessions.open({ cookie: null, secure: false, userAgent: forged, address: forged })
      Object.assign(session, { user: 'alice', note: forged, [forged]: forged })
      await sessions.commit(session)
      const read = await sessions.read(session.id)
      expect(read?.data).toEqual({ user: 'alice', note: forged, [forged]: forged })
      expect(read?.info).toMatchObject({ principal: 'alice', userAgent: forged, address: forged })
    })
  })

  describe.each([
    ['another namespace', { namespace: 'other' }, 'sid'],
    ['another cookie name', { cookie: { name: 'other' } }, 'other'],
  ] as const)('a token of %s on the same store', (_, options, name) => {
    let world: World
    beforeAll(async () => (world = await openWorld(setting, app, {}, { options })))
    afterAll(() => world.close())

    it('opens nothing', async () => {
      for (const data of [{ cart: 1 }, { user: newUser() }]) {
        const browser = world.there.browser()
        await browser.post('/assign', data)
        const { id, secret } = browser.token
        const before = await world.stored(id)
        for (const path of ['/me', '/logout']) {
          const cookie = `${name}=${id}.${secret}`
          const { body } = await world.here.browser().send(path === '/me' ? 'GET' : 'POST', path, { cookie })
          expect(body).toBe(path === '/me' ? '{}' : '')
          expect(await world.stored(id)).toEqual(before)
        }
        expect(JSON.parse((await browser.get('/me')).body)).toEqual(data)
      }
    })
  })

  describe('the time limits', () => {
    let world: World
    beforeAll(async () => (world = await openWorld(setting, app, { idleTimeout: IDLE, lifetime: LIFETIME })))
    afterAll(() => world.close())

    async function begin(data: object): Promise<Browser> {
      const browser = world.here.browser()
      await browser.post('/assign', data)
      return browser
    }

    /** Looks from the other process, with a cookie that the client keeps whatever its Max-Age says. */
    async function isThere(browser: Browser): Promise<boolean> {
      const { body } = await world.there.browser(browser.cookie).get('/me')
      await world.watched.idle()
      return body !== '{}'
    }

    /** Lets time pass with a request every so often, and tells how long the session lasted. */
    async function lastsMs(browser: Browser, everyMs: number, mostMs: number): Promise<number> {
      for (let ms = everyMs; ms <= mostMs; ms += everyMs) {
        world.clock.advance(everyMs)
        if (!(await isThere(browser))) return ms
      }
      return Infinity
    }

    it('end a session that nobody used for so long, to the millisecond', async () => {
      const browser = await begin({ user: newUser() })
      world.clock.advance(IDLE * 1000 - 1)
      const twin = await begin({ user: newUser() })
      expect(await isThere(browser)).toBe(true)
      world.clock.advance(IDLE * 1000)
      expect(await isThere(browser)).toBe(false)
      expect(await isThere(twin)).toBe(false)
    })

    it('end a session that is used all the time', async () => {
      expect(await lastsMs(await begin({ user: newUser() }), 600_000, LIFETIME * 3000)).toBe(LIFETIME * 1000)
    })

    it('end a session that is written to all the time', async () => {
      const browser = await begin({ user: newUser() })
      const { cookie } = browser
      for (let ms = 0; ms < LIFETIME * 1000; ms += 600_000) {
        expect((await browser.post('/assign', { count: ms })).setCookies).toEqual([])
        world.clock.advance(600_000)
      }
      expect(await isThere(browser)).toBe(false)
      // What is written then is another session's.
      await browser.post('/assign', { count: 'late' })
      expect(browser.token.id).not.toBe(tokenOf(cookie).id)
    })

    it('cannot be raised above the configured ones by limit()', async () => {
      const browser = world.here.browser()
      await browser.post('/limit', { idleTimeout: 1e9, lifetime: 1e9 })
      expect(await lastsMs(browser, 600_000, LIFETIME * 3000)).toBe(LIFETIME * 1000)
      const idle = world.here.browser()
      await idle.post('/limit', { idleTimeout: 1e9, lifetime: 1e9 })
      world.clock.advance(IDLE * 1000)
      expect(await isThere(idle)).toBe(false)
    })

    it('are lowered by limit() for one session alone', async () => {
      const [short, usual] = [world.here.browser(), await begin({ user: newUser() })]
      await short.post('/limit', { idleTimeout: 60 })
      world.clock.advance(60_000)
      expect(await isThere(short)).toBe(false)
      expect(await isThere(usual)).toBe(true)
    })

    describe('are out of the data’s reach', () => {
      const NAMES =
        'cookie lifetime idleTimeout idleMs lifetimeMs maxAge originalMaxAge expires expiresAt createdAt startedAt ' +
        'savedAt authenticatedAt rotatedAt lastSeenAt metadata limits version principal hash mark previous body text ' +
        'id isNew binding touch limit'
      const far = 4e15
      const values: Record<string, unknown> = {
        'a number': far,
        'a date': '9999-12-31T00:00:00.000Z',
        'an object': { maxAge: far, expires: far, originalMaxAge: far, expiresAt: far, startedAt: far, lifetime: far },
        nothing: null,
      }

      it.each(Object.keys(values))('%s under any of their names', async (name) => {
        const data = Object.fromEntries(NAMES.split(' ').map((key) => [key, values[name]]))
        const attempt = async (): Promise<Browser> => {
          const browser = world.here.browser()
          await browser.post('/try', { user: newUser() })
          await browser.post('/try', { ...data, kept: true })
          return browser
        }
        const usual = await begin({ user: newUser() })
        const browser = await attempt()
        const [record, control] = [await world.stored(browser.token.id), await world.stored(usual.token.id)]
        expect(record?.expiresAt).toBe(control?.expiresAt)
        expect(JSON.parse((await browser.get('/me')).body)).toMatchObject({ kept: true, maxAge: values[name] })
        expect(await lastsMs(browser, 600_000, LIFETIME * 3000)).toBe(LIFETIME * 1000)
        const idle = await attempt()
        world.clock.advance(IDLE * 1000)
        expect(await isThere(idle)).toBe(false)
      })
    })
  })
})

// --- internal ---

/** The texts that have the form of a hash, in what a store gave. */
function hashesIn(stored: unknown): string[] {
  return JSON.stringify(stored).match(/(?<![\w-])[\w-]{43}(?![\w-])/g) ?? []
}

/** The words of a record's line of metadata. */
function wordsIn(stored: unknown): string[] {
  return (stored as { body: string }).body
    .split('\n', 1)[0]!
    .split(' ')
    .filter((word) => /^[\w-]{2,}$/.test(word))
}

/** The ways to spell a secret: as it is, its bytes, and each of these in hex and, at any offset, in base64. */
function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret, 'base64url')
  return [Buffer.from(secret), bytes].flatMap((raw) => {
    const hex = raw.toString('hex')
    const encoded = [0, 1, 2].flatMap((offset) => {
      const padded = Buffer.concat([Buffer.alloc(offset), raw])
      // The characters that share their bits with what may stand before and after are left out.
      const inner = (text: string): string => text.replaceAll('=', '').slice(3, -2)
      return [inner(padded.toString('base64')), inner(padded.toString('base64url'))]
    })
    return [raw, ...[hex, hex.toUpperCase(), ...encoded].map((text) => Buffer.from(text))]
  })
}
