/** Forged requests: J01 to J05. Cookies are sent whatever `SameSite` says: nothing here relies on it. */
import connect from 'connect'
import express from 'express'
import { describe, expect, it, vi } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import { csrf, type CsrfOptions, csrfToken } from '../../src/csrf.ts'
import { CsrfError, type Options } from '../../src/index.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import type { Reply } from '../adapters/_wire.ts'
import {
  backstage,
  type Data,
  express4,
  express5,
  FRAMEWORKS,
  type Framework,
  type Handler,
  type Req,
  type Res,
  serve,
  type Stage,
  stage,
} from '../adapters/_stage.ts'

interface Guarded extends Stage {
  /** What a handler did. */
  readonly acts: string[]
  /** Posts; gives the whole response. */
  post(headers: Record<string, string>, cookie?: string, fields?: Record<string, string>): Promise<Reply>
  /** A form's token, from a page shown to who has this cookie. */
  token(cookie: string): Promise<string>
}

async function guarded(
  options: CsrfOptions = {},
  framework: Framework = 'express 5',
  manager: Options<Data> = {},
): Promise<Guarded> {
  const acts: string[] = []
  const app = await stage({
    framework,
    manager,
    after: (sessions) => [express.urlencoded({ extended: false }), express.json(), csrf(sessions, options)],
    handler(req, res) {
      if (req.method === 'GET') return res.end(req.url === '/form' ? csrfToken(req.session) : 'page')
      acts.push(req.url!)
      if (req.url === '/login') req.session['user'] = 'bob'
      return res.end('done')
    },
  })
  return {
    ...app,
    acts,
    post: (headers, cookie, fields = {}) =>
      app.ask({
        method: 'POST',
        path: '/act',
        cookie,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(fields).toString(),
      }),
    token: async (cookie) => (await app.ask({ path: '/form', cookie })).text,
  }
}

/** Why a request was refused, by the error that the error handler saw; `done` when it was not. */
function outcome({ errors }: Guarded, { status, text }: Reply): string {
  if (status === 200) return text
  const error = errors.at(-1) as CsrfError
  expect(error).toBeInstanceOf(CsrfError)
  expect([status, error.code, error.status]).toEqual([403, 'ERR_SOJOURN_CSRF', 403])
  return error.reason
}

const SAME = { 'Sec-Fetch-Site': 'same-origin' }

describe.each(FRAMEWORKS)('on %s', (framework) => {
  const MATRIX: [headers: Record<string, string>, expected: string][] = [
    [{ 'Sec-Fetch-Site': 'same-origin' }, 'done'],
    [{ 'Sec-Fetch-Site': 'same-origin', Origin: 'http://localhost' }, 'done'],
    [{ 'Sec-Fetch-Site': 'none' }, 'done'],
    [{ 'Sec-Fetch-Site': 'same-site', Origin: 'http://blog.localhost' }, 'same-site'],
    [{ 'Sec-Fetch-Site': 'cross-site', Origin: 'http://evil.example' }, 'cross-site'],
    [{ 'Sec-Fetch-Site': 'cross-site', Origin: 'http://localhost' }, 'cross-site'],
    [{ Origin: 'http://localhost' }, 'done'],
    [{ Origin: 'https://localhost' }, 'done'],
    [{ Origin: 'http://evil.example' }, 'origin'],
    [{ Origin: 'http://localhost:81' }, 'origin'],
    [{ Origin: 'null' }, 'origin'],
    [{}, 'unknown'],
    [{ Referer: 'http://localhost/form' }, 'unknown'],
  ]

  it.each(MATRIX)('a request with %j, signed in or not: %s (J01, J03)', async (headers, expected) => {
    const app = await guarded({}, framework)
    for (const cookie of [undefined, await app.signIn()]) {
      expect(outcome(app, await app.post(headers, cookie))).toBe(expected)
    }
    expect(app.acts).toHaveLength(expected === 'done' ? 2 : 0)
  })

  it.each(['PUT', 'PATCH', 'DELETE', 'PROPFIND'])('%s is refused from another site too', async (method) => {
    const app = await guarded({}, framework)
    expect((await app.ask({ method, headers: { 'Sec-Fetch-Site': 'cross-site' } })).status).toBe(403)
    expect(app.acts).toEqual([])
  })

  it.each(['GET', 'HEAD', 'OPTIONS'])('%s is let through, and its session is not looked at', async (method) => {
    const app = await guarded({ requireToken: true }, framework)
    const reply = await app.ask({ method, cookie: await app.signIn(), headers: { 'Sec-Fetch-Site': 'cross-site' } })
    expect(reply.status).toBe(200)
    expect(reply.header('vary')).toBeUndefined()
  })

  it('takes a token from the header or the form where nothing else tells (J02)', async () => {
    const app = await guarded({}, framework)
    const cookie = await app.signIn()
    const token = await app.token(cookie)
    expect(outcome(app, await app.post({ 'X-CSRF-Token': token }, cookie))).toBe('done')
    expect(outcome(app, await app.post({}, cookie, { _csrf: token }))).toBe('done')
    expect(outcome(app, await app.post({}, undefined, { _csrf: token }))).toBe('token')
  })
})

