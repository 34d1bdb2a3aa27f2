/** Cookie, Session, Store and MemoryStore, and what the call refuses: of express-session and of the drop-in, alike. */
import { execFileSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { inherits } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { warnings } from '../support/warnings.ts'
import { type AnyStore, DROP_IN, EXPRESS_SESSION, type Library } from './_libraries.ts'

const NOW = 1_700_000_000_000
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: NOW }))
afterEach(() => void vi.useRealTimers())

type Found = (error?: unknown, row?: unknown) => void

const found = (ask: (found: Found) => void): Promise<unknown> =>
  new Promise((resolve, reject) => ask((error, row) => (error ? reject(error) : resolve(row))))

describe.each([
  ['express-session', EXPRESS_SESSION],
  ['the drop-in', DROP_IN],
] as const)('%s', (_, library: Library) => {
  const { Cookie, MemoryStore, Session, Store } = library

  describe('a cookie', () => {
    it('has its defaults', () => {
      const cookie = new Cookie()
      expect({ ...cookie.data }).toEqual({ originalMaxAge: null, expires: null, httpOnly: true, path: '/' })
      expect(JSON.stringify(cookie)).toBe('{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}')
      expect(cookie.maxAge).toBeNull()
    })

    it.each([['a text'], [42], [true]])('is of no %s', (options) => {
      expect(() => new Cookie(options)).toThrow(new TypeError('argument options must be a object'))
    })

    it.each([[undefined], [null], [false], [0]])('takes %s for no options', (options) => {
      expect(new Cookie(options).data).toMatchObject({ path: '/' })
    })

    it('takes options of every kind, also such as it does not know', () => {
      const cookie = new Cookie({ path: '/a', httpOnly: false, domain: 'a.b', odd: 1, data: { path: '/x' } })
      expect(cookie).toMatchObject({ path: '/a', httpOnly: false, domain: 'a.b', odd: 1 })
      expect(cookie.serialize('sid', 'a b')).toBe('sid=a%20b; Domain=a.b; Path=/a')
    })

    it('takes options that are inherited', () => {
      expect(new Cookie(Object.create({ path: '/inherited' }))).toMatchObject({ path: '/inherited' })
    })

    it.each([
      [{ maxAge: 1000, expires: new Date(NOW + 5000) }, 5000],
      [{ expires: new Date(NOW + 5000), maxAge: 1000 }, 1000],
    ])('follows the last of expires and maxAge', (options, age) => {
      const cookie = new Cookie(options)
      expect([cookie.maxAge, cookie.originalMaxAge]).toEqual([age, age])
    })

    it('counts down, and is over afterwards', () => {
      const cookie = new Cookie({ maxAge: 1000 })
      vi.setSystemTime(NOW + 400)
      expect([cookie.maxAge, cookie.originalMaxAge]).toEqual([600, 1000])
      vi.setSystemTime(NOW + 1400)
      expect(cookie.maxAge).toBe(-400)
    })

    it('is told its end in either way', () => {
      const cookie = new Cookie()
      cookie.expires = new Date(NOW + 2000)
      expect([cookie.maxAge, cookie.originalMaxAge]).toEqual([2000, 2000])
      cookie.maxAge = null
      expect([cookie.expires, cookie.originalMaxAge]).toEqual([null, null])
      cookie.maxAge = 3000
      expect(cookie.expires).toEqual(new Date(NOW + 3000))
      cookie['expires'] = false as never
      expect(cookie.maxAge).toBe(false)
    })

    it.each([['5000'], [{}], [[]]])('lasts for no %s', (maxAge) => {
      const cookie = new Cookie()
      expect(() => (cookie.maxAge = maxAge as never)).toThrow(new TypeError('maxAge must be a number or Date'))
    })

    it('is written with every attribute, in their order', () => {
      const options = {
        maxAge: 1000,
        domain: '.example.org',
        path: '/p',
        secure: true,
        partitioned: true,
        priority: 'Medium',
        sameSite: true,
      }
      expect(new Cookie(options).serialize('a', 'b')).toBe(
        'a=b; Domain=.example.org; Path=/p; Expires=Tue, 14 Nov 2023 22:13:21 GMT; HttpOnly; Secure; Partitioned; Priority=Medium; SameSite=Strict',
      )
    })

    it.each([
      [{ sameSite: 'odd' }, 'option sameSite is invalid'],
      [{ priority: 'odd' }, 'option priority is invalid'],
      [{ domain: 'a b' }, 'option domain is invalid'],
      [{ path: '/;' }, 'option path is invalid'],
      [{ expires: 'tomorrow' }, 'option expires is invalid'],
      [{ expires: new Date(Number.NaN) }, 'option expires is invalid'],
    ])('is not written with %o', (options, message) => {
      expect(() => new Cookie(options).serialize('a', 'b')).toThrow(new TypeError(message))
    })

    it('is not written under a name that is none', () => {
      expect(() => new Cookie().serialize('a b', 'c')).toThrow(new TypeError('argument name is invalid'))
    })
  })

  describe('a session', () => {
    const request = { sessionID: 'the id', sessionStore: {} }

    it('has request and id, which nobody sees among the data', () => {
      const session = new Session(request, { a: 1 })
      expect(session.id).toBe('the id')
      expect(session['req']).toBe(request)
      expect(Object.keys(session)).toEqual(['a'])
      expect(() => ((session as { id: string }).id = 'x')).toThrow(TypeError)
    })

    it('leaves out data under the names of its own', () => {
      const names = { save: 1, touch: 2, id: 3, req: 4, constructor: 5, toString: 6, a: 7 }
      expect(Object.keys(new Session(request, names))).toEqual(['a'])
    })

    it.each([[undefined], [null], ['text'], [7]])('takes %s for no data', (data) => {
      expect(Object.keys(new Session(request, data))).toEqual([])
    })

    it('begins its life anew when it is touched', () => {
      const session = new Session(request, { cookie: new Cookie({ maxAge: 1000 }) })
      vi.setSystemTime(NOW + 400)
      expect(session.touch()).toBe(session)
      expect(session.resetMaxAge()).toBe(session)
      expect(session.cookie.maxAge).toBe(1000)
    })
  })

  describe('the base of stores', () => {
    function Old(this: { rows?: object }): void {
      Store.call(this)
      this.rows = {}
    }
    inherits(Old, Store)

    it.each<[string, () => AnyStore]>([
      ['a function that inherits', () => new (Old as unknown as new () => AnyStore)()],
      ['a class that extends', () => new (class extends Store {})()],
      ['itself', () => new Store()],
    ])('serves %s', async (_, make) => {
      const store = make()
      expect(store).toBeInstanceOf(Store)
      expect(store).toBeInstanceOf(EventEmitter)
      const heard = once(store as never, 'connect')
      store.emit('connect')
      await heard
    })

    it('makes a session of a row', () => {
      const expires = new Date(NOW + 500).toISOString()
      const request = { sessionID: 'id' } as { sessionID: string; session?: object }
      const row = { cookie: { originalMaxAge: 1000, expires, httpOnly: true, path: '/' }, a: 1 }
      const session = new Store().createSession(request, row)
      expect(request.session).toBe(session)
      expect(session).toBeInstanceOf(Session)
      expect(session).toMatchObject({ a: 1, cookie: { originalMaxAge: 1000, expires: new Date(NOW + 500) } })
      expect(session.cookie).toBeInstanceOf(Cookie)
    })

    it('takes an expiry that is a date already', () => {
      const row = { cookie: { originalMaxAge: 1000, expires: new Date(NOW + 500) } }
      expect(new Store().createSession({ sessionID: 'id' }, row).cookie.maxAge).toBe(500)
    })

    it('loads a session outside of any request, which can be changed and saved', async () => {
      const store = new MemoryStore()
      store.set('id', { cookie: {}, a: 1 })
      const session = (await found((done) => store.load('id', done))) as InstanceType<typeof Session>
      session['a'] = 2
      await new Promise((resolve) => void session.save(resolve))
      expect(JSON.parse(store.sessions['id']!)).toMatchObject({ a: 2 })
      await new Promise((resolve) => void session.destroy(resolve))
      expect(store.sessions).not.toHaveProperty('id')
      expect(await found((done) => store.load('id', done))).toBeUndefined()
    })

    it('tells what a load met with', async () => {
      const store = new MemoryStore()
      store.get = (_, done) => done(new Error('no'))
      await expect(found((done) => store.load('id', done))).rejects.toMatchObject({ message: 'no' })
    })

    it('regenerates with the ids that the call was given', async () => {
      const store = new MemoryStore()
      library({ secret: 'a', store, resave: false, saveUninitialized: false, genid: () => 'new' })
      store.set('old', { cookie: {} })
      const request = { sessionID: 'old', sessionStore: store, headers: {}, socket: {} }
      await new Promise((resolve) => store.regenerate(request, resolve))
      expect(request).toMatchObject({ sessionID: 'new', session: { id: 'new' } })
      expect(Object.keys(store.sessions)).toEqual([])
    })
  })

  describe('the memory store', () => {
    let store: AnyStore
    beforeEach(() => {
      store = new MemoryStore()
      store.set('a', { cookie: {}, n: 1 })
      store.set('b', { cookie: { expires: new Date(NOW + 1000) }, n: 2 })
    })

    it('keeps texts', () => {
      expect(store.sessions['a']).toBe('{"cookie":{},"n":1}')
      expect(Object.getPrototypeOf(store.sessions)).toBeNull()
    })

    it('gives what it has, and nothing of what it has not', async () => {
      expect(await found((done) => store.get('a', done))).toEqual({ cookie: {}, n: 1 })
      expect(await found((done) => store.get('c', done))).toBeUndefined()
    })

    it('forgets what has expired when it is asked for it', async () => {
      vi.setSystemTime(NOW + 1000)
      expect(await found((done) => store.get('b', done))).toBeUndefined()
      expect(Object.keys(store.sessions)).toEqual(['a'])
    })

    it('gives all by their ids, counts them, and forgets them', async () => {
      expect(await found((done) => store.all(done))).toEqual({
        a: { cookie: {}, n: 1 },
        b: { cookie: { expires: new Date(NOW + 1000).toISOString() }, n: 2 },
      })
      expect(await found((done) => store.length(done))).toBe(2)
      vi.setSystemTime(NOW + 1000)
      expect(await found((done) => store.length(done))).toBe(1)
      await new Promise<void>((resolve) => store.clear(() => resolve()))
      expect(await found((done) => store.length(done))).toBe(0)
    })

    it('moves the end of what it has, and nothing else of it', async () => {
      const cookie = { expires: new Date(NOW + 9000) }
      await new Promise<void>((resolve) => store.touch('b', { cookie, n: 3 }, () => resolve()))
      await new Promise<void>((resolve) => store.touch('c', { cookie }, () => resolve()))
      expect(await found((done) => store.get('b', done))).toMatchObject({
        cookie: { expires: cookie.expires.toISOString() },
        n: 2,
      })
      expect(store.sessions).not.toHaveProperty('c')
    })

    it.each([
      '{"cookie":{"originalMaxAge":null,"expires":null,"path":"/\\"}{,"},"user":"a"}',
      '{"cookie":{},"cookies":{"cookie":{"path":"/kept"}}}',
      '{"user":{"cookie":{"path":"/kept"}},"cookie":{"path":"/"}}',
      '{"cookie":{"sameSite":{"strict":"}"}},"user":"a"}',
      '{"cookie":{"path":"/"}}',
    ])('changes the cookie in %s, wherever that stands', (text) => {
      store.sessions['id'] = text
      store.touch('id', { cookie: { path: '/new' } })
      expect(store.sessions['id']).toBe(JSON.stringify({ ...JSON.parse(text), cookie: { path: '/new' } }))
    })

    it('does its work whether or not anybody listens', () => {
      store.touch('b', { cookie: {} })
      store.destroy('a')
      expect(Object.keys(store.sessions)).toEqual(['b'])
      store.clear()
      store.all()
      expect(Object.keys(store.sessions)).toEqual([])
    })

    it('calls back later, never at once', async () => {
      let called = false
      const later = new Promise<void>((resolve) => store.set('x', { cookie: {} }, () => ((called = true), resolve())))
      expect(called).toBe(false)
      await later
    })
  })

  describe('the call', () => {
    const right = { secret: 'a', resave: false, saveUninitialized: false }

    it.each([
      [{ genid: 'id' }, 'genid option must be a function'],
      [{ unset: 'erase' }, 'unset option must be "destroy" or "keep"'],
      [{ secret: [] }, 'secret option array must contain one or more strings'],
    ])('refuses %o', (options, message) => {
      expect(() => library({ ...right, ...options })).toThrow(new TypeError(message))
    })

    it('gives a middleware of three parameters, and lays generate() on the store', () => {
      const store = new MemoryStore()
      expect(library({ ...right, store })).toHaveLength(3)
      expect(store.generate).toBeTypeOf('function')
    })

    it('goes on with what is there, where there is a session already', () => {
      const request = { session: {}, headers: {} }
      const next = vi.fn()
      library(right)(request as never, {} as never, next)
      expect(next).toHaveBeenCalledWith()
      expect(request).toEqual({ session: {}, headers: {} })
    })
  })
})

