/** A commit's headers among the handler's own: facts 10 to 12 of `reference/response-gate.md`, B06, B11, H01, H02. */
import { describe, expect, it } from 'vitest'
import { type HeaderCarrier, mergeVary, putHeaders, spreadHead } from '../../src/adapters/_headers.ts'
import { FRAMEWORKS, type Handler, type Res, stage } from './_stage.ts'

/** A response's headers without a response. */
class Carrier implements HeaderCarrier {
  readonly entries = new Map<string, number | string | readonly string[]>()

  constructor(headers: Record<string, number | string | readonly string[]> = {}) {
    for (const [name, value] of Object.entries(headers)) this.setHeader(name, value)
  }

  getHeader(name: string) {
    return this.entries.get(name.toLowerCase())
  }

  getHeaderNames() {
    return [...this.entries.keys()]
  }

  setHeader(name: string, value: number | string | readonly string[]) {
    this.entries.set(name.toLowerCase(), value)
  }

  appendHeader(name: string, value: string | readonly string[]) {
    this.setHeader(name, [this.getHeader(name) ?? [], value].flat() as string[])
  }

  removeHeader(name: string) {
    this.entries.delete(name.toLowerCase())
  }

  get all() {
    return Object.fromEntries(this.entries)
  }
}

const COOKIE = ['Set-Cookie', 'sid=1; Path=/'] as const
const NO_STORE = ['Cache-Control', 'no-store'] as const

describe('Set-Cookie', () => {
  it.each([
    ['none', undefined, 'sid=1; Path=/'],
    ['one', 'a=1', ['a=1', 'sid=1; Path=/']],
    ['several', ['a=1', 'b=2'], ['a=1', 'b=2', 'sid=1; Path=/']],
  ])('stands behind the handler’s cookies: %s', (_, own, together) => {
    const carrier = new Carrier(own === undefined ? {} : { 'Set-Cookie': own })
    putHeaders(carrier, [COOKIE])
    expect(carrier.getHeader('set-cookie')).toEqual(together)
  })

  it('may be several, when the cookie itself is the store', () => {
    const carrier = new Carrier({ 'Set-Cookie': 'a=1' })
    putHeaders(carrier, [['Set-Cookie', 'sid=1'], ['Set-Cookie', 'sid.1=2'], NO_STORE])
    expect(carrier.getHeader('set-cookie')).toEqual(['a=1', 'sid=1', 'sid.1=2'])
  })
})

describe('Cache-Control', () => {
  it.each([
    undefined,
    '',
    'public, max-age=600',
    's-maxage=60',
    'max-age=0, must-revalidate',
    'no-cache',
    // Holds for that one header: the rest may be kept by a shared cache.
    'private="set-cookie", max-age=60',
    'no-cache="a, private, b"',
    'x-private',
    'privately',
  ])('%j becomes no-store beside a session’s cookie', (own) => {
    const carrier = new Carrier(own === undefined ? {} : { 'Cache-Control': own })
    putHeaders(carrier, [COOKIE, NO_STORE])
    expect(carrier.getHeader('cache-control')).toBe('no-store')
  })

  it.each(['private', 'no-store', 'Private, max-age=60', 'max-age=60,no-store', 'no-cache , PRIVATE'])(
    '%j is as strict already, and stays',
    (own) => {
      const carrier = new Carrier({ 'Cache-Control': own })
      putHeaders(carrier, [COOKIE, NO_STORE])
      expect(carrier.getHeader('cache-control')).toBe(own)
    },
  )

  it('several lines are one list', () => {
    const carrier = new Carrier({ 'Cache-Control': ['max-age=60', 'private'] })
    putHeaders(carrier, [COOKIE, NO_STORE])
    expect(carrier.getHeader('cache-control')).toEqual(['max-age=60', 'private'])
  })

  it.each(['public, max-age=600', 'private'])('beside %j, what is meant for one kind of cache goes', (own) => {
    const overrides = {
      'CDN-Cache-Control': 'max-age=600',
      'Cloudflare-CDN-Cache-Control': 'max-age=600',
      'Vercel-CDN-Cache-Control': 'max-age=600',
      'Surrogate-Control': 'max-age=600',
      'Edge-Control': 'cache-maxage=10m',
      'X-Accel-Expires': '600',
    }
    const carrier = new Carrier({ 'Cache-Control': own, ...overrides, 'Surrogate-Key': 'page', ETag: '"1"' })
    putHeaders(carrier, [COOKIE, NO_STORE])
    expect(carrier.getHeaderNames()).toEqual(['cache-control', 'surrogate-key', 'etag', 'set-cookie'])
  })

  it('is the handler’s own where no cookie is set', () => {
    const carrier = new Carrier({ 'Cache-Control': 'public, max-age=600', 'CDN-Cache-Control': 'max-age=600' })
    putHeaders(carrier, [['Vary', 'Cookie']])
    expect(carrier.all).toEqual({
      'cache-control': 'public, max-age=600',
      'cdn-cache-control': 'max-age=600',
      vary: 'Cookie',
    })
  })
})

