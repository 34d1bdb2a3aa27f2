/** HTTP/2 in its compatibility mode, with a bare handler. */
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import { createSessions, memoryStore, type Session } from '../../src/index.ts'
import { WatchedStore } from '../support/watched-store.ts'

type Data = Record<string, unknown>
type Handler = (request: Http2ServerRequest & { session: Session<Data> }, response: Http2ServerResponse) => void

const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})

async function site(handler: Handler) {
  const watched = new WatchedStore(memoryStore())
  const middleware = session<Data>(createSessions<Data>({ store: watched.store })) as unknown as (
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    next: () => void,
  ) => void
  const server = createServer((request, response) =>
    middleware(request, response, () => handler(request as never, response)),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client: ClientHttp2Session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  endings.push(
    () => client.close(),
    () => server.close(),
  )
  const ask = (cookie?: string) => {
    const stream = client.request({ ':path': '/', ...(cookie && { cookie }) })
    const answer = {
      status: 0,
      cookie: undefined as string | undefined,
      vary: undefined as string | undefined,
      body: '',
      ended: Promise.resolve(),
    }
    stream.on('response', (headers) => {
      answer.status = headers[':status']!
      answer.cookie = headers['set-cookie']?.[0]?.split(';')[0]
      answer.vary = headers['vary']
    })
    stream.on('data', (chunk: Buffer) => (answer.body += chunk.toString()))
    answer.ended = once(stream, 'close').then(
      () => undefined,
      () => undefined,
    )
    return answer
  }
  return { ask, watched }
}

describe('on HTTP/2', () => {
  it.each<[string, (response: Http2ServerResponse) => unknown]>([
    ['end(body)', (response) => response.end('done')],
    ['write and end', (response) => (response.write('do'), response.end('ne'))],
    ['writeHead and end', (response) => response.writeHead(200, { 'x-own': '1' }).end('done')],
  ])('%s waits for the store, and warns of nothing', async (_, answerWith) => {
    const warnings: string[] = []
    const warned = (warning: Error): void => void warnings.push(warning.name)
    process.on('warning', warned)
    endings.push(() => process.off('warning', warned))
    const { ask, watched } = await site((request, response) => {
      request.session['n'] = Number(request.session['n'] ?? 0) + 1
      answerWith(response)
    })
    const gate = watched.hold(['create'], 'answered')
    const first = ask()
    await gate.reached
    expect([first.status, first.body]).toEqual([0, ''])
    gate.open()
    await first.ended
    expect(first).toMatchObject({ status: 200, body: 'done', vary: 'Cookie' })
    const second = ask(first.cookie)
    await second.ended
    expect(second).toMatchObject({ status: 200, body: 'done', cookie: undefined })
    await new Promise((resolve) => setImmediate(resolve))
    expect(warnings).toEqual([])
  })

  it('a change that cannot be stored is a 503, and nothing of the answer leaves', async () => {
    const { ask, watched } = await site((request, response) => {
      request.session['n'] = 1
      response.setHeader('x-own', '1')
      response.end('done')
    })
    watched.store.create = () => {
      throw new Error('down')
    }
    const answer = ask()
    await answer.ended
    expect(answer).toMatchObject({ status: 503, cookie: undefined, body: 'Service Unavailable\n' })
  })

  it('a crumbled Cookie header is put together', async () => {
    const { ask } = await site((request, response) => {
      request.session['n'] ??= 1
      response.end(String(request.session['n']))
    })
    const first = ask()
    await first.ended
    const again = ask(`other=1; ${first.cookie!}; last=2`)
    await again.ended
    expect(again).toMatchObject({ body: '1', cookie: undefined })
  })
})