describe('what the drop-in warns of', () => {
  it('is what express-session warns of, in the same words, but once', async () => {
    const theirs: string[] = []
    const listener = (warning: { namespace: string; message: string }): void => {
      theirs.push(`${warning.namespace} deprecated ${warning.message}`)
    }
    const make = (library: Library): void => {
      library({ store: new library.MemoryStore() })
      expect(new library.Cookie({ maxAge: new Date() }).maxAge).toBe(0)
    }
    process.on('deprecation' as never, listener as never)
    make(EXPRESS_SESSION)
    process.off('deprecation', listener)
    vi.useRealTimers()
    const ours = await warnings(() => [make(DROP_IN), make(DROP_IN)])
    expect(ours.map(({ message }) => message).toSorted()).toEqual(theirs.toSorted())
    expect(theirs).toHaveLength(4)
  })

  it('in production is its MemoryStore too', async () => {
    vi.useRealTimers()
    vi.stubEnv('NODE_ENV', 'production')
    const [warning] = await warnings(() => DROP_IN({ secret: 'a', resave: false, saveUninitialized: false }))
    expect(warning?.message).toBe(
      'Warning: connect.session() MemoryStore is not\ndesigned for a production environment, as it will leak\nmemory, and will not scale past a single process.',
    )
  })
})

