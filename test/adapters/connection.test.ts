/** The gate and the connection: keep-alive, pipelines, responses without a body, clients that go away. */
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { Gate } from '../support/gate.ts'
import { caught, express4, express5, FRAMEWORKS, type Handler, type Res, backstage, serve, stage } from './_stage.ts'
import { session } from '../../src/adapters/express.ts'

/** One turn of the event loop: time for all that a store in memory and its callers do. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe.each(FRAMEWORKS)('on %s', (framework) => {
  it('requests on one connection have each its own session', async () => {
    const { wire, signIn } = await stage({
      framework,
      handler: (req, res) => res.end(String(req.session['user'])),
    })
    const client = wire()
    const cookies = [await signIn({ user: 'alice' }), undefined, await signIn({ user: 'bob' })]
    for (const [cookie, name] of [
      [cookies[0], 'alice'],
      [cookies[1], 'undefined'],
      [cookies[2], 'bob'],
    ] as const) {
      client.send({ cookie })
      expect((await client.reply()).text).toBe(name)
    }
  })

  it('pipelined responses come in the order of their requests, whichever of them are held', async () => {
    const seen: Res[] = []
    let all!: () => void
    const arrived = new Promise<void>((resolve) => (all = resolve))
    const { wire, store, signIn } = await stage({
      framework,
      handler(req, res) {
        if (req.url !== '/read') req.session[req.url!.slice(1)] = true
        else void req.session['user']
        res.end(req.url)
        seen.push(res)
        if (seen.length === 5) all()
      },
    })
    // Different sessions, so that none waits for the turn of another.
    const cookies = [await signIn(), await signIn(), await signIn()]
    const first = store.hold('save')
    const second = store.hold('save')
    const client = wire(
      { path: '/a', cookie: cookies[0] },
      { path: '/read', cookie: cookies[1] },
      { path: '/b', cookie: cookies[2] },
      { path: '/read' },
      { path: '/c' },
    )
    await arrived
    await first.reached
    await second.reached
    expect(seen[0]!.req.socket.bytesWritten).toBe(0)
    second.open()
    await turn()
    expect(seen[0]!.req.socket.bytesWritten).toBe(0)
    first.open()
    const texts: string[] = []
    for (let left = 5; left > 0; left--) texts.push((await client.reply()).text)
    expect(texts).toEqual(['/a', '/read', '/b', '/read', '/c'])
  })

  it('a pipelined response that fails is answered in its place', async () => {
    const { wire, store } = await stage({
      framework,
      handler(req, res) {
        if (req.url === '/write') req.session['views'] = 1
        res.end(req.url)
      },
    })
    store.fail('create')
    const client = wire({ path: '/read' }, { path: '/write' }, { path: '/read' })
    expect((await client.reply()).text).toBe('/read')
    expect(await client.reply()).toMatchObject({ status: 503, text: 'failed: StoreError' })
    expect((await client.reply()).text).toBe('/read')
  })

  it.each([
    ['HEAD', 200, 'HEAD'],
    ['GET', 204, 'a 204'],
    ['GET', 304, 'a 304'],
  ])('%s with %i: %s is held like any other, has no body, and leaves the connection whole', async (method, status) => {
    const { wire, store, dataOf } = await stage({
      framework,
      handler(req, res) {
        req.session['views'] = 1
        res.statusCode = status
        res.end(req.method === 'HEAD' || status !== 200 ? undefined : 'answer')
      },
    })
    const creating = store.hold('create')
    const client = wire({ method })
    await creating.reached
    creating.open()
    const reply = await client.reply(method)
    expect(reply.status).toBe(status)
    expect(await dataOf(reply.cookie)).toEqual({ views: 1 })
    client.send({ method: 'HEAD' })
    expect((await client.reply('HEAD')).status).toBe(status)
    expect(client.rest).toBe('')
  })

  it('trailers of a held response arrive', async () => {
    const { handler, exchange } = caught()
    const { wire, store } = await stage({ framework, handler })
    const creating = store.hold('create')
    const client = wire({})
    const { res } = await exchange
    res.setHeader('Trailer', 'X-Sum')
    res.write('answer')
    res.addTrailers({ 'X-Sum': '42' })
    res.end()
    await creating.reached
    client.socket.end()
    creating.open()
    expect((await client.head()).header('trailer')).toBe('X-Sum')
    await client.closed
    expect(client.rest).toBe('6\r\nanswer\r\n0\r\nX-Sum: 42\r\n\r\n')
  })

  it('corks and uncorks of the handler change nothing of it', async () => {
    const { handler, exchange } = caught()
    const { wire, store } = await stage({ framework, handler })
    const creating = store.hold('create')
    const client = wire({})
    const { res } = await exchange
    res.cork()
    res.write('ans')
    res.write('wer')
    res.uncork()
    await creating.reached
    creating.open()
    res.end()
    expect((await client.reply()).text).toBe('answer')
  })

  describe('a client that goes away before the end', () => {
    it('leaves the change already made saved (D17)', async () => {
      const { handler, exchange } = caught((req) => (req.session['cart'] = 1))
      const { wire, store, signIn, dataOf } = await stage({ framework, handler })
      const cookie = await signIn({ user: 'alice' })
      const saving = store.holdAnswer('save')
      const client = wire({ cookie })
      await exchange
      await client.leave()
      await saving.reached
      expect(await dataOf(cookie)).toEqual({ user: 'alice', cart: 1 })
      saving.open()
    })

    it('after the head too', async () => {
      const { handler, exchange } = caught((req) => req.session['user'])
      const { wire, store, signIn, dataOf } = await stage({ framework, handler })
      const cookie = await signIn({ user: 'alice' })
      const client = wire({ cookie })
      const { req, res } = await exchange
      res.write('first')
      await client.head()
      req.session['cart'] = 1
      const saving = store.holdAnswer('save')
      await client.leave()
      await saving.reached
      expect(await dataOf(cookie)).toEqual({ user: 'alice', cart: 1 })
      saving.open()
    })

    it('and what its handler changes later is saved at the end', async () => {
      const { handler, exchange } = caught((req) => req.session['user'])
      const { wire, store, errors, signIn, dataOf } = await stage({ framework, handler })
      const cookie = await signIn({ user: 'alice' })
      const client = wire({ cookie })
      const { req, res } = await exchange
      await client.leave()
      if (!res.destroyed) await once(res, 'close')
      const saving = store.holdAnswer('save')
      req.session['cart'] = 1
      res.end('answer')
      await saving.reached
      expect(await dataOf(cookie)).toEqual({ user: 'alice', cart: 1 })
      saving.open()
      expect(errors).toEqual([])
    })

    it.each<[string, (req: { session: Record<string, unknown> }) => void]>([
      ['made before', (req) => (req.session['views'] = 1)],
      ['made later', () => {}],
    ])('leaves no orphan of a new session whose cookie cannot be delivered: %s', async (when, change) => {
      const { handler, exchange } = caught((req) => (change(req), req.session['views']))
      const { wire, store, errors } = await stage({ framework, handler })
      const client = wire({})
      const { req, res } = await exchange
      await client.leave()
      if (!res.destroyed) await once(res, 'close')
      if (when === 'made later') req.session['views'] = 1
      res.end('answer')
      await turn()
      expect(store.calls).toEqual([])
      expect(errors).toEqual([])
    })

    it('leaves no orphan when its handler looks for the first time after that', async () => {
      const { handler, exchange } = caught(() => {})
      const { wire, store, errors } = await stage({ framework, handler })
      const client = wire({})
      const { req, res } = await exchange
      await client.leave()
      if (!res.destroyed) await once(res, 'close')
      req.session['views'] = 1
      await expect(req.session.save()).rejects.toMatchObject({ code: 'ERR_SOJOURN_HEADERS_SENT' })
      res.end('answer')
      await turn()
      expect(store.calls).toEqual([])
      expect(errors).toEqual([])
    })

    it('while the response is held, harms nobody', async () => {
      const { handler, exchange } = caught((req) => (req.session['cart'] = 1))
      const { wire, store, errors, signIn, dataOf } = await stage({ framework, handler })
      const cookie = await signIn({ user: 'alice' })
      const saving = store.hold('save')
      const client = wire({ cookie })
      const { res } = await exchange
      const told = new Promise((resolve) => res.write('first', resolve))
      res.end('second')
      await saving.reached
      const closed = once(res, 'close')
      await client.leave()
      await closed
      saving.open()
      expect(await told).toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
      expect(await dataOf(cookie)).toEqual({ user: 'alice', cart: 1 })
      expect(errors).toEqual([])
    })

    it('and when the commit fails meanwhile, what was piped to it is closed', async () => {
      const { handler, exchange } = caught()
      const { wire, store, errors } = await stage({ framework, handler })
      const creating = new Gate()
      store.next('create', async () => {
        await creating.pass()
        throw new Error('connection lost')
      })
      const client = wire({})
      const { res } = await exchange
      const source = new PassThrough()
      source.pipe(res)
      source.write('first')
      await creating.reached
      const closed = once(res, 'close')
      await client.leave()
      await closed
      creating.open()
      await once(source, 'close')
      expect(errors).toEqual([])
    })
  })

  it('a first look after the head has left can read and change, and cannot begin a session', async () => {
    const { handler, exchange } = caught(() => {})
    const { wire, signIn, dataOf } = await stage({ framework, handler })
    const cookie = await signIn({ user: 'alice' })
    const client = wire({ cookie })
    const { req, res } = await exchange
    res.write('first')
    expect(req.session['user']).toBe('alice')
    req.session['seen'] = true
    res.end('second')
    expect((await client.reply()).text).toBe('firstsecond')
    expect(await dataOf(cookie)).toEqual({ user: 'alice', seen: true })
  })

  it('a first look after the end can read', async () => {
    const { handler, exchange } = caught(() => {})
    const { wire, signIn } = await stage({ framework, handler })
    const client = wire({ cookie: await signIn({ user: 'alice' }) })
    const { req, res } = await exchange
    res.end('answer')
    expect(req.session['user']).toBe('alice')
    expect((await client.reply()).text).toBe('answer')
  })
})

describe.each([
  ['express 5', express5],
  ['express 4', express4],
] as const)('on %s, whose send() answers conditional requests', (_, express) => {
  async function app(handler: Handler) {
    const { sessions, store, ...rest } = backstage()
    const app = express()
    app.use(session(sessions))
    app.use(handler as never)
    return { store, sessions, ...rest, ...(await serve(app)) }
  }
  const send = (res: Res, body: string): void => (res as Res & { send(body: string): void }).send(body)

  it('a read is a 304 without a cookie and with Vary (H02, H04)', async () => {
    const { ask, signIn } = await app((req, res) => send(res, `hello ${String(req.session['user'])}`))
    const cookie = await signIn()
    const etag = (await ask({ cookie })).header('etag')!
    const reply = await ask({ cookie, headers: { 'If-None-Match': etag } })
    expect(reply.status).toBe(304)
    expect(reply.all('set-cookie')).toEqual([])
    expect(reply.header('vary')).toBe('Cookie')
  })

  it('a change that needs a cookie delivers it on a 304 too, kept by nobody: without it the change would be lost (H04)', async () => {
    const { ask, dataOf } = await app((req, res) => {
      req.session['seen'] = true
      res.setHeader('Cache-Control', 'public, max-age=60')
      send(res, 'page')
    })
    const etag = (await ask({})).header('etag')!
    const reply = await ask({ headers: { 'If-None-Match': etag } })
    expect(reply.status).toBe(304)
    expect(await dataOf(reply.cookie)).toEqual({ seen: true })
    expect(reply.header('cache-control')).toBe('no-store')
  })

  it('HEAD has the length of the body, and waits for the store', async () => {
    const { wire, store } = await app((req, res) => {
      req.session['seen'] = true
      send(res, 'a page')
    })
    const creating = store.hold('create')
    const client = wire({ method: 'HEAD' })
    await creating.reached
    creating.open()
    const reply = await client.reply('HEAD')
    expect(reply).toMatchObject({ status: 200 })
    expect(reply.header('content-length')).toBe('6')
    expect(reply.cookie).toBeDefined()
  })
})
