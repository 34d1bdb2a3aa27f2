/** `req.session` on Express 5 and 4, Connect and a bare server: where it is there, and whose errors reach whom. */
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import connect from 'connect'
import { afterAll, describe, expect, it } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import { createSessions } from '../../src/sessions.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import { warnings } from '../support/warnings.ts'
import {
  answerError,
  backstage,
  type Data,
  express4,
  express5,
  FRAMEWORKS,
  type Handler,
  type Req,
  type Res,
  serve,
  stage,
} from './_stage.ts'

const count: Handler = (req, res) => {
  req.session['views'] = ((req.session['views'] as number | undefined) ?? 0) + 1
  res.end(`views ${String(req.session['views'])}`)
}

describe.each(FRAMEWORKS)('on %s', (framework) => {
  it('what a handler writes is there on that browser’s next request, and on nobody else’s', async () => {
    const { ask } = await stage({ framework, handler: count })
    const first = await ask()
    expect(first.text).toBe('views 1')
    const { cookie } = first
    expect(first.all('set-cookie')).toEqual([
      expect.stringMatching(/^sid=[\w-]{22}\.[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/),
    ])
    const second = await ask({ cookie })
    expect(second.text).toBe('views 2')
    expect(second.all('set-cookie')).toEqual([])
    expect((await ask()).text).toBe('views 1')
  })

  it('a visitor of whom nothing is remembered costs no call to the store, and gets no cookie (B16)', async () => {
    const { ask, store } = await stage({ framework, handler: (req, res) => res.end(String(req.session['user'])) })
    expect((await ask()).all('set-cookie')).toEqual([])
    expect((await ask({ cookie: 'sid=nonsense' })).all('set-cookie')).toEqual([])
    expect(store.calls).toEqual([])
  })

  it('a hundred reads set no cookie (B15)', async () => {
    const { wire, signIn, store } = await stage({
      framework,
      handler: (req, res) => res.end(String(req.session['user'])),
    })
    const cookie = await signIn()
    const client = wire()
    for (let left = 100; left > 0; left--) {
      client.send({ cookie })
      const reply = await client.reply()
      expect([reply.text, ...reply.all('set-cookie')]).toEqual(['alice'])
    }
    expect(new Set(store.calls)).toEqual(new Set(['load']))
  })

  it('several Cookie lines are one header, and several cookies of the name are tried (C01, C02)', async () => {
    const { ask, signIn } = await stage({ framework, handler: (req, res) => res.end(String(req.session['user'])) })
    const cookie = await signIn()
    const other = cookie.replace(/.$/, cookie.endsWith('A') ? 'E' : 'A')
    for (const lines of [
      ['a=1', cookie],
      [cookie, 'b=2'],
      [other, cookie],
      [cookie, other],
      ['sid=', cookie],
    ]) {
      const headers = lines.map((line) => ['Cookie', line] as const)
      expect((await ask({ headers })).text).toBe('alice')
    }
  })

  it('req.session = null ends the session with the response, and req.session = {…} replaces its data', async () => {
    const { ask, signIn, dataOf } = await stage({
      framework,
      handler(req, res) {
        const holder = req as unknown as { session: Data | null }
        holder.session = req.url === '/null' ? null : { theme: 'dark' }
        res.end(holder.session === null ? 'null' : JSON.stringify(req.session))
      },
    })
    const cookie = await signIn({ theme: 'light', cart: 1 })
    expect((await ask({ cookie, path: '/object' })).text).toBe('{"theme":"dark"}')
    expect(await dataOf(cookie)).toEqual({ theme: 'dark' })
    const reply = await ask({ cookie, path: '/null' })
    expect(reply.text).toBe('null')
    expect(reply.all('set-cookie')).toEqual([expect.stringMatching(/^sid=; Max-Age=0;/)])
    expect(await dataOf(cookie)).toBeUndefined()
  })

  it('mounted twice with one manager, it is one session and one lookup (D18)', async () => {
    let again!: Handler
    const { ask, store, sessions, signIn } = await stage({
      framework,
      slow: true,
      after: [((...args) => again(...args)) satisfies Handler],
      handler: count,
    })
    again = session(sessions) as Handler
    const cookie = await signIn({ views: 1 })
    expect((await ask({ cookie })).text).toBe('views 2')
    expect(store.calls).toEqual(['load', 'save'])
  })

  it('when the store cannot be read, the error handler is told, and the handler is not called', async () => {
    for (const slow of [true, false]) {
      let called = false
      const { ask, store, errors, signIn } = await stage({
        framework,
        slow,
        handler: (_, res) => ((called = true), res.end('answer')),
      })
      const cookie = await signIn()
      if (slow) store.fail('load')
      else
        store.next('load', () => {
          throw new Error('connection lost')
        })
      expect(await ask({ cookie })).toMatchObject({ status: 503, text: 'failed: StoreError' })
      expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_STORE' }])
      expect(called).toBe(false)
    }
  })

  it('or, by option, goes on as anonymous: reads do, writes throw, and no cookie is set', async () => {
    const { ask, store, errors, signIn } = await stage({
      framework,
      manager: { onStoreFailure: 'anonymous' },
      handler(req, res, next) {
        if (req.url === '/read') res.end(String(req.session['user']))
        else {
          try {
            req.session['user'] = 'mallory'
          } catch (error) {
            next(error)
          }
        }
      },
    })
    const cookie = await signIn()
    store.fail('load')
    const read = await ask({ cookie, path: '/read' })
    expect([read.text, ...read.all('set-cookie')]).toEqual(['undefined'])
    store.fail('load')
    expect(await ask({ cookie, path: '/write' })).toMatchObject({ status: 503 })
    expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_STORE' }])
    expect(store.calls).toEqual(['load', 'load'])
  })

  describe('the option touch', () => {
    it('keeps polling from keeping a session alive (E10)', async () => {
      const clock = fakeClock()
      const { ask, store, signIn } = await stage({
        framework,
        manager: { clock, idleTimeout: 1000 },
        adapter: { touch: (request) => request.url !== '/poll' },
        handler: (req, res) => res.end(String(req.session['user'])),
      })
      const cookie = await signIn()
      for (const path of ['/poll', '/page', '/poll']) {
        clock.advance(400_000)
        expect((await ask({ cookie, path })).text).toBe('alice')
      }
      expect(store.calls).toEqual(['load', 'load', 'touch', 'load'])
      clock.advance(600_000)
      expect((await ask({ cookie })).text).toBe('undefined')
    })

    it('that throws is an error like any other', async () => {
      const { ask, errors } = await stage({
        framework,
        slow: true,
        adapter: {
          touch() {
            throw new Error('no route')
          },
        },
        handler: count,
      })
      expect(await ask()).toMatchObject({ status: 500 })
      expect(errors).toMatchObject([{ message: 'no route' }])
    })
  })

  it('two managers on one request are an error that says so (B18)', async () => {
    const { ask, errors } = await stage({ framework, after: [session()], handler: count })
    expect(await ask()).toMatchObject({ status: 500, text: 'failed: ConfigError' })
    expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_CONFIG' }])
  })

  it('another library’s property of the same name does not hide the session', async () => {
    const other: Handler = (req, _, next) => {
      Object.defineProperty(req, 'session', { value: { other: true }, configurable: true, writable: true })
      next()
    }
    const { ask } = await stage({ framework, before: [other], handler: count })
    expect((await ask()).text).toBe('views 1')
  })

  it('objects made over the request have the session too', async () => {
    const { ask } = await stage({
      framework,
      handler(req, res, next) {
        count(Object.create(Object.create(req)) as Req, res, next)
      },
    })
    expect((await ask()).text).toBe('views 1')
  })

  it.each<[string, (req: Req) => unknown]>([
    ['reads it', (req) => req.session['user']],
    ['writes to it', (req) => (req.session['failures'] = 1)],
    ['writes to it after a while', (req) => Promise.resolve().then(() => (req.session['failures'] = 1))],
  ])('an error handler that %s finds the handler’s changes, which no failure has undone', async (_, use) => {
    const { ask, signIn, dataOf } = await stage({
      framework,
      handler(req, __, next) {
        req.session['seen'] = true
        next(Object.assign(new Error('teapot'), { status: 418 }))
      },
      async onError(error, req, res, next) {
        await use(req)
        answerError(error, req, res, next)
      },
    })
    const cookie = await signIn({ user: 'alice' })
    expect(await ask({ cookie })).toMatchObject({ status: 418 })
    expect(await dataOf(cookie)).toMatchObject({ user: 'alice', seen: true })
  })
})

describe('on Express', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-express-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'page.txt'), 'a page of text')
  writeFileSync(join(folder, 'large.bin'), Buffer.alloc(3_000_000, 7))
  writeFileSync(join(folder, 'hello.view'), 'hello NAME')

  type ExpressRes = Res & {
    status(code: number): ExpressRes
    json(body: unknown): void
    send(body: unknown): void
    redirect(status: number, to: string): void
    render(view: string, locals: object): void
    sendFile(path: string, options?: object, fn?: (error?: Error) => void): void
    download(path: string): void
    sendStatus(status: number): void
    format(answers: Record<string, () => void>): void
    cookie(name: string, value: string): void
  }

  describe.each([
    ['express 5', express5],
    ['express 4', express4],
  ] as const)('%s', (_, express) => {
    /** An application behind a session, with whatever else a test gives it. */
    async function application(build: (app: ReturnType<typeof express5>) => void, before?: typeof build) {
      const whole = backstage()
      const app = express()
      const errors: unknown[] = []
      app.engine('view', (path: string, { name }: { name?: string }, done: (error: unknown, text?: string) => void) => {
        createReadStream(path).on('data', (text) => done(null, String(text).replace('NAME', name ?? '')))
      })
      app.set('views', folder)
      app.set('view engine', 'view')
      before?.(app)
      app.use(session(whole.sessions))
      build(app)
      app.use(((error: unknown, req: Req, res: Res, next: () => void) => {
        errors.push(error)
        answerError(error, req, res, next)
      }) as never)
      return { ...whole, errors, app, ...(await serve(app)) }
    }

    describe.each<[string, (res: ExpressRes) => void, object]>([
      ['json', (res) => res.json({ ok: true }), { status: 200, text: '{"ok":true}' }],
      ['send', (res) => res.status(201).send('made'), { status: 201, text: 'made' }],
      ['send of a buffer', (res) => res.send(Buffer.from('made')), { status: 200, text: 'made' }],
      ['sendStatus', (res) => res.sendStatus(202), { status: 202, text: 'Accepted' }],
      ['redirect', (res) => res.redirect(303, '/users'), { status: 303 }],
      ['render', (res) => res.render('hello', { name: 'ada' }), { status: 200, text: 'hello ada' }],
      ['sendFile', (res) => res.sendFile(join(folder, 'page.txt')), { status: 200, text: 'a page of text' }],
      ['download', (res) => res.download(join(folder, 'page.txt')), { status: 200, text: 'a page of text' }],
      ['format', (res) => res.format({ text: () => res.send('plain') }), { status: 200, text: 'plain' }],
    ])('an answer by %s', (__, answer, expected) => {
      const change: Handler = (req, res) => {
        req.session['views'] = 1
        ;(res as ExpressRes).cookie('own', 'a b')
        answer(res as ExpressRes)
      }

      it('leaves when the store has the change', async () => {
        const { wire, store, dataOf } = await application((app) => app.use(change as never))
        const creating = store.hold('create')
        const client = wire({})
        await creating.reached
        creating.open()
        const reply = await client.reply()
        expect(reply).toMatchObject(expected)
        expect(reply.all('set-cookie')).toEqual(['own=a%20b; Path=/', expect.stringMatching(/^sid=/)])
        expect(await dataOf(reply.cookie)).toEqual({ views: 1 })
      })

      it('is an error page when the store fails, and the error handler is told once', async () => {
        const { ask, store, errors } = await application((app) => app.use(change as never))
        store.fail('create')
        const reply = await ask()
        expect(reply).toMatchObject({ status: 503, text: 'failed: StoreError' })
        expect(reply.lines.map(([name]) => name.toLowerCase()).sort()).toEqual(
          ['connection', 'content-length', 'content-type', 'date', 'vary', 'x-powered-by']
            .filter((name) => name !== 'content-length' || reply.header(name) !== undefined)
            .concat(reply.header('transfer-encoding') === undefined ? [] : ['transfer-encoding'])
            .sort(),
        )
        expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_STORE' }])
      })
    })

    it('a large file of sendFile arrives whole, by range too, and a fresh one not at all', async () => {
      const { ask } = await application((app) =>
        app.use(((req: Req, res: ExpressRes) => {
          req.session['views'] = 1
          res.sendFile(join(folder, 'large.bin'))
        }) as never),
      )
      const whole = await ask()
      expect(whole.body.equals(Buffer.alloc(3_000_000, 7))).toBe(true)
      const part = await ask({ headers: { Range: 'bytes=10-19' } })
      expect(part).toMatchObject({ status: 206 })
      expect(part.body).toHaveLength(10)
      const fresh = await ask({ headers: { 'If-None-Match': whole.header('etag')! } })
      expect(fresh).toMatchObject({ status: 304 })
      expect(fresh.cookie).toBeDefined()
    })

    it('a large file of sendFile does not flow into the error page, nor end in a second error', async () => {
      const told: unknown[] = []
      const { ask, store, errors } = await application((app) =>
        app.use(((req: Req, res: ExpressRes) => {
          req.session['views'] = 1
          res.sendFile(join(folder, 'large.bin'), {}, (error) => told.push(error))
        }) as never),
      )
      store.fail('create')
      expect(await ask()).toMatchObject({ status: 503, text: 'failed: StoreError' })
      expect(errors).toHaveLength(1)
      expect(told.every((error) => (error as { code?: string } | undefined)?.code === 'ECONNABORTED')).toBe(true)
    })

    describe.each<[string, (app: ReturnType<typeof express5>, handler: unknown) => void]>([
      ['a route', (app, handler) => app.get('/inner/page', handler as never)],
      [
        'a sub-router',
        (app, handler) => {
          const router = express.Router()
          router.get('/page', handler as never)
          app.use('/inner', router)
        },
      ],
      [
        'a mounted application',
        (app, handler) => {
          const inner = express()
          inner.get('/page', handler as never)
          app.use('/inner', inner)
        },
      ],
      [
        'an application in an application in a router',
        (app, handler) => {
          const [router, inner, innermost] = [express.Router(), express(), express()]
          innermost.get('/page', handler as never)
          inner.use(innermost)
          router.use(inner)
          app.use('/inner', router)
        },
      ],
      [
        'an application called by hand, as vhost does',
        (app, handler) => {
          const inner = express()
          inner.get('/inner/page', handler as never)
          app.use(((req: never, res: never, next: never) => inner(req, res, next)) as never)
        },
      ],
    ])('in %s', (___, place) => {
      const handler = (req: Req, res: ExpressRes): void => {
        req.session['views'] = 1
        res.json({ path: req.originalUrl })
      }

      it('the session is there, and the response waits for it', async () => {
        const { wire, store, dataOf } = await application((app) => place(app, handler))
        const creating = store.hold('create')
        const client = wire({ path: '/inner/page' })
        await creating.reached
        creating.open()
        const reply = await client.reply()
        expect(reply.text).toBe('{"path":"/inner/page"}')
        expect(await dataOf(reply.cookie)).toEqual({ views: 1 })
      })

      it('a failed commit reaches the application’s error handler (17)', async () => {
        const { ask, store, errors } = await application((app) => place(app, handler))
        store.fail('create')
        expect(await ask('/inner/page')).toMatchObject({ status: 503, text: 'failed: StoreError' })
        expect(errors).toHaveLength(1)
      })
    })

    it('a failed commit does not reach the error handlers of a sub-router: it left there without one (17)', async () => {
      let inner = 0
      const { ask, store, errors } = await application((app) => {
        const router = express.Router()
        router.get('/', ((req: Req, res: ExpressRes) => {
          req.session['views'] = 1
          res.json({})
        }) as never)
        router.use(((error: unknown, ____: Req, _____: Res, next: (error: unknown) => void) => {
          inner++
          next(error)
        }) as never)
        app.use('/inner', router)
      })
      store.fail('create')
      expect(await ask('/inner')).toMatchObject({ status: 503 })
      expect([inner, errors.length]).toEqual([0, 1])
    })

    it('mounted on a router alone, it is there alone', async () => {
      const whole = backstage()
      const app = express()
      const router = express.Router()
      router.use(session(whole.sessions))
      router.get('/', count as never)
      app.use('/shop', router)
      app.use(((req: Req, res: Res) => res.end(typeof req.session)) as never)
      const { ask } = await serve(app)
      expect((await ask('/shop')).text).toBe('views 1')
      expect((await ask('/')).text).toBe('undefined')
    })

    it('another application of the same Express has no session, and may keep what it likes under that name', async () => {
      await (await application((app) => app.use(count as never))).ask()
      const app = express()
      app.use(((req: Req & { session: unknown }, res: ExpressRes) => {
        const before = req.session
        req.session = { mine: true } as never
        res.json([before ?? 'none', req.session, Object.keys(req).includes('session')])
      }) as never)
      const { ask } = await serve(app)
      const reply = await ask()
      expect(reply.text).toBe('["none",{"mine":true},true]')
      expect(reply.all('vary')).toEqual([])
    })

    it('the methods that were put on the application’s response before and after go on being called', async () => {
      const called: string[] = []
      const patch = (name: string) => (app: ReturnType<typeof express5>) => {
        const { end } = app.response
        app.response.end = function (this: Res, ...args: never[]) {
          called.push(name)
          return (end as (...args: never[]) => Res).apply(this, args)
        } as never
      }
      const { ask, dataOf, app } = await application((app) => app.use(count as never), patch('before'))
      const first = await ask()
      patch('after')(app)
      const second = await ask({ cookie: first.cookie })
      expect([first.text, second.text]).toEqual(['views 1', 'views 2'])
      expect(await dataOf(first.cookie)).toEqual({ views: 2 })
      expect(called).toEqual(['before', 'after', 'before'])
    })

    it('a handler that throws, or rejects, is the error handler’s, and its changes are kept', async () => {
      const { ask, errors, dataOf } = await application((app) =>
        app.use(((req: Req) => {
          req.session['seen'] = true
          throw Object.assign(new Error('teapot'), { status: 418 })
        }) as never),
      )
      const reply = await ask()
      expect(reply).toMatchObject({ status: 418 })
      expect(errors).toMatchObject([{ message: 'teapot' }])
      expect(await dataOf(reply.cookie)).toEqual({ seen: true })
    })
  })

  it('one copy of Express in another: the inner one mounts the middleware too, and it is one session', async () => {
    const whole = backstage()
    const [outer, inner] = [express4(), express5()]
    outer.use(session(whole.sessions))
    outer.use(((req: Req, _: Res, next: () => void) => {
      req.session['outer'] = true
      next()
    }) as never)
    inner.use(session(whole.sessions))
    inner.use(((req: Req, res: ExpressRes) => {
      req.session['inner'] = true
      res.json({ ...req.session })
    }) as never)
    outer.use(inner as never)
    const { wire } = await serve(outer)
    const creating = whole.store.hold('create')
    const client = wire({})
    await creating.reached
    creating.open()
    const reply = await client.reply()
    expect(reply.text).toBe('{"outer":true,"inner":true}')
    expect(await whole.dataOf(reply.cookie)).toEqual({ outer: true, inner: true })
    expect(whole.store.calls.filter((call) => call === 'create')).toHaveLength(1)
  })

  it('a copy that never heard of the session answers past it: the change is stored late, and a warning says so', async () => {
    const whole = backstage()
    const app = express5()
    app.use(session(whole.sessions))
    const foreign = Object.create(ServerResponse.prototype) as object
    app.use(((req: Req, res: Res) => {
      req.session['seen'] = true
      Object.setPrototypeOf(res, foreign)
      res.end('{}')
    }) as never)
    const { ask } = await serve(app)
    const cookie = await whole.signIn({ user: 'alice' })
    const saving = whole.store.holdAnswer('save')
    const seen = await warnings(async () => {
      expect((await ask({ cookie })).text).toBe('{}')
      await saving.reached
      saving.open()
    })
    expect(seen).toMatchObject([{ code: 'SOJOURN_BYPASSED' }])
    expect(await whole.dataOf(cookie)).toEqual({ user: 'alice', seen: true })
  })

  it('an Express application in a Connect one has the session of the outer middleware', async () => {
    const whole = backstage()
    const [outer, inner] = [connect(), express5()]
    outer.use(session(whole.sessions) as never)
    inner.use(count as never)
    outer.use(inner as never)
    const { ask } = await serve(outer)
    const reply = await ask()
    expect(reply.text).toBe('views 1')
    expect(await whole.dataOf(reply.cookie)).toEqual({ views: 1 })
  })
})

