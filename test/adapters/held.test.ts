/** A response is held until its session is stored: every way to answer, on every server. */
import { createReadStream, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import compression from 'compression'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Answer,
  type Data,
  format,
  FRAMEWORKS,
  type Handle,
  type Kind,
  KINDS,
  type Parts,
  parse,
  Site,
  Talk,
} from './_site.ts'

const sites: Site[] = []
async function site(kind: Kind, parts: Parts | Handle, options = {}): Promise<Site> {
  const made = await Site.of(kind, typeof parts === 'function' ? { handler: parts } : parts, options)
  sites.push(made)
  return made
}
afterEach(async () => {
  await Promise.all(sites.splice(0).map((each) => each.close()))
})

/** Asks, sees that nothing arrives while the write is held, lets it through, and gives the answer. */
async function heldAnswer(made: Site, talk = made.ask()): Promise<Answer> {
  const gate = made.watched.hold(['save', 'create'], 'answered')
  await gate.reached
  expect(talk.received).toBe('')
  gate.open()
  return talk.answer()
}

const change: Handle = (request) => void ((request.session as Data)['n'] = 2)
const folder = mkdtempSync(join(tmpdir(), 'sojourn-held-'))
const LARGE = 'sojourn '.repeat(200_000)
writeFileSync(join(folder, 'large.txt'), LARGE)

