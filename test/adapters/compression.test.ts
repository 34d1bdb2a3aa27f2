/** With compression, wherever it is mounted, whatever the body, whether the commit succeeds or fails. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { brotliDecompressSync, gunzipSync, gzip } from 'node:zlib'
import compression from 'compression'
import { describe, expect, it } from 'vitest'
import type { Reply } from './_wire.ts'
import { caught, type Handler, type Res, stage } from './_stage.ts'

/** Compressible, and many chunks when it is compressed. */
const TEXT = randomBytes(300_000).toString('hex')

const looking: Handler = (req, _, next) => {
  void req.session['user']
  next()
}

type Mount = (layer: unknown) => { before?: unknown[]; after?: unknown[] }
const MOUNTS: [string, Mount][] = [
  ['before the session', (layer) => ({ before: [layer] })],
  ['after the session', (layer) => ({ after: [layer] })],
  ['after a first look at the session', (layer) => ({ after: [looking, layer] })],
]

const BODIES: [string, (res: Res) => void][] = [
  ['buffered', (res) => void res.end(TEXT)],
  [
    'streamed',
    (res) => {
      for (let at = 0; at < TEXT.length; at += 20_000) res.write(TEXT.slice(at, at + 20_000))
      res.end()
    },
  ],
  ['piped', (res) => void Readable.from(slices()).pipe(res)],
  [
    'given a head of its own and piped',
    (res) => void Readable.from(slices()).pipe(res.writeHead(200, { 'X-Own': '1' })),
  ],
]

function* slices(): Generator<string> {
  for (let at = 0; at < TEXT.length; at += 20_000) yield TEXT.slice(at, at + 20_000)
}

function plain(reply: Reply): string {
  const encoding = reply.header('content-encoding')
  if (encoding === 'gzip') return gunzipSync(reply.body).toString()
  return encoding === 'br' ? brotliDecompressSync(reply.body).toString() : reply.text
}

describe.each(['express 5', 'express 4', 'connect'] as const)('on %s', (framework) => {
  describe.each(MOUNTS)('mounted %s', (_, mount) => {
    describe.each(BODIES)('a body that is %s', (_, send) => {
      async function answering(held: boolean, coding = 'gzip') {
        const { handler, exchange } = caught(held ? undefined : (req) => req.session['user'])
        const whole = await stage({ framework, ...mount(compression()), handler })
        const creating = held ? whole.store.hold('create') : undefined
        const client = whole.wire({ headers: { 'Accept-Encoding': coding } })
        const { req, res } = await exchange
        res.setHeader('Content-Type', 'text/plain')
        res.setHeader('Set-Cookie', 'own=1')
        send(res)
        return { ...whole, client, req, res, creating }
      }

      it('comes out whole when it was held', async () => {
        const { client, req, creating, dataOf } = await answering(true)
        await creating!.reached
        expect(req.socket.bytesWritten).toBe(0)
        creating!.open()
        const reply = await client.reply()
        expect(reply.header('content-encoding')).toBe('gzip')
        expect(reply.all('vary').join(', ').split(', ').sort()).toEqual(['Accept-Encoding', 'Cookie'])
        expect(reply.all('set-cookie')).toEqual(['own=1', expect.stringMatching(/^sid=/)])
        expect(plain(reply) === TEXT).toBe(true)
        expect(await dataOf(reply.cookie)).toEqual({ views: 1 })
      })

      it('comes out whole when nothing was due', async () => {
        const { client } = await answering(false, 'br')
        const reply = await client.reply()
        expect(reply.header('content-encoding')).toBe('br')
        expect(plain(reply) === TEXT).toBe(true)
      })

      it('gives way to the error page when the commit fails, and flows into it no more (19)', async () => {
        const { handler, exchange } = caught()
        const { wire, store, errors } = await stage({
          framework,
          ...mount(compression()),
          handler,
          // As long as it takes to compress the whole body once more, for whatever still flows.
          onError: (_, __, res) => gzip(TEXT, () => res.writeHead(503).end('sorry')),
        })
        store.fail('create')
        const client = wire({ headers: { 'Accept-Encoding': 'gzip' } })
        const { res } = await exchange
        res.setHeader('Content-Type', 'text/plain')
        res.setHeader('Set-Cookie', 'own=1')
        send(res)
        const reply = await client.reply()
        expect(reply).toMatchObject({ status: 503 })
        expect(plain(reply)).toBe('sorry')
        expect(reply.all('set-cookie')).toEqual([])
        expect(reply.all('x-own')).toEqual([])
        expect(errors).toMatchObject([{ code: 'ERR_SOJOURN_STORE' }])
      })
    })

    it('a flush while the response is held sends no byte, and afterwards what there is', async () => {
      const { handler, exchange } = caught()
      const { wire, store } = await stage({ framework, ...mount(compression({ threshold: 0 })), handler })
      const creating = store.hold('create')
      const client = wire({ headers: { 'Accept-Encoding': 'gzip' } })
      const { req, res } = await exchange
      const flush = (): void => (res as Res & { flush(): void }).flush()
      res.setHeader('Content-Type', 'text/plain')
      res.write('first')
      flush()
      await creating.reached
      expect(req.socket.bytesWritten).toBe(0)
      creating.open()
      const head = await client.head()
      expect(head.header('content-encoding')).toBe('gzip')
      flush()
      // Without the flush zlib would keep the first part to itself.
      await client.arrival()
      res.end('second')
      expect(gunzipSync(await client.body(head)).toString()).toBe('firstsecond')
    })
  })
})