describe('Vary', () => {
  it.each([
    [undefined, 'Cookie'],
    ['', 'Cookie'],
    ['Accept', 'Accept, Cookie'],
    ['Accept-Encoding,Origin', 'Accept-Encoding,Origin, Cookie'],
    [['Accept', 'Origin'], 'Accept, Origin, Cookie'],
    ['cookie', 'cookie'],
    ['Accept, COOKIE', 'Accept, COOKIE'],
    ['X-Cookie', 'X-Cookie, Cookie'],
    ['*', '*'],
    ['Accept, *', 'Accept, *'],
  ])('%j becomes %j', (there, merged) => {
    expect(mergeVary(there, 'Cookie')).toBe(merged)
  })
})

describe('writeHead’s own headers become ordinary ones', () => {
  it.each([
    ['none', [200], [200], {}],
    ['undefined', [200, undefined], [200], {}],
    ['a reason', [404, 'Gone Fishing'], [404, 'Gone Fishing'], {}],
    ['an object', [200, { 'X-A': '1', 'X-B': ['2', '3'] }], [200], { 'x-a': '1', 'x-b': ['2', '3'] }],
    ['a reason and an object', [201, 'Made', { 'X-A': '1' }], [201, 'Made'], { 'x-a': '1' }],
    ['no reason and an object', [201, undefined, { 'X-A': '1' }], [201], { 'x-a': '1' }],
    ['a flat array', [200, ['X-A', '1', 'X-B', '2']], [200], { 'x-a': '1', 'x-b': '2' }],
    ['a flat array that repeats', [200, ['X-A', '1', 'x-a', '2']], [200], { 'x-a': ['1', '2'] }],
    ['a reason and a flat array', [201, 'Made', ['X-A', '1']], [201, 'Made'], { 'x-a': '1' }],
    [
      'pairs',
      [
        200,
        [
          ['X-A', '1'],
          ['X-A', '2'],
        ],
      ],
      [200],
      { 'x-a': ['1', '2'] },
    ],
    ['an empty array', [200, []], [200], {}],
  ])('%s', (_, args, rest, headers) => {
    const carrier = new Carrier()
    expect(spreadHead(carrier, args)).toEqual(rest)
    expect(carrier.all).toEqual(headers)
  })

  it.each([
    ['an object', { 'X-A': 'new' }, 'new'],
    ['a flat array', ['X-A', 'new', 'X-A', 'newer'], ['new', 'newer']],
  ])('%s takes the place of what was set before', (_, own, value) => {
    const carrier = new Carrier({ 'X-A': 'old' })
    spreadHead(carrier, [200, own])
    expect(carrier.getHeader('x-a')).toEqual(value)
  })
})

/** Every form of `writeHead`, with the same two headers. */
const FORMS: Record<string, { write: (res: Res) => void; reason: string }> = {
  'an object': {
    write: (res) => res.writeHead(201, { 'Set-Cookie': ['own=1; Path=/x', 'two=2'], Vary: 'Origin' }),
    reason: 'Created',
  },
  'a reason and an object': {
    write: (res) => res.writeHead(201, 'Made', { 'Set-Cookie': ['own=1; Path=/x', 'two=2'], Vary: 'Origin' }),
    reason: 'Made',
  },
  'a flat array': {
    write: (res) => res.writeHead(201, ['Set-Cookie', 'own=1; Path=/x', 'Set-Cookie', 'two=2', 'Vary', 'Origin']),
    reason: 'Created',
  },
  'a reason and a flat array': {
    write: (res) =>
      res.writeHead(201, 'Made', ['Set-Cookie', 'own=1; Path=/x', 'Set-Cookie', 'two=2', 'Vary', 'Origin']),
    reason: 'Made',
  },
  'an array of pairs': {
    write: (res) =>
      res.writeHead(201, [
        ['Set-Cookie', 'own=1; Path=/x'],
        ['Set-Cookie', 'two=2'],
        ['Vary', 'Origin'],
      ] as never),
    reason: 'Created',
  },
}

