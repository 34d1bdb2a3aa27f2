/** What the proxies in front may be believed: I01 and I03. */
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { clientAddress, isSecure, type TrustProxy, trustFunction } from '../../src/adapters/_proxy.ts'
import { session } from '../../src/adapters/express.ts'
import { backstage, express4, express5, type Handler, serve, stage } from './_stage.ts'

const NGINX = '10.0.0.1'

function request(headers: Record<string, string> = {}, socket: object = { remoteAddress: NGINX }): IncomingMessage {
  return { headers, socket } as IncomingMessage
}

function secure(trust: TrustProxy, proto: string | undefined, forwardedFor?: string): boolean {
  const headers = {
    ...(proto !== undefined && { 'x-forwarded-proto': proto }),
    ...(forwardedFor !== undefined && { 'x-forwarded-for': forwardedFor }),
  }
  return isSecure(request(headers), () => trustFunction(trust))
}

describe('whether the browser’s connection was https', () => {
  it('is the socket’s own affair where there is one of TLS, and no proxy is asked for', () => {
    const asked = (): never => {
      throw new Error('asked')
    }
    expect(isSecure(request({ 'x-forwarded-proto': 'http' }, { encrypted: true }), asked)).toBe(true)
    expect(isSecure(request(), asked)).toBe(false)
  })

  it.each(['https', 'HTTPS', 'https, https', 'https,http', 'http, https'])(
    'nobody is believed by default: X-Forwarded-Proto: %s (I01)',
    (proto) => {
      expect(secure(false, proto)).toBe(false)
      expect(secure(0, proto)).toBe(false)
    },
  )

  it('no other header is believed at all', () => {
    const headers = { forwarded: 'proto=https', 'x-forwarded-ssl': 'on', 'x-forwarded-protocol': 'https' }
    expect(isSecure(request(headers), () => trustFunction(true))).toBe(false)
  })

  it.each<
    [trust: TrustProxy, proto: string | undefined, forwardedFor: string | undefined, expected: boolean, why: string]
  >([
    [1, 'https', '203.0.113.9', true, 'one proxy says so'],
    [1, 'HTTPS', '203.0.113.9', true, 'in whatever case'],
    [1, ' https ', undefined, true, 'with blanks around it'],
    [1, undefined, '203.0.113.9', false, 'it says nothing'],
    [1, '', '203.0.113.9', false, 'it says nothing at all'],
    [1, 'http', '203.0.113.9', false, 'it says no'],
    [1, 'https, http', '203.0.113.9', false, 'the client wrote the left one, the proxy the right one'],
    [1, 'http, https', '203.0.113.9', true, 'the client wrote the left one, and gains nothing'],
    [1, 'https,https,http', '203.0.113.9', false, 'however many the client wrote'],
    [1, 'https, http', '10.0.0.9, 203.0.113.9', false, 'however many addresses it wrote'],
    [2, 'https', '203.0.113.9, 10.0.0.2', true, 'the nearest of two overwrote it'],
    [2, 'https, http', '203.0.113.9, 10.0.0.2', true, 'both added theirs: the outer one speaks of the browser'],
    [2, 'http, https', '203.0.113.9, 10.0.0.2', false, 'both added theirs: the browser had http'],
    [2, 'https, http, http', '203.0.113.9, 10.0.0.2', false, 'both added theirs behind the client’s'],
    [true, 'https, http', '203.0.113.9', true, 'everybody is trusted, the client too'],
    [(address) => address.startsWith('10.'), 'https, http', '203.0.113.9', false, 'by address: one hop is ours'],
    [(address) => address.startsWith('10.'), 'https, http', '203.0.113.9, 10.0.0.2', true, 'by address: two are'],
    [() => false, 'https', undefined, false, 'by address: none is'],
  ])('with trust %s, %j for %j: %s, since %s', (trust, proto, forwardedFor, expected) => {
    expect(secure(trust, proto, forwardedFor)).toBe(expected)
  })
})