describe('a login form (J03)', () => {
  it('is refused from another site, and nobody is signed in', async () => {
    const app = await guarded()
    const login = (headers: Record<string, string>) => app.ask({ method: 'POST', path: '/login', headers })
    const forged = await login({ 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' })
    expect([forged.status, forged.cookie, app.acts]).toEqual([403, undefined, []])
    expect((await login(SAME)).cookie).toBeDefined()
  })
})

describe('a form’s token', () => {
  it('is of one session: that of another is refused (J02)', async () => {
    const app = await guarded()
    const [alice, mallory] = [await app.signIn({ user: 'alice' }), await app.signIn({ user: 'mallory' })]
    const [own, other] = [await app.token(alice), await app.token(mallory)]
    expect(outcome(app, await app.post({}, alice, { _csrf: other }))).toBe('token')
    expect(outcome(app, await app.post({}, alice, { _csrf: own }))).toBe('done')
  })

  it('from before a sign-in is worth nothing after it (J02)', async () => {
    const app = await guarded()
    const visitor = await app.signIn({ basket: ['book'] })
    const before = await app.token(visitor)
    const { cookie: user } = await app.ask({ method: 'POST', path: '/login', cookie: visitor, headers: SAME })
    expect(user).toBeDefined()
    expect(outcome(app, await app.post({}, user, { _csrf: before }))).toBe('token')
    expect(outcome(app, await app.post({}, user, { _csrf: await app.token(user!) }))).toBe('done')
  })

  it('differs at each rendering, and each one holds (J05)', async () => {
    const app = await guarded()
    const cookie = await app.signIn()
    const tokens = [await app.token(cookie), await app.token(cookie), await app.token(cookie)]
    expect(new Set(tokens).size).toBe(3)
    for (const _csrf of tokens) expect(outcome(app, await app.post({}, cookie, { _csrf }))).toBe('done')
  })

  it('holds through a periodic rotation, also on the request that rotates', async () => {
    const clock = fakeClock()
    const app = await guarded({}, 'express 5', { rotateEvery: 600, clock })
    let cookie = await app.signIn()
    const _csrf = await app.token(cookie)
    clock.advance(601_000)
    const rotating = await app.post({}, cookie, { _csrf })
    expect([outcome(app, rotating), rotating.cookie === undefined]).toEqual(['done', false])
    cookie = rotating.cookie!
    expect(outcome(app, await app.post({}, cookie, { _csrf }))).toBe('done')
    clock.advance(601_000)
    cookie = (await app.ask({ path: '/form', cookie })).cookie!
    expect(outcome(app, await app.post({}, cookie, { _csrf }))).toBe('token')
  })

  it('does not let through what the browser says another site sent', async () => {
    const app = await guarded()
    const cookie = await app.signIn()
    const _csrf = await app.token(cookie)
    for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'https://evil.example' }, { Origin: 'null' }])
      expect((await app.post(headers, cookie, { _csrf })).status).toBe(403)
    expect(app.acts).toEqual([])
  })

  it('is not read from the address', async () => {
    const app = await guarded()
    const cookie = await app.signIn()
    const path = `/act?_csrf=${await app.token(cookie)}`
    expect(outcome(app, await app.ask({ method: 'POST', path, cookie }))).toBe('unknown')
  })

  it.each<[body: unknown]>([
    [{ _csrf: ['x'] }],
    [{ _csrf: { length: 64 } }],
    [{ _csrf: null }],
    [['_csrf']],
    ['_csrf'],
  ])('is never something else: %j', async (body) => {
    const app = await guarded()
    const cookie = await app.signIn()
    const ask = { method: 'POST', path: '/act', cookie, headers: { 'Content-Type': 'application/json' } }
    const { status } = await app.ask({ ...ask, body: JSON.stringify(body) })
    expect([status, app.acts]).toEqual([body === '_csrf' ? 400 : 403, []])
  })

  it('for a page of who has no session stores nothing, and is not asked for where the browser tells', async () => {
    const app = await guarded()
    const page = await app.ask('/form')
    expect([page.status, page.cookie, app.store.calls]).toEqual([200, undefined, []])
    expect(outcome(app, await app.post(SAME, undefined, { _csrf: page.text }))).toBe('done')
    expect(outcome(app, await app.post({}, undefined, { _csrf: page.text }))).toBe('token')
  })
})