describe.each(FRAMEWORKS)('on %s', (framework) => {
  describe.each(Object.entries(FORMS))('writeHead with %s', (_, { write, reason }) => {
    it('keeps the handler’s cookies byte for byte, and its Vary, beside the session’s (10, B11)', async () => {
      const { ask } = await stage({
        framework,
        handler(req, res) {
          req.session['views'] = 1
          res.setHeader('X-Before', 'kept')
          write(res)
          res.end('made')
        },
      })
      const reply = await ask()
      expect(reply).toMatchObject({ status: 201, reason, text: 'made' })
      expect(reply.all('set-cookie')).toEqual(['own=1; Path=/x', 'two=2', expect.stringMatching(/^sid=/)])
      expect(reply.all('vary')).toEqual(['Origin, Cookie'])
      expect(reply.all('cache-control')).toEqual(['no-store'])
      expect(reply.all('x-before')).toEqual(['kept'])
    })

    it('keeps Vary where nothing was written (11, H02)', async () => {
      const { ask, signIn } = await stage({
        framework,
        handler(req, res) {
          void req.session['user']
          write(res)
          res.end('read')
        },
      })
      const reply = await ask({ cookie: await signIn() })
      expect(reply).toMatchObject({ status: 201, reason, text: 'read' })
      expect(reply.all('set-cookie')).toEqual(['own=1; Path=/x', 'two=2'])
      expect(reply.all('vary')).toEqual(['Origin, Cookie'])
      expect(reply.all('cache-control')).toEqual([])
    })
  })

  it.each<[string, (res: Res) => void, string[]]>([
    ['setHeader with a string', (res) => void res.setHeader('Set-Cookie', 'a=%20b; Secure'), ['a=%20b; Secure']],
    ['setHeader with an array', (res) => void res.setHeader('Set-Cookie', ['a=1', 'b="2"']), ['a=1', 'b="2"']],
    [
      'appendHeader',
      (res) => void res.appendHeader('Set-Cookie', 'a=1').appendHeader('set-cookie', 'b=2'),
      ['a=1', 'b=2'],
    ],
    ['setHeaders', (res) => void res.setHeaders(new Map([['Set-Cookie', ['a=1', 'b=2']]])), ['a=1', 'b=2']],
  ])('keeps cookies given by %s byte for byte (B11)', async (_, give, cookies) => {
    const handler: Handler = (req, res) => {
      req.session['views'] = 1
      give(res)
      res.end('answer')
    }
    const { ask } = await stage({ framework, handler })
    expect((await ask()).all('set-cookie')).toEqual([...cookies, expect.stringMatching(/^sid=/)])
  })

  it('sets its cookie once, whatever the handler does with the session (B06)', async () => {
    const { ask, signIn, dataOf } = await stage({
      framework,
      async handler(req, res) {
        await req.session.destroy()
        req.session['user'] = 'bob'
        await req.session.save()
        await req.session.regenerate()
        req.session['views'] = 1
        req.session.touch()
        res.end('answer')
      },
    })
    const reply = await ask({ cookie: await signIn() })
    expect(reply.all('set-cookie')).toEqual([expect.stringMatching(/^sid=/)])
    expect(await dataOf(reply.cookie)).toEqual({ user: 'bob', views: 1 })
  })

  it('keeps public pages out of shared caches when they set the session’s cookie (H01)', async () => {
    const { ask } = await stage({
      framework,
      handler(req, res) {
        req.session['views'] = 1
        res.setHeader('Cache-Control', 'public, max-age=600')
        res.setHeader('CDN-Cache-Control', 'max-age=600')
        res.end('page')
      },
    })
    const reply = await ask()
    expect(reply.all('cache-control')).toEqual(['no-store'])
    expect(reply.all('cdn-cache-control')).toEqual([])
  })

  it.each<[string, Handler]>([
    ['a property', (req) => req.session['user']],
    ['in', (req) => 'user' in req.session],
    ['its keys', (req) => Object.keys(req.session)],
    ['destructuring', ({ session: { user } }) => user],
    ['JSON', (req) => JSON.stringify(req.session)],
    ['the mere object', (req) => req.session],
  ])('says Vary: Cookie after a look at %s (H02)', async (_, look) => {
    const { ask } = await stage({
      framework,
      handler(req, res, next) {
        look(req, res, next)
        res.setHeader('Vary', 'Accept')
        res.end('read')
      },
    })
    expect((await ask()).all('vary')).toEqual(['Accept, Cookie'])
  })

  it('leaves a response alone whose handler never looks', async () => {
    const { ask, store, signIn } = await stage({ framework, handler: (_, res) => res.end('plain') })
    const anonymous = await ask()
    const known = await ask({ cookie: await signIn() })
    for (const reply of [anonymous, known]) {
      expect(reply.all('vary')).toEqual([])
      expect(reply.all('cache-control')).toEqual([])
      expect(reply.all('set-cookie')).toEqual([])
    }
    expect(store.calls).toEqual(['load'])
  })
})