describe('the client’s address', () => {
  it.each<[trust: TrustProxy, forwardedFor: string | undefined, expected: string]>([
    [false, '203.0.113.9', NGINX],
    [1, '203.0.113.9', '203.0.113.9'],
    [1, '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    [2, '1.1.1.1, 203.0.113.9', '1.1.1.1'],
    [1, undefined, NGINX],
    [1, ' , ', NGINX],
    [true, '1.1.1.1, 203.0.113.9', '1.1.1.1'],
    [(_, hop) => hop === 0, '1.1.1.1,203.0.113.9', '203.0.113.9'],
    [1, '::ffff:203.0.113.9', '203.0.113.9'],
    [1, '::FFFF:203.0.113.9', '203.0.113.9'],
    [1, '2001:db8::1', '2001:db8::1'],
    [1, '2001:DB8:0::1', '2001:db8::1'],
    [1, '203.0.113.9:4711', '203.0.113.9'],
    [1, 'unknown', 'unknown'],
  ])('with trust %s of %j is %s (I03)', (trust, forwardedFor, expected) => {
    const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
    expect(clientAddress(request(headers), trustFunction(trust))).toBe(expected)
  })

  it('is none on a Unix socket, and on none', () => {
    expect(clientAddress(request({}, {}), trustFunction(false))).toBe('')
    expect(clientAddress({ headers: {} } as IncomingMessage, trustFunction(false))).toBe('')
  })
})

const write: Handler = (req, res) => {
  req.session['views'] = 1
  res.end('answer')
}

/** The name and attributes of the cookie that an answer sets. */
const shapeOf = (line = ''): string => line.replace(/=[^;]*; Max-Age=\d+/, '')
const SECURE = '__Host-sid; Path=/; HttpOnly; Secure; SameSite=Lax'
const PLAIN = 'sid; Path=/; HttpOnly; SameSite=Lax'

describe.each([
  ['express 5', express5],
  ['express 4', express4],
] as const)('on %s, its "trust proxy" decides the cookie', (_, express) => {
  async function answer(setting: unknown, headers: [string, string][], trustProxy?: TrustProxy) {
    const { sessions } = backstage()
    const app = express()
    if (setting !== undefined) app.set('trust proxy', setting)
    app.use(session(sessions, trustProxy === undefined ? {} : { trustProxy }))
    app.use(write as never)
    const { ask } = await serve(app)
    return shapeOf((await ask({ headers })).all('set-cookie')[0])
  }

  it.each<[setting: unknown, headers: [string, string][], shape: string]>([
    [undefined, [], PLAIN],
    [undefined, [['X-Forwarded-Proto', 'https']], PLAIN],
    [1, [['X-Forwarded-Proto', 'https']], SECURE],
    ['loopback', [['X-Forwarded-Proto', 'https']], SECURE],
    ['uniquelocal', [['X-Forwarded-Proto', 'https']], PLAIN],
    [1, [['X-Forwarded-Proto', 'https, http']], PLAIN],
    [
      1,
      [
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Proto', 'http'],
      ],
      PLAIN,
    ],
    [
      1,
      [
        ['x-forwarded-proto', 'http'],
        ['X-FORWARDED-PROTO', 'HTTPS'],
      ],
      SECURE,
    ],
    [true, [['X-Forwarded-Proto', 'http']], PLAIN],
    [(address: string) => address === '127.0.0.1', [['X-Forwarded-Proto', 'https']], SECURE],
  ])('%s with %j', async (setting, headers, shape) => {
    expect(await answer(setting, headers)).toBe(shape)
  })

  it('unless the middleware was told itself', async () => {
    expect(await answer(undefined, [['X-Forwarded-Proto', 'https']], 1)).toBe(SECURE)
    expect(await answer(1, [['X-Forwarded-Proto', 'https']], false)).toBe(PLAIN)
  })

  it('and the address that the session’s owner sees', async () => {
    const { sessions } = backstage()
    const app = express()
    app.set('trust proxy', 1)
    app.use(session(sessions))
    app.use(((req, res) => {
      req.session['user'] = 'alice'
      res.end()
    }) satisfies Handler as never)
    const { ask } = await serve(app)
    await ask({ headers: { 'X-Forwarded-For': '6.6.6.6, 203.0.113.9', 'User-Agent': 'Netscape' } })
    const infos = []
    for await (const info of sessions.list('alice')) infos.push(info)
    expect(infos).toMatchObject([{ address: '203.0.113.9', userAgent: 'Netscape' }])
  })
})

describe.each(['connect', 'node:http'] as const)('on %s the option trustProxy decides', (framework) => {
  it.each<[trustProxy: TrustProxy | undefined, headers: [string, string][], shape: string]>([
    [undefined, [['X-Forwarded-Proto', 'https']], PLAIN],
    [1, [['X-Forwarded-Proto', 'https']], SECURE],
    [1, [['X-Forwarded-Proto', 'https, http']], PLAIN],
    [
      1,
      [
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Proto', 'http'],
      ],
      PLAIN,
    ],
    [(address) => address === '127.0.0.1', [['X-Forwarded-Proto', 'https']], SECURE],
  ])('%s with %j', async (trustProxy, headers, shape) => {
    const { ask } = await stage({ framework, handler: write, adapter: trustProxy === undefined ? {} : { trustProxy } })
    expect(shapeOf((await ask({ headers })).all('set-cookie')[0])).toBe(shape)
  })

  it('and reads only the cookie of that connection', async () => {
    const { ask, signIn } = await stage({
      framework,
      handler: (req, res) => res.end(String(req.session['user'])),
      adapter: { trustProxy: 1 },
    })
    const token = (await signIn()).slice('sid='.length)
    const over = async (proto: string, cookie: string): Promise<string> =>
      (await ask({ cookie, headers: { 'X-Forwarded-Proto': proto } })).text
    // I02: what plain http has seen is nothing on https.
    expect(await over('http', `sid=${token}`)).toBe('alice')
    expect(await over('https', `sid=${token}`)).toBe('undefined')
    expect(await over('https', `__Host-sid=${token}`)).toBe('alice')
    expect(await over('http', `__Host-sid=${token}`)).toBe('undefined')
  })
})
