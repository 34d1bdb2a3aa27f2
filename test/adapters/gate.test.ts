/** What the gate holds, when, and what a held response looks like: facts 1 to 9 of `reference/response-gate.md`. */
import { finished } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { Gate } from '../support/gate.ts'
import { caught, FRAMEWORKS, type Next, type Res, stage } from './_stage.ts'

/** Every way to send the first byte of a final response. */
const WAYS: Record<string, (res: Res) => void> = {
  end: (res) => void res.end('answer'),
  write(res) {
    res.write('ans')
    res.end('wer')
  },
  writeHead(res) {
    res.writeHead(200, { 'X-Own': 'kept' })
    res.end('answer')
  },
  flushHeaders(res) {
    res.flushHeaders()
    res.end('answer')
  },
}

describe.each(FRAMEWORKS)('on %s', (framework) => {
  describe.each(Object.keys(WAYS))('a response that begins with %s', (way) => {
    it('sends no byte before the store has the change, and all of them after (1)', async () => {
      const { handler, exchange } = caught()
      const { store, wire, dataOf } = await stage({ framework, handler })
      const creating = store.hold('create')
      const client = wire({})
      const { req, res } = await exchange
      WAYS[way]!(res)
      await creating.reached
      expect(req.socket.bytesWritten).toBe(0)

      creating.open()
      const reply = await client.reply()
      expect(reply.text).toBe('answer')
      expect(await dataOf(reply.cookie)).toEqual({ views: 1 })
    })

    it('passes in the same tick when nothing is due (2)', async () => {
      const { handler, exchange } = caught((req) => req.session['views'])
      const { wire, signIn } = await stage({ framework, handler })
      const client = wire({ cookie: await signIn() })
      const { req, res } = await exchange
      WAYS[way]!(res)
      expect(req.socket.bytesWritten).toBeGreaterThan(0)
      expect((await client.reply()).text).toBe('answer')
    })
  })

  it.each([
    ['writeContinue', (res: Res) => res.writeContinue(), 'HTTP/1.1 100 Continue'],
    ['writeProcessing', (res: Res) => res.writeProcessing(), 'HTTP/1.1 102 Processing'],
    [
      'writeEarlyHints',
      (res: Res) => res.writeEarlyHints({ link: '</a.css>; rel=preload' }),
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload',
    ],
  ])('%s passes a held response, and carries no cookie (1, H06)', async (_, send, head) => {
    const { handler, exchange } = caught()
    const { store, wire } = await stage({ framework, handler })
    const creating = store.hold('create')
    const client = wire({})
    const { res } = await exchange
    res.end('answer')
    await creating.reached
    send(res)
    await new Promise((resolve) => client.socket.once('data', resolve))
    expect(client.rest).toBe(`${head}\r\n\r\n`)

    creating.open()
    const reply = await client.reply()
    expect(client.interim).toEqual([head])
    expect(reply.cookie).toMatch(/^sid=/)
  })

  it('does not hold a response for a touch, nor spoils it when the touch fails (3)', async () => {
    let now = Date.now()
    const { handler, exchange } = caught((req) => req.session['user'])
    const { store, sessions, wire, signIn } = await stage({ framework, handler, manager: { clock: () => now } })
    const told = new Promise((resolve) => sessions.on('store-error', ({ reason }) => resolve(reason)))
    const cookie = await signIn()
    now += 3_600_000
    const touching = new Gate()
    store.next('touch', async () => {
      await touching.pass()
      throw new Error('connection lost')
    })
    const client = wire({ cookie })
    const { req, res } = await exchange
    res.end('answer')
    await touching.reached
    expect(req.socket.bytesWritten).toBeGreaterThan(0)
    touching.open()
    expect(await client.reply()).toMatchObject({ status: 200, text: 'answer' })
    expect(await told).toBe('touch')
  })

  it('an end after the head waits for a change after the first byte (4)', async () => {
    const { handler, exchange } = caught((req) => req.session['user'])
    const { store, wire, signIn, dataOf } = await stage({ framework, handler })
    const cookie = await signIn({ user: 'alice' })
    const saving = store.hold('save')
    const client = wire({ cookie })
    const { req, res } = await exchange
    res.write('first')
    expect((await client.head()).status).toBe(200)
    const { bytesWritten } = req.socket
    req.session['seen'] = true
    res.end('second')
    await saving.reached
    expect(req.socket.bytesWritten).toBe(bytesWritten)
    expect(res.writableEnded).toBe(true)

    saving.open()
    await finished(res)
    expect(await dataOf(cookie)).toEqual({ user: 'alice', seen: true })
  })

  it('refuses a new session after the first byte: nothing is stored, and the connection is cut (4, B12)', async () => {
    const { handler, exchange } = caught((req) => req.session['user'])
    const { store, errors, wire } = await stage({ framework, handler })
    const client = wire({})
    const { req, res } = await exchange
    res.write('first')
    req.session['user'] = 'alice'
    res.end('second')
    await expect(client.reply()).rejects.toThrow('cut off')
    expect(client.rest).not.toContain('second')
    expect(store.calls).toEqual([])
    expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_HEADERS_SENT' }])
  })

  it('refuses a rotation after the first byte: the session stays as it was, and its cookie opens it (4, B12)', async () => {
    const { handler, exchange } = caught((req) => req.session['user'])
    const { errors, wire, signIn, dataOf } = await stage({ framework, handler })
    const cookie = await signIn({ user: 'alice' })
    const client = wire({ cookie })
    const { req, res } = await exchange
    res.write('first')
    req.session['user'] = 'mallory'
    res.end('second')
    await expect(client.reply()).rejects.toThrow('cut off')
    expect(await dataOf(cookie)).toEqual({ user: 'alice' })
    expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_HEADERS_SENT' }])
  })

  it('cuts the connection when a change after the first byte cannot be stored (4)', async () => {
    const { handler, exchange } = caught((req) => req.session['user'])
    const { store, errors, wire, signIn } = await stage({ framework, handler })
    const client = wire({ cookie: await signIn() })
    store.fail('save')
    const { req, res } = await exchange
    res.write('first')
    req.session['seen'] = true
    const told = new Promise((resolve) => res.end('second', resolve as () => void))
    await expect(client.reply()).rejects.toThrow('cut off')
    expect(client.rest).not.toContain('second')
    expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_STORE' }])
    expect(await told).toBe(errors[0])
  })

  describe('a held response', () => {
    /** Holds a response in its first call, and gives it. */
    async function held(begin: (res: Res) => void) {
      const { handler, exchange } = caught()
      const whole = await stage({ framework, handler })
      const creating = whole.store.hold('create')
      const client = whole.wire({})
      const { req, res, next } = await exchange
      begin(res)
      await creating.reached
      return { ...whole, req, res, next, client, creating }
    }

    it('looks sent, and ended when it was ended (5)', async () => {
      const { res, client, creating } = await held((res) => res.write('ans'))
      expect(res).toMatchObject({ headersSent: true, writableEnded: false, finished: false })
      res.end('wer')
      expect(res).toMatchObject({ headersSent: true, writableEnded: true, finished: true })
      creating.open()
      expect((await client.reply()).text).toBe('answer')
      expect(res).toMatchObject({ headersSent: true, writableEnded: true, finished: true })
    })

    it('refuses headers as a sent one does (6)', async () => {
      const { res, client, creating } = await held((res) => res.end('answer'))
      const tooLate = expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' })
      expect(() => res.setHeader('X-Late', '1')).toThrow(tooLate)
      expect(() => res.setHeaders(new Map([['X-Late', '1']]))).toThrow(tooLate)
      expect(() => res.appendHeader('X-Late', '1')).toThrow(tooLate)
      expect(() => res.removeHeader('Content-Type')).toThrow(tooLate)
      creating.open()
      expect((await client.reply()).all('x-late')).toEqual([])
    })

    it('keeps the status that it had (7)', async () => {
      const { res, client, creating } = await held((res) => {
        res.statusCode = 201
        res.statusMessage = 'Made'
        res.end('answer')
      })
      res.statusCode = 500
      res.statusMessage = 'Too Late'
      creating.open()
      expect(await client.reply()).toMatchObject({ status: 201, reason: 'Made', text: 'answer' })
    })

    it('throws at another writeHead, and takes another flushHeaders for done (8)', async () => {
      const { res, client, creating } = await held((res) => res.writeHead(202, { 'X-Own': 'first' }))
      expect(() => res.writeHead(500)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
      res.flushHeaders()
      res.end('answer')
      creating.open()
      const reply = await client.reply()
      expect(reply).toMatchObject({ status: 202, text: 'answer' })
      expect(reply.all('x-own')).toEqual(['first'])
    })

    it('tells of another end, and of a write after it, to their callbacks alone (8)', async () => {
      const { res, client, creating } = await held((res) => res.end('answer'))
      const end = new Promise((resolve) => res.end('again', resolve as () => void))
      const write = new Promise((resolve) => expect(res.write('more', resolve)).toBe(false))
      expect(await end).toMatchObject({ code: 'ERR_STREAM_ALREADY_FINISHED' })
      expect(await write).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' })
      creating.open()
      expect((await client.reply()).text).toBe('answer')
    })

    it('gives from each call what a response gives, and calls its callbacks when it has left', async () => {
      const { res, client, creating } = await held((res) => expect(res.writeHead(200)).toBe(res))
      const order: string[] = []
      const called = (name: string) => (error?: Error | null) => void order.push(error ? 'failed' : name)
      expect(res.write('a', called('write'))).toBe(false)
      expect(res.write('8J+YgA==', 'base64', called('encoded'))).toBe(false)
      expect(res.end('z', 'latin1', called('end'))).toBe(res)
      expect(order).toEqual([])
      creating.open()
      expect((await client.reply()).text).toBe('a😀z')
      await finished(res)
      expect(order).toEqual(['write', 'encoded', 'end'])
    })
  })
})

describe('on Express, whose handlers answer in their own ways', () => {
  type ExpressRes = Res & {
    json(body: unknown): void
    send(body: unknown): ExpressRes
    status(code: number): ExpressRes
    redirect(to: string): void
  }

  describe.each(['express 5', 'express 4'] as const)('%s', (framework) => {
    async function answers(answer: (res: ExpressRes, next: Next) => void) {
      const whole = await stage({
        framework,
        handler(req, res, next) {
          req.session['views'] = 1
          answer(res as ExpressRes, next)
        },
      })
      const creating = whole.store.hold('create')
      const client = whole.wire({})
      await creating.reached
      creating.open()
      return { ...whole, reply: await client.reply() }
    }

    it('an answer followed by next() is no 404 (5)', async () => {
      const { reply, errors } = await answers((res, next) => {
        res.json({ ok: true })
        next()
      })
      expect(reply).toMatchObject({ status: 200, text: '{"ok":true}' })
      expect(errors).toEqual([])
    })

    it('a second answer leaves the first one whole (6)', async () => {
      const { reply } = await answers((res) => {
        res.json({ ok: true })
        try {
          res.json({ a: 'longer answer' })
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_HTTP_HEADERS_SENT' })
        }
      })
      expect(reply).toMatchObject({ status: 200, text: '{"ok":true}' })
      expect(reply.header('content-length')).toBe('11')
    })

    it('a status that is set too late changes nothing (7)', async () => {
      const { reply } = await answers((res) => {
        res.status(201).send('made')
        res.status(500)
      })
      expect(reply).toMatchObject({ status: 201, reason: 'Created', text: 'made' })
    })

    it('a redirect leaves when the store has the change', async () => {
      const { reply, dataOf } = await answers((res) => res.redirect('/users'))
      expect(reply).toMatchObject({ status: 302 })
      expect(reply.header('location')).toBe('/users')
      expect(await dataOf(reply.cookie)).toEqual({ views: 1 })
    })

    it('an answer followed by an exception ends in a cut connection, where a sent one would have arrived (9)', async () => {
      const { errors, store, wire } = await stage({
        framework,
        handler(req, res) {
          req.session['views'] = 1
          res.end('answer')
          throw new Error('afterthought')
        },
        onError: (error, _req, _res, next) => next(error),
      })
      const creating = store.hold('create')
      const client = wire({})
      await creating.reached
      await client.closed
      creating.open()
      expect(client.rest).toBe('')
      expect(errors).toMatchObject([{ message: 'afterthought' }])
    })
  })
})