describe.each(KINDS)('on %s', (kind) => {
  it.each<[string, Handle, Partial<Answer>]>([
    ['end(body)', (_, response) => response.end('done'), { status: 200, body: 'done' }],
    ['end() alone', (_, response) => response.end(), { status: 200, body: '' }],
    ['end(body, encoding)', (_, response) => response.end('ZG9uZQ==', 'base64'), { body: 'done' }],
    ['write and end', (_, response) => (response.write('do'), response.write('ne'), response.end()), { body: 'done' }],
    ['writeHead and end', (_, response) => response.writeHead(201).end('done'), { status: 201, body: 'done' }],
    [
      'writeHead with an object',
      (_, response) => response.writeHead(302, { Location: '/there', 'X-Own': '1' }).end(),
      { status: 302 },
    ],
    [
      'writeHead with a reason',
      (_, response) => response.writeHead(201, 'Made', { 'X-Own': '1' }).end('done'),
      { status: 201 },
    ],
    ['flushHeaders and end', (_, response) => (response.flushHeaders(), response.end('done')), { body: 'done' }],
    [
      'a status set before',
      (_, response) => ((response.statusCode = 404), response.end('none')),
      { status: 404, body: 'none' },
    ],
  ])('%s waits for the store', async (_, answerWith, expected) => {
    const made = await site(
      kind,
      (request, response, next) => (change(request, response, next), answerWith(request, response, next)),
    )
    const answer = await heldAnswer(made)
    expect(answer).toMatchObject(expected)
    expect(answer.header('vary')).toBe('Cookie')
    expect(await made.stored()).toEqual({ n: 2 })
  })

  it.each<[string, Handle]>([
    ['an object', (_, response) => response.writeHead(200, { 'Set-Cookie': ['b=2', 'c=3'], Vary: 'Accept' }).end()],
    [
      'a flat array',
      (_, response) => response.writeHead(200, ['Set-Cookie', 'b=2', 'Set-Cookie', 'c=3', 'Vary', 'Accept']).end(),
    ],
    [
      'a reason and an object',
      (_, response) => response.writeHead(200, 'Fine', { 'Set-Cookie': ['b=2', 'c=3'], Vary: 'Accept' }).end(),
    ],
  ])(
    'the handler’s own cookies and Vary stay beside the session’s when writeHead is given %s',
    async (_, answerWith) => {
      const made = await site(kind, (request, response, next) => {
        ;(request.session as Data)['user'] = 'alice'
        return answerWith(request, response, next)
      })
      const answer = await heldAnswer(made)
      expect(answer.all('set-cookie').map((line) => line.split(/[=;]/)[0])).toEqual(['b', 'c', 'sid'])
      expect(answer.header('vary')).toBe('Accept, Cookie')
      expect(answer.header('cache-control')).toBe('no-store')
    },
  )

  it('a read goes through in the same turn, with Vary and no cookie', async () => {
    const made = await site(kind, (request, response) => response.end(String((request.session as Data)['n'])))
    const answer = await made.ask().answer()
    expect([answer.body, answer.header('vary'), answer.all('set-cookie')]).toEqual(['1', 'Cookie', []])
    expect(made.watched.takeCalls()).toEqual(['load'])
  })

  it('a handler that never looks leaves no trace of the session', async () => {
    const made = await site(kind, (_, response) => response.end('plain'))
    const answer = await made.ask().answer()
    expect([answer.header('vary'), answer.header('cache-control'), answer.all('set-cookie')]).toEqual([
      undefined,
      undefined,
      [],
    ])
  })

  it('looks sent to everybody while it is held', async () => {
    const seen: unknown[] = []
    const made = await site(kind, (request, response, next) => {
      void change(request, response, next)
      response.end('done')
      seen.push(response.headersSent, response.writableEnded)
      for (const late of [
        () => response.setHeader('a', '1'),
        () => response.removeHeader('a'),
        () => response.writeHead(500),
      ]) {
        try {
          late()
        } catch (error) {
          seen.push((error as { code: string }).code)
        }
      }
      response.statusCode = 500
      response.end('twice', (error?: Error | null) => seen.push((error as { code?: string } | null)?.code))
    })
    const answer = await heldAnswer(made)
    expect(answer).toMatchObject({ status: 200, body: 'done' })
    expect(seen).toEqual([
      true,
      true,
      'ERR_HTTP_HEADERS_SENT',
      'ERR_HTTP_HEADERS_SENT',
      'ERR_HTTP_HEADERS_SENT',
      'ERR_STREAM_ALREADY_FINISHED',
    ])
  })

  it('calls back from end and write when the bytes have gone', async () => {
    const told: string[] = []
    const made = await site(kind, (request, response, next) => {
      void change(request, response, next)
      response.write('a', () => told.push('write'))
      response.end('b', () => told.push('end'))
    })
    expect((await heldAnswer(made)).body).toBe('ab')
    expect(told).toEqual(['write', 'end'])
  })

  it('a change after the first byte is stored before the end', async () => {
    let goOn!: () => void
    const made = await site(kind, async (request, response, next) => {
      response.write('first ')
      await new Promise<void>((resolve) => (goOn = resolve))
      void change(request, response, next)
      response.end('last')
    })
    const talk = made.ask()
    await talk.until((text) => text.includes('first'))
    const gate = made.watched.hold(['save'], 'answered')
    goOn()
    await gate.reached
    expect(talk.received).not.toContain('last')
    gate.open()
    expect((await talk.answer()).body).toBe('first last')
    expect(await made.stored()).toEqual({ n: 2 })
  })

  it('a change after the first byte that needs a cookie cuts the connection, and nothing is stored', async () => {
    let goOn!: () => void
    const made = await site(kind, async (request, response) => {
      response.write('first ')
      await new Promise<void>((resolve) => (goOn = resolve))
      ;(request.session as Data)['user'] = 'alice'
      response.end('last')
    })
    const talk = made.ask()
    await talk.until((text) => text.includes('first'))
    goOn()
    expect(await talk.ended).not.toContain('last')
    expect(await made.stored()).toEqual({ n: 1 })
  })

  it('what was changed before the client went away is stored', async () => {
    let changed!: () => void
    const made = await site(kind, (request, response, next) => {
      void change(request, response, next)
      changed()
    })
    const reached = new Promise<void>((resolve) => (changed = resolve))
    const gate = made.watched.hold(['save'], 'answered')
    const talk = made.ask()
    await reached
    talk.socket.destroy()
    await gate.reached
    gate.open()
    await made.watched.idle()
    expect(await made.stored()).toEqual({ n: 2 })
  })

  it('a large file is piped whole through a held response, to a reader that takes its time', async () => {
    const made = await site(kind, (request, response, next) => {
      void change(request, response, next)
      createReadStream(join(folder, 'large.txt')).pipe(response)
    })
    const gate = made.watched.hold(['save'], 'answered')
    const talk = made.ask()
    talk.socket.pause()
    await gate.reached
    gate.open()
    talk.socket.resume()
    expect((await talk.answer()).body).toBe(LARGE)
  })

  it('pipelined requests are answered in their order, held or not', async () => {
    const made = await site(kind, (request, response, next) => {
      if (request.url === '/write') void change(request, response, next)
      response.end(request.url)
    })
    const gate = made.watched.hold(['save'], 'answered')
    const cookie = { cookie: made.cookie }
    const talk = new Talk(made.port, [
      format('GET', '/write', cookie, 'keep-alive'),
      format('GET', '/read', cookie, 'keep-alive'),
      format('GET', '/last', cookie),
    ])
    await gate.reached
    expect(talk.received).toBe('')
    gate.open()
    expect([...(await talk.ended).matchAll(/\/(?:write|read|last)/g)].map(String)).toEqual(['/write', '/read', '/last'])
  })

  it('HEAD and 304 carry no body, and wait all the same', async () => {
    const made = await site(kind, (request, response, next) => {
      void change(request, response, next)
      response.statusCode = request.method === 'HEAD' ? 200 : 304
      response.end('not to be seen')
    })
    expect(await heldAnswer(made, made.ask('/', undefined, 'HEAD'))).toMatchObject({ status: 200, body: '' })
    const again = await made.ask().answer()
    expect(again).toMatchObject({ status: 304, body: '' })
  })
})

