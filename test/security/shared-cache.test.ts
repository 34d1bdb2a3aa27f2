/** Behind a shared cache nobody gets what is another's: H01 to H04. The cache is as greedy as RFC 9111 lets it be. */
import { createRequire } from 'node:module'
import express from 'express'
import { describe, expect, it } from 'vitest'
import { fakeClock } from '../../src/testing/clock.ts'
import { type Handler, type Req, serve, stage } from '../adapters/_stage.ts'
import type { Ask, Reply } from '../adapters/_wire.ts'
import { CACHES, SharedCache } from '../support/shared-cache.ts'

// Required, so that its types do not declare `req.session` for every test.
const expressSession = createRequire(import.meta.url)('express-session') as (options: object) => express.RequestHandler

type Headers = Readonly<Record<string, string>>

/** What handlers say of their own responses. */
const SAYINGS: readonly Headers[] = [
  {},
  { 'Cache-Control': 'public, max-age=600' },
  { 'Cache-Control': 'max-age=600' },
  { 'Cache-Control': 's-maxage=600' },
  { 'Cache-Control': 'public, max-age=31536000, immutable' },
  { 'Cache-Control': 'no-cache' },
  { 'Cache-Control': 'private="set-cookie", max-age=600' },
  { Expires: 'Fri, 31 Dec 9999 23:59:59 GMT' },
  { 'Cache-Control': 'public, max-age=600', Vary: 'Accept-Encoding' },
  { 'Cache-Control': 'public, max-age=600', Vary: '*' },
  { 'Cache-Control': 'public, max-age=600', ETag: '"same for all"' },
  { 'CDN-Cache-Control': 'max-age=600' },
  { 'Cache-Control': 'private', 'CDN-Cache-Control': 'max-age=600' },
  { 'Cache-Control': 'no-store', 'Cloudflare-CDN-Cache-Control': 'public, max-age=600' },
  { 'Cache-Control': 'private', 'Vercel-CDN-Cache-Control': 'max-age=600' },
  { 'Cache-Control': 'private', 'Surrogate-Control': 'max-age=600' },
  { 'Cache-Control': 'private', 'Edge-Control': 'cache-maxage=10m' },
  { 'Cache-Control': 'private', 'X-Accel-Expires': '600' },
]

/** What a handler does with the session; gives whose it is. Who signs in is named by a header, as behind an SSO. */
const DEEDS: Readonly<Record<string, (req: Req) => unknown>> = {
  'reads it': (req) => req.session['user'],
  'looks for a key': (req) => ('user' in req.session ? req.session['user'] : undefined),
  'writes to it': (req) => {
    req.session['visits'] = Number(req.session['visits'] ?? 0) + 1
    return req.session['user']
  },
  'signs somebody in': (req) => (req.session['user'] = req.headers['x-user']),
  'ends it': async (req) => {
    const { user } = req.session
    await req.session.destroy()
    return user
  },
}

/** Somebody's browser behind the cache. */
class Person {
  readonly name: string | undefined
  readonly #cache: SharedCache
  cookie: string | undefined

  constructor(cache: SharedCache, name?: string, cookie?: string) {
    this.#cache = cache
    this.name = name
    this.cookie = cookie
  }

  async ask(ask: Ask = {}): Promise<Reply> {
    const named: Headers = this.name === undefined ? {} : { 'X-User': this.name }
    const reply = await this.#cache.ask({
      cookie: this.cookie,
      ...ask,
      headers: Object.assign(named, ask.headers),
    })
    if (reply.cookie !== undefined) this.cookie = reply.cookie === 'sid=' ? undefined : reply.cookie
    return reply
  }
}