describe('where tokens are required', () => {
  it('somebody signed in needs one even if the browser vouches', async () => {
    const app = await guarded({ requireToken: true })
    const [alice, mallory] = [await app.signIn({ user: 'alice' }), await app.signIn({ user: 'mallory' })]
    for (const fields of [{}, { _csrf: '' }, { _csrf: 'x' }, { _csrf: await app.token(mallory) }])
      expect(outcome(app, await app.post(SAME, alice, fields))).toBe('token')
    expect(outcome(app, await app.post(SAME, alice, { _csrf: await app.token(alice) }))).toBe('done')
  })

  it('a visitor needs none, with a session or without', async () => {
    const app = await guarded({ requireToken: true })
    for (const cookie of [undefined, await app.signIn({ basket: [] })])
      expect(outcome(app, await app.post(SAME, cookie))).toBe('done')
  })

  it('it is needed also where unknown sources are allowed', async () => {
    const app = await guarded({ requireToken: true, onUnknown: 'allow' })
    const cookie = await app.signIn()
    expect(outcome(app, await app.post({}))).toBe('done')
    expect(outcome(app, await app.post({}, cookie))).toBe('token')
    expect(outcome(app, await app.post({}, cookie, { _csrf: await app.token(cookie) }))).toBe('done')
  })
})