describe.each(FRAMEWORKS)('with compression, on %s', (kind) => {
  const zip = compression({ threshold: 0 }) as unknown as Handle
  const cookieAndGzip = (made: Site): Record<string, string> => ({ cookie: made.cookie, 'accept-encoding': 'gzip' })

  it.each<[string, Pick<Parts, 'before' | 'after'>]>([
    ['before the session', { before: [zip] }],
    ['after the session', { after: [zip] }],
  ])('mounted %s, a body is held and comes out whole', async (_, mounted) => {
    const made = await site(kind, {
      ...mounted,
      handler: (request, response, next) => {
        void change(request, response, next)
        response.setHeader('Content-Type', 'text/plain')
        Readable.from(Array.from({ length: 500 }, (__, at) => `line ${at}\n`)).pipe(response)
      },
    })
    const gate = made.watched.hold(['save'], 'answered')
    const answering = fetch(`http://127.0.0.1:${made.port}/`, { headers: cookieAndGzip(made) })
    await gate.reached
    gate.open()
    const answer = await answering
    expect(answer.headers.get('content-encoding')).toBe('gzip')
    expect((await answer.text()).split('\n')).toHaveLength(501)
    expect(await made.stored()).toEqual({ n: 2 })
  })

  it.each<[string, Pick<Parts, 'before' | 'after'>]>([
    ['before the session', { before: [zip] }],
    ['after the session', { after: [zip] }],
  ])('mounted %s, a failed commit is answered by the error handler', async (_, mounted) => {
    const made = await site(kind, {
      ...mounted,
      handler: (request, response, next) => {
        void change(request, response, next)
        response.setHeader('Content-Type', 'text/plain')
        Readable.from(Array.from({ length: 500 }, (__, at) => `line ${at}\n`)).pipe(response)
      },
      onError: (error, __, response) => {
        response.statusCode = error.status!
        response.setHeader('Content-Type', 'text/plain')
        response.end(`failed with ${error.code}`)
      },
    })
    failNextWrite(made)
    const answer = await fetch(`http://127.0.0.1:${made.port}/`, { headers: cookieAndGzip(made) })
    expect([answer.status, await answer.text()]).toEqual([503, 'failed with ERR_SOJOURN_STORE'])
  })
})