describe('the call of the drop-in', () => {
  it.each([[Infinity], [Number.NaN], [-1], [0], [2_147_484], ['5'], [null]])(
    'refuses a storeTimeout of %s, with which every call would be late',
    (storeTimeout) => {
      const call = (): unknown => DROP_IN({ secret: 'a', resave: false, saveUninitialized: false, storeTimeout })
      expect(call).toThrow(
        expect.objectContaining({
          code: 'ERR_SOJOURN_CONFIG',
          message: expect.stringMatching(/^storeTimeout .*; give for example 5$/) as string,
        }),
      )
    },
  )
})

describe('the memory store of the drop-in', () => {
  it.each(['', '{', '{"cookie":{"path":"/}', '{"cookie":{path},"user":"a"}', 'null', '[]'])(
    'does not touch %j, which is no session',
    (text) => {
      const store = new DROP_IN.MemoryStore()
      store.sessions['id'] = text
      store.touch('id', { cookie: { path: '/new' } })
      expect(store.sessions['id']).toBe(text)
    },
  )
})

describe('the built module', () => {
  it('is the callable itself to require(), with the classes beside it', () => {
    const program = `
      const session = require('sojourn/express-session')
      import('sojourn/express-session').then((module) => {
        const same = [session === module.default, session.Store === module.Store]
        console.log(typeof session, Object.keys(session).sort().join(), ...same)
      })`
    const said = execFileSync(process.execPath, ['--no-warnings', '-e', program], { encoding: 'utf8' })
    expect(said).toBe('function Cookie,MemoryStore,Session,Store true true\n')
  })
})
