/** What a session may cost a response: facts 2 and 26 to 30 of `reference/response-gate.md`, as counts. */
import { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import { jsonCodec } from '../../src/core/data.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import {
  backstage,
  caught,
  express4,
  express5,
  FRAMEWORKS,
  type Handler,
  type Req,
  type Res,
  serve,
  stage,
} from './_stage.ts'

const own = (object: object): PropertyKey[] => Reflect.ownKeys(object)
const added = (before: PropertyKey[], after: PropertyKey[]): PropertyKey[] =>
  after.filter((key) => !before.includes(key))

describe.each([
  ['express 5', express5],
  ['express 4', express4],
] as const)('on %s', (_, express) => {
  /** The own properties that a request and its response have more, behind the session and a handler that uses it. */
  async function properties(use: (req: Req) => unknown, layer?: Handler) {
    const { sessions, signIn } = backstage()
    let before!: [PropertyKey[], PropertyKey[]]
    let gained!: [PropertyKey[], PropertyKey[]]
    const app = express()
    if (layer) app.use(layer as never)
    app.use(((req: Req, res: Res, next: () => void) => {
      before = [own(req), own(res)]
      next()
    }) as never)
    app.use(session(sessions))
    app.use(((req: Req, res: Res) => {
      use(req)
      gained = [added(before[0], own(req)), added(before[1], own(res))]
      res.end('answer')
    }) as never)
    const { ask } = await serve(app)
    const cookie = await signIn()
    expect((await ask({ cookie })).text).toBe('answer')
    return { req: gained[0].map(String), res: gained[1].map(String) }
  }

  it('a read lays one property on the request and none on the response (26, 27)', async () => {
    expect(await properties((req) => req.session['user'])).toEqual({ req: ['Symbol(sojourn.keeper)'], res: [] })
  })

  it('a held response, which looks sent, has no more own properties either (26)', async () => {
    const { sessions, store } = backstage()
    const { handler, exchange } = caught((req) => void (req.session['views'] = 1))
    const app = express()
    app.use(session(sessions))
    app.use(handler as never)
    const { wire } = await serve(app)
    const creating = store.hold('create')
    const client = wire({})
    const { res } = await exchange
    const before = own(res)
    res.end('answer')
    await creating.reached
    expect(added(before, own(res))).toEqual([])
    expect([res.headersSent, res.writableEnded, res.finished]).toEqual([true, true, true])
    expect(() => res.setHeader('X-Late', '1')).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
    creating.open()
    expect((await client.reply()).text).toBe('answer')
  })

  it('where a layer lies on the response already, the gate lies before it, in the same place (28)', async () => {
    const layer: Handler = (_req, res, next) => {
      const { writeHead, write, end, flushHeaders } = res
      Object.assign(res, { writeHead, write, end, flushHeaders })
      next()
    }
    expect(await properties((req) => req.session['user'], layer)).toEqual({ req: ['Symbol(sojourn.keeper)'], res: [] })
  })

  it('the first request of an application, whose layers know the methods as they were, is held too (28)', async () => {
    const { sessions, store, dataOf } = backstage()
    // As another copy of Express would be: nobody has laid gated methods there.
    const fresh = Object.create(ServerResponse.prototype) as object
    const app = express()
    const order: string[] = []
    app.use(((_req: Req, res: Res, next: () => void) => {
      Object.setPrototypeOf(res, fresh)
      const { end } = res
      res.end = function (this: Res, ...args: never[]) {
        order.push('layer')
        return (end as (...args: never[]) => Res).apply(this, args)
      } as never
      next()
    }) as never)
    app.use(session(sessions))
    app.use(((req: Req, res: Res) => {
      req.session['views'] = ((req.session['views'] as number | undefined) ?? 0) + 1
      res.end(`views ${String(req.session['views'])}`)
    }) as never)
    const { wire } = await serve(app)
    let cookie: string | undefined
    for (const text of ['views 1', 'views 2', 'views 3']) {
      const writing = store.hold(cookie === undefined ? 'create' : 'save')
      const client = wire({ cookie })
      await writing.reached
      order.push('stored')
      writing.open()
      const reply = await client.reply()
      expect(reply.text).toBe(text)
      cookie ??= reply.cookie
    }
    expect(order).toEqual(['stored', 'layer', 'stored', 'layer', 'stored', 'layer'])
    expect(await dataOf(cookie)).toEqual({ views: 3 })
  })

  it('the gate on the prototype is laid once, however many applications and requests there are', async () => {
    const { end } = express.response
    for (let left = 3; left > 0; left--) await properties((req) => req.session['user'])
    expect(express.response.end).toBe(end)
  })
})

describe.each(FRAMEWORKS)('on %s', (framework) => {
  /** How often the data were encoded for one response. */
  async function encodings(answer: (res: Res) => void) {
    let encoded = 0
    const codec = {
      ...jsonCodec,
      encode(data: object) {
        encoded++
        return jsonCodec.encode(data)
      },
    }
    const { handler, exchange } = caught((req) => req.session['user'])
    const { wire, store, signIn } = await stage({ framework, handler, manager: { codec } })
    const client = wire({ cookie: await signIn() })
    const { req, res } = await exchange
    encoded = 0
    answer(res)
    expect(req.socket.bytesWritten).toBeGreaterThan(0)
    expect((await client.reply()).text).toBe('answer')
    expect(store.calls).toEqual(['load'])
    return encoded
  }

  it('a body that is given to end alone is decided about once (30)', async () => {
    expect(await encodings((res) => res.end('answer'))).toBe(1)
  })

  it('other responses twice: at their head, and at their end (30)', async () => {
    expect(await encodings((res) => res.writeHead(200).end('answer'))).toBe(2)
    expect(
      await encodings((res) => {
        for (const letter of 'answer') res.write(letter)
        res.end()
      }),
    ).toBe(2)
  })

  it('a handler that never looks has no gate, where the prototype of responses can hold one (29)', async () => {
    const { handler, exchange } = caught(() => {})
    const { wire, signIn } = await stage({ framework, handler })
    const client = wire({ cookie: await signIn() })
    const { res } = await exchange
    expect(res.listenerCount('pipe')).toBe(framework.startsWith('express') ? 0 : 1)
    res.end('answer')
    await client.reply()
  })

  it.each<[string, (res: Res) => void]>([
    ['end', (res) => void res.end('answer')],
    ['write and end', (res) => void (res.write('ans'), res.end('wer'))],
  ])('a due touch is one call, by %s', async (_, answer) => {
    const clock = fakeClock()
    const { ask, store, signIn } = await stage({
      framework,
      manager: { clock },
      handler(req, res) {
        void req.session['user']
        answer(res)
      },
    })
    const cookie = await signIn()
    clock.advance(7_200_000)
    expect((await ask({ cookie })).text).toBe('answer')
    expect(store.calls).toEqual(['load', 'touch'])
  })

  it('a due touch of a handler that never looks is made too, and says nothing of cookies', async () => {
    const clock = fakeClock()
    const { ask, store, signIn } = await stage({
      framework,
      manager: { clock },
      handler: (_, res) => res.end('answer'),
    })
    const cookie = await signIn()
    clock.advance(7_200_000)
    const reply = await ask({ cookie })
    expect(reply.all('vary')).toEqual([])
    expect(store.calls).toEqual(['load', 'touch'])
  })
})