describe('the options', () => {
  it('let other origins in, and them alone', async () => {
    const app = await guarded({ origins: ['https://app.example'] })
    const from = (origin: string, more: Record<string, string> = {}) => app.post({ Origin: origin, ...more })
    expect(outcome(app, await from('https://app.example', { 'Sec-Fetch-Site': 'cross-site' }))).toBe('done')
    expect(outcome(app, await from('https://app.example'))).toBe('done')
    expect(outcome(app, await from('http://app.example'))).toBe('origin')
    expect(outcome(app, await from('https://app.example.evil.example'))).toBe('origin')
  })

  it('let neighbouring hosts in', async () => {
    const app = await guarded({ allowSameSite: true })
    expect(outcome(app, await app.post({ 'Sec-Fetch-Site': 'same-site' }))).toBe('done')
    expect(outcome(app, await app.post({ 'Sec-Fetch-Site': 'cross-site' }))).toBe('cross-site')
  })

  it('let in who says nothing, and nobody else', async () => {
    const app = await guarded({ onUnknown: 'allow' })
    expect(outcome(app, await app.post({}))).toBe('done')
    expect(outcome(app, await app.post({ Origin: 'null' }))).toBe('origin')
  })

  it.each<[options: object, remedy: RegExp]>([
    [{ origin: ['https://a.example'] }, /the known ones are .*origins/],
    [{ origins: ['https://a.example/'] }, /for example https:/],
    [{ origins: ['a.example'] }, /for example https:/],
    [{ origins: ['null'] }, /for example https:/],
    [{ origins: ['https://*.example/x'] }, /for example https:/],
    [{ onUnknown: 'deny' }, /give "refuse" or "allow"/],
  ])('%j is an error at start', (options, remedy) => {
    const { sessions } = backstage()
    expect(() => csrf(sessions, options)).toThrow(expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG' }))
    expect(() => csrf(sessions, options)).toThrow(remedy)
  })

  it.each([undefined, {}, { store: {} }])('%j in the place of a manager is an error at start', (sessions) => {
    expect(() => csrf(sessions as never)).toThrow(expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG' }))
  })
})

describe('the request’s own host', () => {
  it.each<[trustProxy: number | undefined, headers: Record<string, string>, expected: string]>([
    [undefined, { 'X-Forwarded-Host': 'shop.example', Origin: 'https://shop.example' }, 'origin'],
    [1, { 'X-Forwarded-Host': 'shop.example', Origin: 'https://shop.example' }, 'done'],
    [1, { 'X-Forwarded-Host': 'shop.example', Origin: 'http://localhost' }, 'origin'],
    // The client wrote the left one.
    [1, { 'X-Forwarded-Host': 'evil.example, shop.example', Origin: 'https://evil.example' }, 'origin'],
    [1, { 'X-Forwarded-Host': 'evil.example, shop.example', Origin: 'https://shop.example' }, 'done'],
    [1, { 'X-Forwarded-Host': '', Origin: 'http://localhost' }, 'done'],
    // A page on plain http is foreign to https.
    [1, { 'X-Forwarded-Proto': 'https', Origin: 'http://localhost' }, 'origin'],
    [1, { 'X-Forwarded-Proto': 'https', Origin: 'https://localhost' }, 'done'],
    [1, { 'X-Forwarded-Proto': 'https, http', Origin: 'http://localhost' }, 'done'],
  ])('with trust %s of %j: %s', async (trustProxy, headers, expected) => {
    const app = await guarded(trustProxy === undefined ? {} : { trustProxy }, 'node:http')
    expect(outcome(app, await app.post(headers))).toBe(expected)
  })

  it.each([
    ['express 5', express5],
    ['express 4', express4],
  ] as const)('is what %s’s "trust proxy" lets be believed', async (_, framework) => {
    for (const [hops, status] of [
      [0, 403],
      [1, 200],
    ] as const) {
      const { sessions } = backstage()
      const app = framework()
      app.set('trust proxy', hops)
      app.use(session(sessions))
      app.use(csrf(sessions))
      app.use((_req, res) => void res.end('done'))
      app.use(((error, _req, res, _next) => void res.status(error.status).end()) as express.ErrorRequestHandler)
      const { ask } = await serve(app)
      const headers = { 'X-Forwarded-Host': 'shop.example', Origin: 'https://shop.example' }
      expect((await ask({ method: 'POST', headers })).status).toBe(status)
    }
  })
})

describe('a refusal that nobody handles', () => {
  const forged = { method: 'POST', headers: { 'Sec-Fetch-Site': 'cross-site' } }

  it('is a bare 403 on a server whose callback hears of no error', async () => {
    const { sessions } = backstage()
    const [attach, guard] = [session(sessions), csrf(sessions)]
    const acted = vi.fn<() => void>()
    const { ask } = await serve((req: Req, res: Res) => {
      attach(req, res, () =>
        guard(req, res, () => {
          acted()
          res.end('done')
        }),
      )
    })
    const reply = await ask(forged)
    expect([reply.status, reply.text, reply.header('cache-control')]).toEqual([403, 'Forbidden\n', 'no-store'])
    expect(acted).not.toHaveBeenCalled()
    expect((await ask({ method: 'POST', headers: SAME })).text).toBe('done')
  })

  it.each([
    ['express 5', () => express5()],
    ['express 4', () => express4()],
    ['connect', () => connect()],
  ] as const)('is a 403 of %s', async (_, make) => {
    const { sessions } = backstage()
    const app = make()
    const { use } = app as { use: (handler: unknown) => void }
    const printed = vi.spyOn(console, 'error').mockReturnValue()
    for (const each of [session(sessions), csrf(sessions), ((_req, res) => res.end('done')) as Handler])
      use.call(app, each)
    const { ask } = await serve(app)
    expect((await ask(forged)).status).toBe(403)
    printed.mockRestore()
  })
})

it('says where it belongs when it finds no session, or somebody else’s', async () => {
  for (const [foreign, remedy] of [
    [undefined, /mount session\(sessions\) before it/],
    [{ binding: 'x' }, /pass the very object/],
  ] as const) {
    const { sessions } = backstage()
    const errors: Error[] = []
    const app = express5()
    app.use(((req, _, next) => {
      Object.assign(req, { session: foreign })
      next()
    }) satisfies Handler as never)
    app.use(csrf(sessions))
    app.use(((error: Error, _req, res, _next) => {
      errors.push(error)
      res.status(500).end()
    }) as express.ErrorRequestHandler)
    const { ask } = await serve(app)
    expect((await ask({ method: 'POST' })).status).toBe(500)
    expect(errors).toMatchObject([
      { code: 'ERR_SOJOURN_UNSUPPORTED', message: expect.stringMatching(remedy) as unknown },
    ])
    // Where the browser tells, no session is needed.
    expect((await ask({ method: 'POST', headers: SAME })).status).toBe(404)
  }
})

it('no refusal says a word of a token', async () => {
  const app = await guarded()
  const cookie = await app.signIn()
  const _csrf = `A${(await app.token(cookie)).slice(1)}`
  await app.post({ Origin: 'https://evil.example' }, cookie, { _csrf })
  await app.post({}, cookie, { _csrf })
  const told = app.errors.map((error) => `${JSON.stringify(error)} ${String(error)} ${(error as Error).stack}`).join()
  expect(app.errors).toHaveLength(2)
  expect(told).not.toContain(_csrf)
  expect(told).not.toContain(cookie.slice('sid='.length))
  expect(told).not.toContain('evil.example')
})
