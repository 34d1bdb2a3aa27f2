/** Without a framework: a callback that hears no errors, upgrades, and stand-ins for a response. */
import { once } from 'node:events'
import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import { backstage, type Data, type Req, type Res, serve } from './_stage.ts'

describe('a callback without a parameter', () => {
  async function bare(handler: (req: Req, res: Res) => unknown, onSession?: Parameters<typeof backstage>[0]) {
    const whole = backstage(onSession)
    const attach = session(whole.sessions)
    return { ...whole, ...(await serve((req: Req, res: Res) => attach(req, res, () => void handler(req, res)))) }
  }

  it('is called when the session is there', async () => {
    const { ask, dataOf } = await bare((req, res) => {
      req.session['views'] = 1
      res.end('answer')
    })
    const reply = await ask()
    expect(reply.text).toBe('answer')
    expect(await dataOf(reply.cookie)).toEqual({ views: 1 })
  })

  it.each([true, false])('is answered for when the session cannot be read (at once: %s)', async (atOnce) => {
    let called = false
    const { ask, store, signIn } = await bare((_, res) => ((called = true), res.end('answer')))
    const cookie = await signIn()
    store.next('load', () => {
      const error = new Error('connection lost')
      if (atOnce) throw error
      return Promise.reject(error)
    })
    const reply = await ask({ cookie })
    expect(reply).toMatchObject({ status: 503, reason: 'Service Unavailable', text: 'Service Unavailable\n' })
    expect(reply.header('cache-control')).toBe('no-store')
    expect(reply.header('content-type')).toBe('text/plain; charset=utf-8')
    expect(called).toBe(false)
  })

  it.each<[string, (store: ReturnType<typeof backstage>['store']) => void, (req: Req) => void, number, string]>([
    ['the store fails', (store) => store.fail('create'), (req) => (req.session['a'] = 1), 503, 'Service Unavailable\n'],
    ['the data cannot be kept', () => {}, (req) => (req.session['a'] = 1n), 500, 'Internal Server Error\n'],
  ])('is answered for when %s at the commit, with the error’s status', async (_, prepare, change, status, text) => {
    const { ask, store } = await bare((req, res) => {
      change(req)
      res.setHeader('X-Own', '1')
      res.end('answer')
    })
    prepare(store)
    const reply = await ask()
    expect(reply).toMatchObject({ status, text })
    expect(reply.all('x-own')).toEqual([])
  })

  it('is answered for with 409 when others stand in the way', async () => {
    const { ask, sessions, signIn } = await bare(
      async (req, res) => {
        req.session['a'] = 1
        await sessions.update(req.session.id, (data) => void (data['a'] = 2))
        res.end('answer')
      },
      { onConflict: 'reject' },
    )
    expect(await ask({ cookie: await signIn() })).toMatchObject({ status: 409, text: 'Conflict\n' })
  })

  it('hears nothing of a connection that was cut', async () => {
    let called = 0
    const { wire, store, signIn } = await bare((req, res) => {
      called++
      void req.session['user']
      res.write('first')
      req.session['seen'] = true
      res.end('second')
    })
    const cookie = await signIn()
    store.fail('save')
    await expect(wire({ cookie }).reply()).rejects.toThrow('cut off')
    expect(called).toBe(1)
  })

  it('that throws is nobody’s to catch', async () => {
    const { sessions } = backstage()
    const req = Object.assign(new IncomingMessage(null as never), { method: 'GET', url: '/' })
    expect(() =>
      session(sessions)(req, new ServerResponse(req), () => {
        throw new Error('of its own')
      }),
    ).toThrow('of its own')
  })
})

/** What engine.io hands to middleware in place of a response, when the transport is a WebSocket. */
class WebSocketResponse {
  readonly headers: Record<string, unknown> = {}
  readonly socket: Socket

  constructor(socket: Socket) {
    this.socket = socket
  }

  setHeader(name: string, value: unknown): void {
    this.headers[name] = value
  }

  getHeader(name: string): unknown {
    return this.headers[name]
  }

  removeHeader(name: string): void {
    delete this.headers[name]
  }

  write(): void {}
  writeHead(): void {}

  end(): void {
    this.socket.destroy()
  }
}

describe.each<[string, (socket: Socket) => object]>([
  ['an empty object', () => ({})],
  ['engine.io’s stand-in', (socket) => new WebSocketResponse(socket)],
])('on an upgrade, with %s for a response', (_, standIn) => {
  /** Upgrades a request, and gives it to `use` with its session. */
  async function upgraded<R>(cookie: string | undefined, whole: ReturnType<typeof backstage>, use: (req: Req) => R) {
    const server = createServer()
    const done = new Promise<R>((resolve, reject) => {
      server.on('upgrade', (req: Req, socket: Socket) => {
        session(whole.sessions)(req, standIn(socket) as Res, (error?: unknown) => {
          if (error === undefined) resolve(use(req))
          else reject(error)
        })
        socket.end()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.on('error', () => {})
    const lines = ['GET / HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket']
    if (cookie !== undefined) lines.push(`Cookie: ${cookie}`)
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    return done
  }

  it('the session is there for reading', async () => {
    const whole = backstage()
    expect(await upgraded(await whole.signIn(), whole, (req) => req.session['user'])).toBe('alice')
    expect(await upgraded(undefined, whole, (req) => req.session['user'])).toBeUndefined()
  })

  it('and for writing, with save(): nothing else will commit it', async () => {
    const whole = backstage()
    const cookie = await whole.signIn()
    await upgraded(cookie, whole, (req) => {
      req.session['online'] = true
      return req.session.save()
    })
    expect(await whole.dataOf(cookie)).toEqual({ user: 'alice', online: true })
  })

  it('but a change that needs a cookie is refused: there is no response to carry it', async () => {
    const whole = backstage()
    const begun = upgraded(undefined, whole, (req) => {
      req.session['user'] = 'alice'
      return req.session.save()
    })
    await expect(begun).rejects.toMatchObject({ code: 'ERR_SOJOURN_HEADERS_SENT' })
    const rotated = upgraded(await whole.signIn(), whole, (req) => {
      req.session['user'] = 'mallory'
      return req.session.save()
    })
    await expect(rotated).rejects.toMatchObject({ code: 'ERR_SOJOURN_HEADERS_SENT' })
    expect(whole.store.calls.filter((call) => call === 'create')).toHaveLength(0)
  })

  it('a failing store is told, for there is nobody to answer', async () => {
    const whole = backstage()
    const cookie = await whole.signIn()
    whole.store.fail('load')
    await expect(upgraded(cookie, whole, () => {})).rejects.toMatchObject({ code: 'ERR_SOJOURN_STORE' })
  })

  it('handlers of several upgrades share no session', async () => {
    const whole = backstage()
    const [alice, bob] = [await whole.signIn({ user: 'alice' }), await whole.signIn({ user: 'bob' })]
    const seen = await Promise.all([alice, bob].map((cookie) => upgraded(cookie, whole, (req) => ({ ...req.session }))))
    expect(seen satisfies Data[]).toEqual([{ user: 'alice' }, { user: 'bob' }])
  })
})