describe.each(FRAMEWORKS)('a failed commit, on %s', (kind) => {
  const leave: Handle = (request, response) => {
    ;(request.session as Data)['n'] = 2
    response.setHeader('Set-Cookie', 'own=1')
    response.setHeader('ETag', '"old"')
    response.writeHead(302, { Location: '/there', 'Content-Encoding': 'identity' }).end('gone')
  }

  it('reaches the error handler, and nothing of the handler’s response leaves', async () => {
    const made = await site(kind, {
      handler: leave,
      onError: (error, request, response) => {
        response.statusCode = error.status!
        response.end(`${error.code} ${JSON.stringify(request.session)}`)
      },
    })
    failNextWrite(made)
    const answer = await made.ask().answer()
    expect([answer.status, answer.body]).toEqual([503, 'ERR_SOJOURN_STORE {"n":1}'])
    expect(['location', 'etag', 'content-encoding', 'set-cookie'].map((name) => answer.header(name))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(made.events).toContain('store-error')
  })

  it('is answered by the framework where there is no error handler', async () => {
    const made = await site(kind, leave)
    failNextWrite(made)
    expect((await made.ask().answer()).status).toBe(503)
  })

  it('lets the error handler store what it changes, once more', async () => {
    const made = await site(kind, {
      handler: leave,
      onError: (_, request, response) => {
        ;(request.session as Data)['failed'] = true
        response.statusCode = 500
        response.end('sorry')
      },
    })
    failNextWrite(made)
    expect(await made.ask().answer()).toMatchObject({ status: 500, body: 'sorry' })
    expect(await made.stored()).toEqual({ n: 1, failed: true })
  })

  it('a second time is a bare 503', async () => {
    const made = await site(kind, {
      handler: leave,
      onError: (_, request, response) => {
        ;(request.session as Data)['failed'] = true
        response.statusCode = 500
        response.setHeader('X-Own', '1')
        response.end('sorry')
      },
    })
    failNextWrite(made, 2)
    const answer = await made.ask().answer()
    expect([answer.status, answer.body, answer.header('x-own')]).toEqual([503, 'Service Unavailable\n', undefined])
  })

  it('stops a file that was piped into it, and tells who waits for a write', async () => {
    const told: unknown[] = []
    let source!: Readable
    const made = await site(kind, {
      handler: (request, response, next) => {
        void change(request, response, next)
        source = createReadStream(join(folder, 'large.txt'))
        source.pipe(response)
        response.write('head', (error) => told.push(error))
      },
      onError: (_, __, response) => setImmediate(() => response.writeHead(500).end('sorry')),
    })
    failNextWrite(made)
    expect(await made.ask().answer()).toMatchObject({ status: 500, body: 'sorry' })
    expect(source.destroyed).toBe(true)
    expect(told).toMatchObject([{ code: 'ERR_SOJOURN_STORE' }])
  })

  it.each<[string, (session: Data) => void]>([
    ['a BigInt', (session) => (session['n'] = 10n)],
    ['a circle', (session) => (session['n'] = { session })],
  ])('for %s is an error, never an exception out of end', async (_, assign) => {
    const thrown: unknown[] = []
    const made = await site(kind, {
      handler: (request, response) => {
        assign(request.session)
        try {
          response.end('never seen')
        } catch (error) {
          thrown.push(error)
        }
      },
      onError: (error, __, response) => response.writeHead(error.status!).end(error.code),
    })
    expect(await made.ask().answer()).toMatchObject({ status: 500, body: 'ERR_SOJOURN_UNSUPPORTED' })
    expect(thrown).toEqual([])
  })

  it('after an answer, next() finds a response that looks sent', async () => {
    const made = await site(kind, {
      handler: (request, response, next) => {
        void change(request, response, next)
        response.end('answered')
        next()
      },
    })
    expect(await made.ask().answer()).toMatchObject({ status: 200, body: 'answered' })
  })
})

describe('on a bare server', () => {
  it('a failed commit is answered for a callback that takes no error', async () => {
    const made = await site(
      'bare',
      (request, response, next) => (change(request, response, next), response.end('done')),
    )
    failNextWrite(made)
    expect(await made.ask().answer()).toMatchObject({ status: 503, body: 'Service Unavailable\n' })
  })

  it('HTTP/1 answers of a request without a cookie cost the store nothing', async () => {
    const made = await site('bare', (request, response) => response.end(JSON.stringify(request.session)))
    expect((await made.ask('/', {}).answer()).body).toBe('{}')
    expect(made.watched.takeCalls()).toEqual([])
    expect(parse('HTTP/1.1 200 OK\r\n\r\n').status).toBe(200)
  })
})

/** The next write (and as many as told) fails, as the store of a database that is down does. */
function failNextWrite(made: Site, times = 1): void {
  const store = made.watched.store as { save: unknown }
  const { save } = store
  let left = times
  store.save = (...args: unknown[]): unknown => {
    if (left-- > 0) throw new Error('The database is down')
    return (save as (...given: unknown[]) => unknown).apply(store, args)
  }
}