describe('behind a shared cache', () => {
  it.each(Object.keys(DEEDS))('a handler that %s: each gets their own body, and their own cookie', async (deed) => {
    let says: Headers = {}
    const { ask, signIn } = await stage({
      async handler(req, res) {
        for (const [name, value] of Object.entries(says)) res.setHeader(name, value)
        res.end(`for ${String(await DEEDS[deed]!(req))}`)
      },
    })
    const signsIn = deed === 'signs somebody in'
    for (const [kind, targeted] of Object.entries(CACHES)) {
      for (says of SAYINGS) {
        const where = `${kind}: ${JSON.stringify(says)}`
        const cache = new SharedCache(ask, targeted)
        const browser = async (name: string): Promise<Person> =>
          new Person(cache, name, await signIn(signsIn ? { basket: [] } : { user: name }))
        const [alice, bob] = [await browser('alice'), await browser('bob')]
        const tokens: string[] = []
        for (const person of [alice, bob, new Person(cache), new Person(cache), alice, bob]) {
          const owner = signsIn || person.cookie !== undefined ? person.name : undefined
          const reply = await person.ask()
          expect(reply.text, where).toBe(`for ${String(owner)}`)
          if (reply.cookie !== undefined && reply.cookie !== 'sid=') tokens.push(reply.cookie)
        }
        // Each token went to one browser, once.
        expect(new Set(tokens).size, where).toBe(tokens.length)
        if (deed === 'writes to it') expect(tokens, where).toHaveLength(2)
        if (signsIn) expect(tokens, where).toHaveLength(2)
      }
    }
  })
})

describe('what is kept', () => {
  it('is a page whose handler never looks, for everybody and whoever they are', async () => {
    let asked = 0
    const { ask, signIn } = await stage({
      handler(_, res) {
        asked++
        res.setHeader('Cache-Control', 'public, max-age=600')
        res.end('page')
      },
    })
    const cache = new SharedCache(ask)
    for (const cookie of [undefined, await signIn(), undefined, await signIn({ user: 'bob' })])
      expect((await cache.ask({ cookie })).text).toBe('page')
    expect([asked, cache.hits]).toEqual([1, 3])
  })

  it('is a page whose handler looked, for the same browser, and in the form that it asked for (H02)', async () => {
    let asked = 0
    const { ask, signIn } = await stage({
      handler(req, res) {
        asked++
        void req.session['user']
        res.setHeader('Cache-Control', 'public, max-age=600')
        res.setHeader('Vary', 'Accept')
        res.end(`${String(req.session['user'])}, ${req.headers.accept}`)
      },
    })
    const cache = new SharedCache(ask)
    const [alice, bob] = [new Person(cache, 'alice', await signIn({ user: 'alice' })), new Person(cache, 'bob')]
    const as = (Accept: string): Ask => ({ headers: { Accept } })
    for (const person of [alice, bob]) {
      for (const accept of ['text/html', 'text/html', 'application/json']) {
        const owner = person === alice ? 'alice' : 'undefined'
        expect((await person.ask(as(accept))).text).toBe(`${owner}, ${accept}`)
      }
    }
    expect([asked, cache.hits]).toEqual([4, 2])
  })

  it('is nothing that says Vary: * (H02)', async () => {
    const { ask } = await stage({
      handler(req, res) {
        void req.session['user']
        res.setHeader('Cache-Control', 'public, max-age=600')
        res.setHeader('Vary', '*')
        res.end('page')
      },
    })
    const cache = new SharedCache(ask)
    for (const _ of [1, 2]) expect((await cache.ask({})).header('vary')).toBe('*')
    expect(cache.hits).toBe(0)
  })

  it('is nothing of a response that only hands a rotated token out', async () => {
    const clock = fakeClock()
    const { ask, signIn } = await stage({
      manager: { rotateEvery: 60, clock },
      handler(_, res) {
        res.setHeader('Cache-Control', 'public, max-age=31536000, immutable')
        res.end('asset')
      },
    })
    const cache = new SharedCache(ask)
    const alice = new Person(cache, 'alice', await signIn())
    clock.advance(61_000)
    expect((await alice.ask()).cookie).toBeDefined()
    expect((await cache.ask({})).all('set-cookie')).toEqual([])
    expect(cache.hits).toBe(0)
  })
})

