/** HTTP/2 in its compatibility mode, with a bare handler: fact 25 of `reference/response-gate.md`. Warns of nothing. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, createServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import type { Session } from '../../src/core/session.ts'
import { backstage, type Data, type Next } from './_stage.ts'

type Req = Http2ServerRequest & { session: Session<Data> }
type Res = Http2ServerResponse

interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  cookie: string | undefined
  body: string
  /** How the stream was reset; 0 when it was not. */
  reset: number
}

async function stage(handler: (req: Req, res: Res) => unknown, onError?: (error: unknown, req: Req, res: Res) => void) {
  const whole = backstage()
  const errors: unknown[] = []
  const middleware = session(whole.sessions) as unknown as (req: Req, res: Res, next: Next) => void
  const server = createServer((req, res) => {
    middleware(req as Req, res, (error) => {
      if (error === undefined) handler(req as Req, res)
      else {
        errors.push(error)
        onError?.(error, req as Req, res)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  const open = (headers: Record<string, string | string[]> = {}) => client.request({ ':path': '/', ...headers })
  const ask = async (headers?: Record<string, string | string[]>, stream = open(headers)): Promise<Answer> => {
    const answer: Answer = { status: 0, headers: {}, cookie: undefined, body: '', reset: 0 }
    stream.on('response', ({ ':status': status, ...headers }) => {
      const cookie = headers['set-cookie']?.find((line) => line.startsWith('sid='))?.split(';')[0]
      Object.assign(answer, { status, headers, cookie })
    })
    stream.on('data', (chunk: Buffer) => (answer.body += chunk.toString()))
    stream.on('error', () => {})
    await once(stream, 'close').catch(() => {})
    answer.reset = stream.rstCode ?? 0
    return answer
  }
  return { ...whole, errors, open, ask }
}

const write = (req: Req): void => void (req.session['views'] = 1)

const warned: Error[] = []
const listener = (warning: Error): void => void warned.push(warning)
beforeEach(() => void process.on('warning', listener))
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', listener)
  expect(warned.splice(0)).toEqual([])
})

describe('on HTTP/2', () => {
  it.each<[string, (res: Res) => unknown]>([
    ['end(body)', (res) => res.end('answer')],
    ['write and end', (res) => (res.write('ans'), res.end('wer'))],
    ['writeHead with an object', (res) => res.writeHead(200, { 'x-own': '1' }).end('answer')],
    ['writeHead with a flat array', (res) => res.writeHead(200, ['x-own', '1'] as never).end('answer')],
    ['flushHeaders', (res) => ((res as unknown as ServerResponse).flushHeaders(), res.end('answer'))],
    ['pipe', (res) => Readable.from(['ans', 'wer']).pipe(res)],
  ])('%s waits for the store', async (_, answer) => {
    const { ask, store, dataOf } = await stage((req, res) => {
      write(req)
      res.setHeader('set-cookie', 'own=1')
      answer(res)
      held(res)
    })
    let held!: (res: Res) => void
    const holding = new Promise<Res>((resolve) => (held = resolve))
    const creating = store.hold('create')
    const asked = ask()
    const res = await holding
    await creating.reached
    expect(res.headersSent).toBe(true)
    expect(() => res.setHeader('x-late', '1')).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
    expect(res.stream.headersSent).toBe(false)
    creating.open()
    const reply = await asked
    expect(reply).toMatchObject({ status: 200, body: 'answer', reset: 0 })
    expect(reply.headers).toMatchObject({ vary: 'Cookie', 'cache-control': 'no-store' })
    expect(reply.headers['set-cookie']).toEqual(['own=1', expect.stringMatching(/^sid=/)])
    expect(await dataOf(reply.cookie)).toEqual({ views: 1 })
  })

  it('a read passes in the same tick', async () => {
    const { ask, signIn } = await stage((req, res) => {
      const name = req.session['user'] as string
      res.writeHead(200)
      expect(res.stream.headersSent).toBe(true)
      res.end(name)
    })
    expect(await ask({ cookie: await signIn() })).toMatchObject({ body: 'alice', headers: { vary: 'Cookie' } })
  })

  it('a crumbled Cookie header is put together (C01)', async () => {
    const { ask, signIn } = await stage((req, res) => res.end(String(req.session['user'])))
    expect((await ask({ cookie: ['a=1', await signIn(), 'b=2'] })).body).toBe('alice')
  })

  it('a large body comes out whole and in order, however slowly it is read', async () => {
    const parts = Array.from({ length: 2000 }, (_, at) => `${at} `.padStart(1000))
    const { ask, open, store } = await stage((req, res) => {
      write(req)
      Readable.from(parts).pipe(res)
    })
    const creating = store.hold('create')
    const stream = open()
    stream.on('data', () => {
      stream.pause()
      setImmediate(() => stream.resume())
    })
    const asked = ask({}, stream)
    await creating.reached
    creating.open()
    expect((await asked).body === parts.join('')).toBe(true)
  })

  it('a failed commit is the error handler’s to answer, and nothing of the response leaves', async () => {
    const { ask, store, errors } = await stage(
      (req, res) => {
        write(req)
        res.writeHead(302, { location: '/users', 'set-cookie': 'own=1' })
        res.end('answer')
      },
      (_, __, res) => {
        res.statusCode = 503
        res.end('sorry')
      },
    )
    store.fail('create')
    const reply = await ask()
    expect(reply).toMatchObject({ status: 503, body: 'sorry', reset: 0 })
    expect(Object.keys(reply.headers)).toEqual(['vary', 'date'])
    expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_STORE' }])
  })

  it('a second failure is a bare 503, whole (22, 25)', async () => {
    const { ask, store } = await stage(
      (req, res) => {
        write(req)
        res.end('answer')
      },
      (_, req, res) => {
        write(req)
        res.end('sorry')
      },
    )
    store.fail('create', 2)
    expect(await ask()).toMatchObject({ status: 503, body: 'Service Unavailable\n', reset: 0 })
  })

  it('failing after the head resets the stream: it must not look whole', async () => {
    const { ask, store, errors, signIn } = await stage((req, res) => {
      void req.session['user']
      res.write('first')
      req.session['seen'] = true
      res.end('second')
    })
    const cookie = await signIn()
    store.fail('save')
    const reply = await ask({ cookie })
    expect(reply).toMatchObject({ status: 200, body: 'first' })
    expect(reply.reset).not.toBe(0)
    expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_STORE' }])
  })

  it('a client that resets the stream leaves the change saved, and no orphan', async () => {
    let give!: (exchange: [Req, Res]) => void
    const { open, store, errors, signIn, dataOf } = await stage((req, res) => {
      req.session['cart'] = 1
      give([req, res])
    })
    const cookie = await signIn({ user: 'alice' })
    for (const headers of [{ cookie }, {}]) {
      const exchange = new Promise<[Req, Res]>((resolve) => (give = resolve))
      const stream = open(headers)
      stream.on('error', () => {})
      const [, res] = await exchange
      const closed = once(res, 'close')
      stream.close()
      await closed
      res.end('answer')
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await dataOf(cookie)).toEqual({ user: 'alice', cart: 1 })
    expect(store.calls.filter((call) => call === 'create')).toEqual([])
    expect(errors).toEqual([])
  })

  it('a client that resets a held stream harms nobody', async () => {
    let give!: (res: Res) => void
    const held = new Promise<Res>((resolve) => (give = resolve))
    const { open, store, errors, signIn, dataOf } = await stage((req, res) => {
      req.session['cart'] = 1
      res.write('first')
      res.end('second')
      give(res)
    })
    const cookie = await signIn({ user: 'alice' })
    const saving = store.hold('save')
    const stream = open({ cookie })
    stream.on('error', () => {})
    const res = await held
    await saving.reached
    const closed = once(res, 'close')
    stream.close()
    await closed
    saving.open()
    await new Promise((resolve) => setImmediate(resolve))
    expect(await dataOf(cookie)).toEqual({ user: 'alice', cart: 1 })
    expect(errors).toEqual([])
  })
})