describe('session()', () => {
  it.each<[string, () => unknown]>([
    ['something that is no manager', () => session({ open() {} } as never)],
    ['an option that there is not', () => session({ secret: 'keyboard cat' } as never)],
    ['an option that cannot be', () => session({ idleTimeout: -1 })],
    ['a number', () => session(5 as never)],
    ['null', () => session(null as never)],
    ['a list', () => session([] as never)],
    ['a function, another middleware say', () => session((() => {}) as never)],
    ['a misspelt option of the adapter', () => session({}, { tuoch: () => true } as never)],
    ['null for options of the adapter', () => session({}, null as never)],
    ['an option of the manager beside it', () => session(createSessions(), { idleTimeout: 60 } as never)],
    ['a touch that is no function', () => session({}, { touch: false } as never)],
    ['a touch that is no function, among the others', () => session({ touch: false } as never)],
    ['a proxy by its name', () => session({}, { trustProxy: 'loopback' } as never)],
    ['a negative number of proxies', () => session({ trustProxy: -1 })],
  ])('refuses %s at once', (_, make) => {
    const message = expect.stringMatching(/; (?:give|the known ones are) /) as string
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG', message }))
  })

  it.each<[string, () => ReturnType<typeof session>]>([
    ['nothing', () => session()],
    ['options', () => session({ cookie: { name: 'shop' } })],
  ])('takes %s', async (_, make) => {
    const app = express5()
    app.use(make())
    app.use(count as never)
    const { ask } = await serve(app)
    const cookie = (await ask()).all('set-cookie')[0]!.split(';')[0]!
    expect((await ask({ cookie })).text).toBe('views 2')
  })

  it('takes the options of the adapter among the others, or beside them', async () => {
    for (const make of [
      () => session({ trustProxy: 1, cookie: { name: 'shop' } }),
      () => session({ trustProxy: false, cookie: { name: 'shop' } }, { trustProxy: 1 }),
      () => session(createSessions({ cookie: { name: 'shop' } }), { trustProxy: 1 }),
    ]) {
      const app = express5()
      app.use(make())
      app.use(count as never)
      const { ask } = await serve(app)
      const answer = await ask({ headers: [['x-forwarded-proto', 'https']] })
      expect(answer.all('set-cookie')[0]).toMatch(/^__Host-shop=/)
    }
  })
})