describe('a 304 (H04)', () => {
  /** A page for everybody, which counts the visits of who has a session. */
  const counting: Handler = (req, res) => {
    if (req.headers['x-user'] !== undefined) req.session['visits'] = Number(req.session['visits'] ?? 0) + 1
    ;(res as unknown as express.Response).set('Cache-Control', 'public, max-age=600').send('page')
  }

  it('with somebody’s cookie leaves nothing of it behind', async () => {
    const { ask } = await stage({ handler: counting })
    const cache = new SharedCache(ask)
    await cache.ask({})
    expect((await cache.ask({})).status).toBe(200)
    expect(cache.hits).toBe(1)

    // Stale: on behalf of Alice, the cache asks whether its page is still right.
    cache.seconds = 601
    const alice = await new Person(cache, 'alice').ask()
    expect([alice.text, alice.cookie === undefined]).toEqual(['page', false])
    const after = await cache.ask({})
    expect([after.text, after.all('set-cookie'), after.header('cache-control')]).toEqual([
      'page',
      [],
      'public, max-age=600',
    ])
  })

  it('to who only reads renews what is kept, and carries no cookie', async () => {
    let asked = 0
    const { ask, signIn } = await stage({
      handler(req, res) {
        asked++
        const page = res as unknown as express.Response
        page.set('Cache-Control', 'public, max-age=600').send(`for ${String(req.session['user'])}`)
      },
    })
    const cache = new SharedCache(ask)
    const [alice, bob] = [
      new Person(cache, 'alice', await signIn({ user: 'alice' })),
      new Person(cache, 'bob', await signIn({ user: 'bob' })),
    ]
    for (const seconds of [0, 601, 602]) {
      cache.seconds = seconds
      for (const person of [alice, bob]) {
        const reply = await person.ask()
        expect([reply.status, reply.text, reply.cookie]).toEqual([200, `for ${person.name}`, undefined])
      }
    }
    expect([asked, cache.hits]).toEqual([4, 2])
  })
})

describe('the cache itself', () => {
  it('gives one browser’s cookie to another where nothing keeps it from that', async () => {
    let count = 0
    const { ask } = await serve(
      (_: Req, res: { setHeader: (name: string, value: string) => void; end: () => void }) => {
        res.setHeader('Set-Cookie', `own=${++count}`)
        res.end()
      },
    )
    const cache = new SharedCache(ask)
    for (const _ of [1, 2]) expect((await cache.ask({})).all('set-cookie')).toEqual(['own=1'])
  })

  it('gives one person’s session to the next behind express-session, on a page that says public', async () => {
    const app = express()
    app.use(expressSession({ secret: 'x'.repeat(32), resave: false, saveUninitialized: false }))
    app.get('/', (req, res) => {
      Object.assign(req.session, { seen: true })
      res.set('Cache-Control', 'public, max-age=600').send('page')
    })
    const { ask } = await serve(app)
    const cache = new SharedCache(ask)
    const [first, second] = [await cache.ask({}), await cache.ask({})]
    expect(first.all('set-cookie')).toHaveLength(1)
    expect(second.all('set-cookie')).toEqual(first.all('set-cookie'))
  })

  it.each<[says: Headers, ask: Ask, kept: boolean]>([
    [{ 'Cache-Control': 'no-store' }, {}, false],
    [{ 'Cache-Control': 'private, max-age=600' }, {}, false],
    [{ 'Cache-Control': 'private="set-cookie", max-age=600' }, {}, true],
    [{ 'Cache-Control': 'no-cache' }, {}, false],
    [{ 'Cache-Control': 'max-age=600, s-maxage=0' }, {}, false],
    [{ 'Cache-Control': 'max-age=0, s-maxage=600' }, {}, true],
    [{ Expires: 'Thu, 01 Jan 1970 00:00:00 GMT' }, {}, false],
    [{}, {}, true],
    [{}, { headers: { Authorization: 'Basic eDp5' } }, false],
    [{ 'Cache-Control': 'public' }, { headers: { Authorization: 'Basic eDp5' } }, true],
    [{ 'Cache-Control': 'no-store', 'CDN-Cache-Control': 'max-age=600' }, {}, true],
    [{ 'Cache-Control': 'max-age=600', 'CDN-Cache-Control': 'no-store' }, {}, false],
  ])('keeps what says %j, asked with %j: %s', async (says, question, kept) => {
    const { ask } = await serve(
      (_: Req, res: { writeHead: (status: number, headers: Headers) => { end: () => void } }) =>
        res.writeHead(200, says).end(),
    )
    const cache = new SharedCache(ask, CACHES['RFC 9213'])
    await cache.ask(question)
    await cache.ask(question)
    expect(cache.hits).toBe(kept ? 1 : 0)
  })

  it('forgets what a change elsewhere made invalid, and asks again when it is stale', async () => {
    let asked = 0
    const { ask } = await serve((_: Req, res: { end: (text: string) => void }) => res.end(String(++asked)))
    const cache = new SharedCache(ask)
    const texts: string[] = []
    for (const method of ['GET', 'GET', 'POST', 'GET']) texts.push((await cache.ask({ method })).text)
    cache.seconds = 61
    texts.push((await cache.ask({})).text)
    expect(texts).toEqual(['1', '1', '2', '3', '4'])
  })
})
