/** No response of the drop-in gets ahead of its session, and none is owed for ever. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createServer2, connect as connect2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { Application, type Parts, SECRET } from './_application.ts'
import { BROKEN, FAILURES, hold, nextCall } from './_faults.ts'
import { type AnyRequest, DROP_IN, type Handle, type Library, type Method } from './_libraries.ts'

const applications: Application[] = []
afterEach(async () => {
  for (const each of applications.splice(0)) await each.close()
})

async function signedIn(parts: Parts = {}, library: Library = DROP_IN): Promise<Application> {
  const application = await Application.of(library, parts)
  applications.push(application)
  await application.ask(login)
  application.takeCalls()
  return application
}

const login: Handle = (request, response) => {
  request.session['user'] = 'ada'
  response.end('welcome')
}
const redirect: Handle = (request, response) => {
  request.session['cart'] = [1]
  response.writeHead(302, { Location: '/cart' })
  response.end('go on')
}
const read: Handle = (request, response) => response.end(JSON.stringify(request.session))
const change: Handle = (request, response) => {
  request.session['changed'] = true
  response.end('changed')
}

describe('while the store is at work', () => {
  it('not a byte of a redirect leaves', async () => {
    const application = await signedIn()
    const gate = hold(application.store, 'set')
    const talk = application.talk(redirect)
    await gate.reached
    // Whatever had been sent before this would be here.
    await application.ask(read)
    expect(talk.received).toBe('')
    gate.open()
    expect((await talk.answer()).header('location')).toBe('/cart')
    expect(await application.stored()).toMatchObject({ cart: [1] })
  })

  it('with strictCompat, head and body leave but for their last byte, as with express-session', async () => {
    const application = await signedIn({ options: { strictCompat: true } })
    const gate = hold(application.store, 'set')
    const talk = application.talk((request, response) => {
      request.session['n'] = 1
      response.setHeader('Content-Length', 5)
      response.end('hello')
    })
    await talk.until((text) => text.endsWith('hell'))
    gate.open()
    expect((await talk.answer()).body).toBe('hello')
  })

  it('a response waits for what its handler began and did not wait for', async () => {
    const application = await signedIn()
    const gate = hold(application.store, 'destroy')
    const talk = application.talk((request, response) => {
      void request.session.destroy()
      response.end('bye')
    })
    await gate.reached
    await application.ask((_, response) => response.end(), { cookie: null })
    expect(talk.received).toBe('')
    gate.open()
    expect((await talk.answer()).body).toBe('bye')
    expect(await application.stored()).toBeUndefined()
  })
})

describe.each(FAILURES)('a store that %s', (_, way) => {
  it('at a save: an error response, of which the error handler knows the cause', async () => {
    const application = await signedIn()
    nextCall(application.store, 'set', way)
    const answer = await application.ask(redirect)
    expect(answer).toMatchObject({ status: 500, body: 'error: the store is broken', setCookies: [] })
    expect(answer.headers['location']).toBeUndefined()
    expect(application.errors).toEqual([BROKEN])
    expect((await application.ask(read)).body).not.toContain('cart')
  })

  it('at a load: an error response, once', async () => {
    const application = await signedIn()
    nextCall(application.store, 'get', way)
    expect(await application.ask(read)).toMatchObject({ status: 500, body: 'error: the store is broken' })
    expect(application.errors).toEqual([BROKEN])
  })

  it('at a touch: the response is none the worse, and the error comes behind it', async () => {
    const application = await signedIn()
    nextCall(application.store, 'touch', way)
    expect(await application.ask(read)).toMatchObject({ status: 200 })
    await turn()
    await turn()
    expect(application.errors).toEqual([BROKEN])
  })

  it('at a logout by unset: an error response', async () => {
    const application = await signedIn({ options: { unset: 'destroy' } })
    nextCall(application.store, 'destroy', way)
    const answer = await application.ask((request, response) => {
      request.session = null as never
      response.end('bye')
    })
    expect(answer).toMatchObject({ status: 500, body: 'error: the store is broken' })
  })

  it('at what the handler asks for: its callback has the error, once, and its promise too', async () => {
    const application = await signedIn()
    const told: unknown[] = []
    for (const [method, ask] of [
      ['set', (request: AnyRequest, done) => request.session.save(done)],
      ['get', (request: AnyRequest, done) => request.session.reload(done)],
      ['destroy', (request: AnyRequest, done) => request.session.destroy(done)],
    ] as const satisfies [Method, (request: AnyRequest, done: (error?: unknown) => void) => Promise<void>][]) {
      await application.ask(async (request, response) => {
        nextCall(application.store, method, way)
        const called = new Promise((resolve) => {
          ask(request, resolve).then(
            () => told.push('no error'),
            (error: unknown) => told.push(error),
          )
        })
        expect(await called).toBe(BROKEN)
        await turn()
        response.end('told')
      })
    }
    expect(told).toEqual([BROKEN, BROKEN, BROKEN])
  })
})

describe('a store that never calls back', () => {
  it.each([
    ['get', read],
    ['set', change],
  ] as const)('from %s is answered for', async (method, handle) => {
    const application = await signedIn({ options: { storeTimeout: 0.02 } })
    nextCall(application.store, method, () => undefined)
    const answer = await application.ask(handle)
    expect(answer.status).toBe(503)
    expect(application.errors).toMatchObject([{ code: 'ERR_SOJOURN_STORE_TIMEOUT' }])
  })
})

describe('a failed save', () => {
  it.each([[undefined], [null], ['no callback']])(
    'that nobody waited for fails the response: save(%s)',
    async (done) => {
      const application = await signedIn()
      for (let calls = 0; calls < 2; calls++) nextCall(application.store, 'set', (_, done) => done(BROKEN))
      const answer = await application.ask((request, response) => {
        request.session['n'] = 1
        void request.session.save(done as never)
        response.end('saved')
      })
      expect(answer.status).toBe(500)
    },
  )

  it('after the first byte cuts the connection', async () => {
    const application = await signedIn()
    nextCall(application.store, 'set', (_, done) => done(BROKEN))
    const talk = application.talk((request, response) => {
      response.write('one')
      request.session['n'] = 1
      response.end('two')
    })
    const text = await talk.ended
    expect(text).toContain('one')
    expect(text).not.toContain('two')
  })

  it('is tried once: the error page is not held up by a store that is down', async () => {
    const application = await signedIn()
    nextCall(application.store, 'set', (_, done) => done(BROKEN))
    await application.ask(change)
    expect(application.takeCalls()).toEqual([`get ${application.id}`, `get ${application.id}`])
  })

  it.each([
    ['a BigInt', () => 1n],
    ['a circle', circle],
  ])('of data that is no JSON (%s) is an error response', async (_, value) => {
    const application = await signedIn()
    const answer = await application.ask((request, response) => {
      request.session['value'] = value()
      response.end('kept')
    })
    expect(answer).toMatchObject({ status: 500, body: expect.stringMatching(/BigInt|circular/) as string })
  })

  it('of a cookie that cannot be written is an error response', async () => {
    const application = await signedIn({ options: { cookie: { domain: 'no domain' } } }).catch(() => undefined)
    const answer = await application!.ask(login)
    expect(answer).toMatchObject({ status: 500, body: 'error: option domain is invalid' })
  })

  it('before a bare server, whose callback takes no error, is answered for', async () => {
    const store = new DROP_IN.MemoryStore()
    const session = DROP_IN({ secret: SECRET, resave: false, saveUninitialized: false, store })
    nextCall(store, 'set', (_, done) => done(BROKEN))
    const server = createServer((request, response) => {
      session(request, response, () => void login(request as AnyRequest, response, () => undefined))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    server.close()
    expect(answer.status).toBe(500)
  })
})

describe.each([['destroy'], ['regenerate']] as const)('a failed %s', (method) => {
  async function failing(parts: Parts = {}): Promise<Application> {
    const application = await signedIn(parts)
    nextCall(application.store, 'destroy', (_, done) => void setImmediate(done, BROKEN))
    return application
  }
  const settled = async (): Promise<void> => {
    for (let turns = 0; turns < 5; turns++) await turn()
  }

  it.each<[string, (end: () => Promise<void>) => Promise<void>]>([
    ['under way at the end of the response', async (end) => void end()],
    ['settled before', (end) => (void end(), settled())],
  ])('of which nobody hears fails the response: %s', async (_, act) => {
    const application = await failing()
    const answer = await application.ask(async (request, response) => {
      const { session } = request
      await act(() => session[method]())
      response.end('bye')
    })
    expect(answer).toMatchObject({ status: 500, body: 'error: the store is broken', setCookies: [] })
    expect(application.errors).toEqual([BROKEN])
  })

  it.each<[string, (end: AnyRequest['session']) => unknown]>([
    ['asks its promise', (session) => session[method]().then(undefined, () => undefined)],
    ['awaits it', async (session) => await session[method]().catch(() => undefined)],
    ['gave a callback', (session) => new Promise((resolve) => void session[method](resolve))],
  ])('of which the handler hears is its own to answer: it %s', async (_, act) => {
    const application = await failing()
    const answer = await application.ask(async (request, response) => {
      await act(request.session)
      response.end('still here')
    })
    expect(answer).toMatchObject({ status: 200, body: 'still here' })
    expect(application.errors).toEqual([])
  })

  it('that the error handlers hear of by an awaited promise is told once', async () => {
    const application = await failing()
    const answer = await application.ask(async (request) => {
      await request.session[method]()
    })
    expect(answer).toMatchObject({ status: 500, body: 'error: the store is broken' })
    expect(application.errors).toEqual([BROKEN])
  })

  it('that a second one makes up for is none', async () => {
    const application = await failing()
    const answer = await application.ask(async (request, response) => {
      const { session } = request
      void session[method]()
      await settled()
      await session.destroy()
      response.end('bye')
    })
    expect(answer).toMatchObject({ status: 200, body: 'bye' })
    expect(application.errors).toEqual([])
  })

  it('leaves the response as it is with strictCompat, as with express-session', async () => {
    const application = await failing({ options: { strictCompat: true } })
    const answer = await application.ask(async (request, response) => {
      void request.session[method]()
      await settled()
      response.end('bye')
    })
    expect(answer).toMatchObject({ status: 200, body: 'bye' })
  })
})

it('a session is made by the store, if it does so itself: at its load and when it is loaded anew', async () => {
  const application = await signedIn()
  const { store } = application
  const { createSession } = store
  store.createSession = function (request, row) {
    return createSession.call(this, request, { ...row, made: 'by the store' })
  }
  const answer = await application.ask(async (request, response) => {
    const first = request.session
    await first.reload()
    response.end([first, request.session].map(({ made }) => made).join())
  })
  expect(answer.body).toBe('by the store,by the store')
})

describe('a response', () => {
  it.each([false, true])('calls the callback of its end (strictCompat: %s)', async (strictCompat) => {
    const application = await signedIn({ options: { strictCompat } })
    const ended = new Promise<void>((resolve) => {
      void application.ask((request, response) => {
        request.session['n'] = 1
        response.setHeader('Content-Length', 2)
        expect(response.end('ok', 'utf8', resolve)).toBe(response)
      })
    })
    await expect(ended).resolves.toBeUndefined()
  })

  it('of HTTP/2 has its session', async () => {
    const session = DROP_IN({ secret: SECRET, resave: false, saveUninitialized: false })
    const server = createServer2((request, response) => {
      session(request as never, response as never, (error) => {
        if (error) throw error as Error
        void login(request as never, response as never, () => undefined)
      })
    }).listen(0)
    await once(server, 'listening')
    const client = connect2(`http://localhost:${(server.address() as AddressInfo).port}`)
    const stream = client.request({ ':path': '/' })
    const [headers] = (await once(stream, 'response')) as [Record<string, string | string[]>]
    stream.resume()
    await once(stream, 'close')
    client.close()
    server.close()
    expect(headers[':status']).toBe(200)
    expect(headers['set-cookie']).toMatchObject([expect.stringMatching(/^connect\.sid=s%3A/)])
  })

  it('whose client has gone still leaves its change', async () => {
    const application = await signedIn()
    const stored = new Promise<void>((resolve) => {
      nextCall(application.store, 'set', (go) => {
        go()
        resolve()
      })
    })
    const talk = application.talk((request) => {
      request.session['paid'] = true
      talk.socket.destroy()
    })
    await stored
    expect(await application.stored()).toMatchObject({ paid: true })
  })

  it('of an upgrade, a stand-in that is none, gets a session all the same', async () => {
    const application = await signedIn()
    const session = DROP_IN({ secret: SECRET, store: application.store, resave: false, saveUninitialized: false })
    const request = { headers: { cookie: application.cookie }, url: '' } as unknown as AnyRequest
    const error = await new Promise((resolve) => session(request, {} as never, resolve))
    expect(error).toBeUndefined()
    request.session['socket'] = 'open'
    await request.session.save()
    expect(await application.stored()).toMatchObject({ user: 'ada', socket: 'open' })
  })
})

function circle(): object {
  const value: { self?: object } = {}
  value.self = value
  return value
}
