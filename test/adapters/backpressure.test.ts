/** Streams through a held response: facts 13 to 16 of `reference/response-gate.md`. All bytes, in order, and no hang. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, type ReadStream, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, describe, expect, it } from 'vitest'
import type { Wire } from './_wire.ts'
import { caught, FRAMEWORKS, type Handler, type Req, type Res, stage } from './_stage.ts'

const folder = mkdtempSync(join(tmpdir(), 'sojourn-gate-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** More than any buffer on the way holds. */
const LARGE = randomBytes(12_000_000)
const file = join(folder, 'large.bin')
writeFileSync(file, LARGE)

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Reads in sips: a bit, then nothing for some turns, and so on. */
function sip(client: Wire): void {
  client.socket.on('data', () => {
    client.socket.pause()
    setImmediate(() => setImmediate(() => client.socket.resume()))
  })
}

describe.each(FRAMEWORKS)('on %s', (framework) => {
  /** A held response, in the handler's hands. */
  async function held(begin: (res: Res, req: Req) => void) {
    const { handler, exchange } = caught()
    const whole = await stage({ framework, handler })
    const creating = whole.store.hold('create')
    const client = whole.wire({})
    const { req, res } = await exchange
    begin(res, req)
    await creating.reached
    return { ...whole, client, req, res, creating }
  }

  it('a held write owes a drain, and pays it once though Node would emit none (13)', async () => {
    let drains = 0
    const { client, res, creating } = await held((res) => expect(res.write('small')).toBe(false))
    res.on('drain', () => drains++)
    expect(res.write('er')).toBe(false)
    const drained = once(res, 'drain')
    creating.open()
    await drained
    res.end('!')
    expect((await client.reply()).text).toBe('smaller!')
    expect(drains).toBe(1)
  })

  it('leaves the drain to Node where Node will emit it (13)', async () => {
    let drains = 0
    const { client, res, creating } = await held((res) => expect(res.write(LARGE)).toBe(false))
    res.on('drain', () => drains++)
    const reply = client.reply()
    creating.open()
    await once(res, 'drain')
    res.end()
    expect(hash((await reply).body)).toBe(hash(LARGE))
    expect(drains).toBe(1)
  })

  it('emits no drain for a response that has ended, as Node does not', async () => {
    let drains = 0
    const { client, res, creating } = await held((res) => res.write('a'))
    res.on('drain', () => drains++)
    res.end('b')
    creating.open()
    await client.reply()
    expect(drains).toBe(0)
  })

  it('takes one chunk of a piped file while it is held, and the rest at the reader’s pace (15)', async () => {
    let source!: ReadStream
    const { client, creating } = await held((res) => {
      source = createReadStream(file)
      source.pipe(res)
    })
    sip(client)
    expect(source.bytesRead).toBeLessThan(300_000)
    const reply = client.reply()
    creating.open()
    expect(hash((await reply).body)).toBe(hash(LARGE))
    expect(source.destroyed).toBe(true)
  })

  it.each<[string, (res: Res) => unknown]>([
    ['pipe', (res) => createReadStream(file).pipe(res)],
    ['pipeline', (res) => pipeline(createReadStream(file), res)],
    ['pipeline through a transform', (res) => pipeline(createReadStream(file), new PassThrough(), res)],
    ['pipeline of an iterable', (res) => pipeline(chunks(LARGE), res)],
    [
      'a writer that waits for each drain',
      async (res) => {
        for (const chunk of chunks(LARGE)) if (!res.write(chunk)) await once(res, 'drain')
        res.end()
      },
    ],
    [
      'a writer that waits for nothing',
      (res) => {
        for (const chunk of chunks(LARGE)) res.write(chunk)
        res.end()
      },
    ],
  ])('every byte of %s arrives, in order, however slowly they are read', async (_, send) => {
    const sent: unknown[] = []
    const { client, creating } = await held((res) => sent.push(send(res)))
    sip(client)
    const reply = client.reply()
    creating.open()
    expect(hash((await reply).body)).toBe(hash(LARGE))
    await Promise.all(sent)
  })

  it('restores what others had laid on the response (16)', async () => {
    const handler: Handler = (req, res) => {
      req.session['views'] = 1
      const { on, setHeader } = res
      const own = {
        on: function (this: Res, ...args: Parameters<typeof on>) {
          return on.apply(this, args)
        },
        setHeader: function (this: Res, ...args: Parameters<typeof setHeader>) {
          return setHeader.apply(this, args)
        },
      }
      Object.assign(res, own)
      const names = ['on', 'setHeader', 'appendHeader', 'removeHeader', 'headersSent', 'writableEnded'] as const
      const before = names.map((name) => Object.getOwnPropertyDescriptor(res, name))
      res.once('finish', () => {
        expect(names.map((name) => Object.getOwnPropertyDescriptor(res, name))).toEqual(before)
        expect(res.on).toBe(own.on)
        told()
      })
      res.end('answer')
    }
    let told!: () => void
    const finished = new Promise<void>((resolve) => (told = resolve))
    const { ask } = await stage({ framework, handler, slow: true })
    expect((await ask()).text).toBe('answer')
    await finished
  })
})

/** Layers that keep 'drain' listeners where an emit on the response does not reach them, as compression's does. */
describe.each(FRAMEWORKS)(
  'on %s, behind a layer that moves the drain listeners to a stream of its own',
  (framework) => {
    const looking: Handler = (req, _, next) => {
      void req.session['user']
      next()
    }

    it.each<[string, (layer: Handler) => { before?: Handler[]; after?: Handler[] }]>([
      ['before the session', (layer) => ({ before: [layer] })],
      ['after the session', (layer) => ({ after: [layer] })],
      ['after a first look at the session', (layer) => ({ after: [looking, layer] })],
    ])('mounted %s, a held pipe goes on (14, 28)', async (_, mount) => {
      const moving: Handler = (_, res, next) => {
        const { write, end, on } = res as unknown as Record<string, (...args: unknown[]) => unknown>
        let inner: PassThrough | undefined
        const waiting: [string, () => void][] = []
        const begin = (): PassThrough => {
          if (inner) return inner
          inner = new PassThrough()
          for (const [event, listener] of waiting) inner.on(event, listener)
          inner.on('data', (chunk) => write!.call(res, chunk) === false && inner!.pause())
          inner.on('end', () => end!.call(res))
          on!.call(res, 'drain', () => inner!.resume())
          return inner
        }
        Object.assign(res, {
          write: (chunk: unknown) => begin().write(chunk),
          end: (chunk?: unknown) => begin().end(chunk),
          on(event: string, listener: () => void) {
            if (event !== 'drain') return on!.call(res, event, listener)
            if (inner) inner.on(event, listener)
            else waiting.push([event, listener])
            return res
          },
        })
        next()
      }
      const { wire, store } = await stage({
        framework,
        ...mount(moving),
        handler(req, res) {
          req.session['views'] = 1
          createReadStream(file).pipe(res)
        },
      })
      const creating = store.hold('create')
      const client = wire({})
      sip(client)
      const reply = client.reply()
      await creating.reached
      creating.open()
      expect(hash((await reply).body)).toBe(hash(LARGE))
    })
  },
)

function* chunks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 60_000) yield bytes.subarray(at, at + 60_000)
}
