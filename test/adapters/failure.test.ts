/** A commit that fails: facts 17 to 24 of `reference/response-gate.md`. Nothing of the handler's response leaves. */
import { once } from 'node:events'
import { createReadStream, mkdtempSync, type ReadStream, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished, pipeline } from 'node:stream/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { Gate } from '../support/gate.ts'
import { caught, type ErrorHandler, FRAMEWORKS, type Handler, type Req, type Res, stage } from './_stage.ts'

const folder = mkdtempSync(join(tmpdir(), 'sojourn-failure-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'secret.txt')
writeFileSync(file, 'secret '.repeat(300_000))

const write = (req: Req): void => void (req.session['views'] = 1)

/** An error handler that leaves the answer to the test. */
function heard() {
  let give!: (exchange: { error: unknown; req: Req; res: Res }) => void
  const failure = new Promise<{ error: unknown; req: Req; res: Res }>((resolve) => (give = resolve))
  const onError: ErrorHandler = (error, req, res) => give({ error, req, res })
  return { failure, onError }
}

describe.each(FRAMEWORKS)('on %s', (framework) => {
  it('the error page has nothing of the handler’s response, and all that was set before the session (12)', async () => {
    const { ask, store, errors } = await stage({
      framework,
      before: [
        ((_, res, next) => {
          res.setHeader('X-Before', 'kept')
          res.setHeader('Set-Cookie', ['before=1', 'before=2'])
          next()
        }) satisfies Handler,
      ],
      handler(req, res) {
        write(req)
        res.setHeader('ETag', '"1"')
        res.setHeader('X-Before', 'changed')
        res.appendHeader('Set-Cookie', 'own=1')
        res.writeHead(302, 'Elsewhere', {
          Location: '/users',
          'Content-Length': 6,
          'Content-Encoding': 'identity',
          'Content-Type': 'text/html',
          'Cache-Control': 'public',
        })
        res.end('answer')
      },
      onError: (_, __, res) => res.end('sorry'),
    })
    store.fail('create')
    const reply = await ask()
    // What the error handler says nothing of is as at the beginning: 200, and its own reason.
    expect(reply).toMatchObject({ status: 200, reason: 'OK', text: 'sorry' })
    const own = reply.lines.map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    expect(
      own.filter((line) => !/^(?:x-powered-by|date|connection|content-length|transfer-encoding):/.test(line)),
    ).toEqual(['x-before: kept', 'set-cookie: before=1', 'set-cookie: before=2', 'vary: Cookie'])
    expect(reply.header('content-length')).not.toBe('6')
    expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_STORE', status: 503 }])
  })

  it.each([
    ['after the first look at the session', true],
    ['before it', false],
  ])('the error page has the layer that lay there before the session, and none from %s', async (_, isLater) => {
    const { failure, onError } = heard()
    const on: Res['on'] = function (this: Res, event, listener) {
      return Object.getPrototypeOf(this).on.call(this, event, listener)
    }
    const { wire, store } = await stage({
      framework,
      before: [((_, res, next) => (Object.assign(res, { on }), next())) satisfies Handler],
      handler(req, res) {
        if (isLater) write(req)
        Object.assign(res, { on: on.bind(res), flush: () => undefined })
        if (!isLater) write(req)
        res.end('answer')
      },
      onError,
    })
    store.fail('create')
    const client = wire({})
    const { res } = await failure
    expect(res.on).toBe(on)
    expect(res).not.toHaveProperty('flush')
    res.end('sorry')
    expect(await client.reply()).toMatchObject({ text: 'sorry' })
  })

  it('the error handler finds a response on which nothing was sent (18)', async () => {
    const { failure, onError } = heard()
    const { wire, store } = await stage({
      framework,
      handler: (req, res) => (write(req), res.writeHead(201).end('answer')),
      onError,
    })
    store.fail('create')
    const client = wire({})
    const { res } = await failure
    expect(res).toMatchObject({ headersSent: false, writableEnded: false, finished: false, statusCode: 200 })
    expect(res.getHeaderNames().filter((name) => name !== 'x-powered-by')).toEqual([])
    res.statusCode = 500
    res.setHeader('X-Own', '1')
    res.end('sorry')
    expect(await client.reply()).toMatchObject({ status: 500, text: 'sorry' })
  })

  it('callbacks of held writes and of the end are called with the error (21)', async () => {
    const { handler, exchange } = caught()
    const { wire, store, errors } = await stage({ framework, handler })
    store.fail('create')
    const client = wire({})
    const { res } = await exchange
    const told = Promise.all([
      new Promise((resolve) => res.write('a', resolve)),
      new Promise((resolve) => res.write('b', 'utf8', resolve)),
      new Promise((resolve) => res.end('c', resolve as () => void)),
    ])
    expect((await client.reply()).text).toBe('failed: StoreError')
    expect(await told).toEqual([errors[0], errors[0], errors[0]])
  })

  it.each<[string, (source: ReadStream, res: Res) => unknown]>([
    ['pipe', (source, res) => source.pipe(res)],
    ['pipeline', (source, res) => pipeline(source, res)],
  ])('a file under way by %s does not flow into the error page, and is closed after it (20)', async (_, send) => {
    const { failure, onError } = heard()
    const { handler, exchange } = caught()
    const { wire, store, errors } = await stage({ framework, handler, onError })
    store.fail('create')
    const client = wire({})
    const { res } = await exchange
    const source = createReadStream(file)
    const sent = Promise.allSettled([send(source, res)])
    await failure
    // An error handler that takes its time; long enough for the file to be read.
    await finished(createReadStream(file).resume())
    res.statusCode = 503
    res.end('sorry')
    expect(await client.reply()).toMatchObject({ status: 503, text: 'sorry' })
    if (!source.destroyed) await once(source, 'close')
    await sent
    expect(errors).toHaveLength(1)
  })

  it('calls through old references fall on the floor for ever (19)', async () => {
    const { failure, onError } = heard()
    const { wire, store } = await stage({
      framework,
      handler(req, res) {
        write(req)
        const { write: oldWrite, end: oldEnd, writeHead: oldHead, flushHeaders: oldFlush } = res
        references = { oldWrite, oldEnd, oldHead, oldFlush }
        res.end('answer')
      },
      onError,
    })
    let references!: { oldWrite: Res['write']; oldEnd: Res['end']; oldHead: Res['writeHead']; oldFlush: () => void }
    store.fail('create')
    const client = wire({})
    const { res } = await failure
    const { oldWrite, oldEnd, oldHead, oldFlush } = references
    oldFlush.call(res)
    oldHead.call(res, 418, { 'X-Old': '1' })
    const told = new Promise((resolve) => expect(oldWrite.call(res, 'old', 'utf8', resolve)).toBe(true))
    oldEnd.call(res, 'old', 'utf8')
    expect(await told).toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
    res.statusCode = 503
    res.write('sor')
    oldWrite.call(res, 'old', 'utf8')
    res.end('ry')
    const reply = await client.reply()
    expect(reply).toMatchObject({ status: 503, text: 'sorry' })
    expect(reply.all('x-old')).toEqual([])
  })

  it.each<[string, () => unknown]>([
    ['a BigInt', () => 1n],
    [
      'a circle',
      () => {
        const circle: { self?: unknown } = {}
        return (circle.self = circle)
      },
    ],
    [
      'what throws by itself',
      () => ({
        toJSON() {
          throw new Error('no')
        },
      }),
    ],
  ])('the end never throws: %s in the session reaches the error handler (23)', async (_, value) => {
    const thrown: unknown[] = []
    const { ask, errors, store } = await stage({
      framework,
      handler(req, res) {
        req.session['value'] = value()
        try {
          res.end('answer')
        } catch (error) {
          thrown.push(error)
        }
      },
    })
    expect(await ask()).toMatchObject({ status: 500, text: 'failed: UsageError' })
    expect(thrown).toEqual([])
    expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_UNSUPPORTED' }])
    expect(store.calls).toEqual([])
  })

  it('the error handler finds the session as it is stored, and what it changes is committed once more (22)', async () => {
    let seen: unknown
    const { ask, store, signIn, dataOf } = await stage({
      framework,
      handler(req, res) {
        req.session['user'] = 'mallory'
        req.session['cart'] = [1]
        res.end('answer')
      },
      onError(_, req, res) {
        seen = { ...req.session }
        req.session['failures'] = 1
        res.statusCode = 503
        res.end('sorry')
      },
    })
    const cookie = await signIn({ user: 'alice' })
    store.fail('save')
    const reply = await ask({ cookie })
    expect(reply).toMatchObject({ status: 503, text: 'sorry' })
    expect(seen).toEqual({ user: 'alice' })
    expect(await dataOf(cookie)).toEqual({ user: 'alice', failures: 1 })
    expect(store.calls.filter((call) => call === 'save')).toHaveLength(2)
  })

  it('a second failure is a bare 503, and whoever goes on answering harms nobody (22)', async () => {
    const { failure, onError } = heard()
    const { wire, store, errors } = await stage({
      framework,
      handler: (req, res) => (write(req), res.end('answer')),
      onError,
    })
    store.fail('create', 2)
    const client = wire({})
    const { req, res } = await failure
    req.session['failures'] = 1
    res.statusCode = 500
    res.setHeader('X-Own', '1')
    res.setHeader('Content-Length', 10)
    const told = new Promise((resolve) => res.write('sorry', resolve))
    const reply = await client.reply()
    expect(reply).toMatchObject({ status: 503, reason: 'Service Unavailable', text: 'Service Unavailable\n' })
    expect(reply.all('x-own')).toEqual([])
    expect(reply.all('set-cookie')).toEqual([])
    expect(reply.header('cache-control')).toBe('no-store')
    expect(await told).toMatchObject({ code: 'ERR_SOJOURN_STORE' })
    res.write('still here')
    res.end('and here')
    expect(errors).toHaveLength(1)
    expect(store.calls).toEqual(['create', 'create'])
    // The connection has not suffered.
    store.calls.length = 0
    client.send({})
    expect((await client.reply()).text).toBe('answer')
  })

  it('a failed destroy() is an error response that still takes the cookie away (D07)', async () => {
    const { ask, store, signIn } = await stage({
      framework,
      handler(req, res) {
        req.session.destroy().catch(() => {})
        res.end('signed out')
      },
    })
    const cookie = await signIn()
    store.fail('remove', 2)
    const reply = await ask({ cookie })
    expect(reply).toMatchObject({ status: 503, text: 'failed: StoreError' })
    expect(reply.all('set-cookie')).toEqual([expect.stringMatching(/^sid=; Max-Age=0; /)])
  })

  it('and a bare 503 takes it away too', async () => {
    const { ask, store, signIn } = await stage({
      framework,
      handler(req, res) {
        req.session.destroy().catch(() => {})
        res.end('signed out')
      },
      onError(_, req, res) {
        write(req)
        res.end('sorry')
      },
    })
    const cookie = await signIn()
    store.fail('remove', 2)
    store.fail('create')
    const reply = await ask({ cookie })
    expect(reply).toMatchObject({ status: 503, text: 'Service Unavailable\n' })
    expect(reply.all('set-cookie')).toEqual([expect.stringMatching(/^sid=; Max-Age=0; /)])
  })

  it.each<[string, (res: Res) => void]>([
    ['a status that is none', (res) => void res.writeHead(99)],
    ['a reason with a line break', (res) => void res.writeHead(200, 'a\nb')],
    ['a chunk that is none', (res) => void res.end(42 as never)],
  ])('a response that Node refuses after the store has the change still delivers its cookie: %s', async (_, send) => {
    const { handler, exchange } = caught()
    const { wire, errors, dataOf } = await stage({ framework, handler, slow: true })
    const client = wire({})
    const { res } = await exchange
    send(res)
    const reply = await client.reply()
    expect(reply).toMatchObject({ status: 500 })
    expect(errors).toHaveLength(1)
    expect(await dataOf(reply.cookie)).toEqual({ views: 1 })
  })

  it('headers that Node refuses are the handler’s to hear, before anything is decided', async () => {
    const { handler, exchange } = caught()
    const { wire, errors, dataOf } = await stage({ framework, handler })
    const client = wire({})
    const { req, res } = await exchange
    expect(() => res.writeHead(200, { 'X-Own': 'a\nb' })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_CHAR' }))
    expect(res.headersSent).toBe(false)
    req.session['heard'] = true
    res.end('answer')
    const reply = await client.reply()
    expect(reply.text).toBe('answer')
    expect(errors).toEqual([])
    expect(await dataOf(reply.cookie)).toEqual({ views: 1, heard: true })
  })

  it('a status that Node refuses in the same tick leaves the rest to the error handler, its changes included', async () => {
    const { ask, signIn, dataOf } = await stage({
      framework,
      handler(req, res, next) {
        void req.session['user']
        try {
          res.writeHead(99)
        } catch (error) {
          req.session['failures'] = 1
          next(error)
        }
      },
    })
    const cookie = await signIn({ user: 'alice' })
    expect(await ask({ cookie })).toMatchObject({ status: 500, text: 'failed: RangeError' })
    expect(await dataOf(cookie)).toEqual({ user: 'alice', failures: 1 })
  })

  it('nobody is told of a failure when the client has gone meanwhile', async () => {
    const { handler, exchange } = caught()
    const { wire, store, sessions, errors } = await stage({ framework, handler })
    const told = new Promise((resolve) => sessions.on('store-error', resolve))
    const creating = new Gate()
    store.next('create', async () => {
      await creating.pass()
      throw new Error('connection lost')
    })
    const client = wire({})
    const { res } = await exchange
    const ended = new Promise((resolve) => res.end('answer', resolve as () => void))
    await creating.reached
    const closed = once(res, 'close')
    await client.leave()
    await closed
    creating.open()
    expect(await ended).toBe(((await told) as { error: Error }).error)
    expect(errors).toEqual([])
  })
})

describe.each(['express 5', 'express 4'] as const)('on %s without an error handler', (framework) => {
  it('its own page answers, with the error’s status', async () => {
    const { ask, store } = await stage({
      framework,
      handler: (req, res) => (write(req), res.end('answer')),
      onError: (error, _, __, next) => next(error),
    })
    store.fail('create')
    const reply = await ask()
    expect(reply).toMatchObject({ status: 503, reason: 'Service Unavailable' })
    expect(reply.text).not.toContain('answer')
  })
})
