/** Spoofed forwarded headers: I01 to I03. Everything here goes over plain http; whoever says otherwise is our own proxy. */
import { describe, expect, it } from 'vitest'
import type { TrustProxy } from '../../src/adapters/_proxy.ts'
import { session } from '../../src/adapters/express.ts'
import { backstage, express4, express5, type Handler, serve, type Stage } from '../adapters/_stage.ts'

type Line = [name: string, value: string]

/** What a client writes into its request, hoping to be taken for somebody on https. */
const SPOOFS: readonly Line[][] = [
  [],
  [['X-Forwarded-Proto', 'https']],
  [['x-forwarded-proto', 'HTTPS']],
  [['X-FORWARDED-PROTO', ' https ']],
  [['X-Forwarded-Proto', 'https, http']],
  [['X-Forwarded-Proto', 'http, https']],
  [['X-Forwarded-Proto', 'https,https,https,https']],
  [['X-Forwarded-Proto', 'https,']],
  [
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Proto', 'https'],
  ],
  [
    ['X-Forwarded-Proto', 'http'],
    ['x-forwarded-proto', 'https'],
  ],
  [['Forwarded', 'proto=https']],
  [['Forwarded', 'for=10.0.0.1;proto=https, for=10.0.0.2;proto=https']],
  [
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-For', '127.0.0.1'],
  ],
  [
    ['X-Forwarded-Proto', 'https, https'],
    ['X-Forwarded-For', '127.0.0.1, ::1, ::ffff:127.0.0.1'],
  ],
  [
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-For', '10.0.0.7'],
    ['X-Forwarded-For', '10.0.0.8'],
  ],
  [
    ['X-Forwarded-Ssl', 'on'],
    ['X-Forwarded-Scheme', 'https'],
    ['X-Url-Scheme', 'https'],
    ['Front-End-Https', 'on'],
    ['X-Forwarded-Protocol', 'ssl'],
    ['X-Forwarded-Port', '443'],
  ],
]

/** Where the client and the outer of two proxies are, as the next hop sees them. The inner one is on this machine. */
const CLIENT = '203.0.113.9'
const OUTER = '10.0.0.2'

/** A proxy of ours: adds what it saw to a list, or puts it in the list's place. */
type Proxy = (lines: readonly Line[], peer: string, proto: string) => Line[]
const appends: Proxy = (lines, peer, proto) => [...lines, ['X-Forwarded-For', peer], ['X-Forwarded-Proto', proto]]
const overwrites: Proxy = (lines, peer, proto) =>
  appends(
    lines.filter(([name]) => !/^x-forwarded-(?:for|proto)$/i.test(name)),
    peer,
    proto,
  )

const direct = (spoof: readonly Line[]): Line[] => [...spoof]
const WAYS: Record<string, (spoof: readonly Line[], proto: string) => Line[]> = {
  'one that appends': (spoof, proto) => appends(spoof, CLIENT, proto),
  'one that overwrites': (spoof, proto) => overwrites(spoof, CLIENT, proto),
}
const LONG_WAYS: typeof WAYS = {
  'two that append': (spoof, proto) => appends(appends(spoof, CLIENT, proto), OUTER, 'http'),
  'one that overwrites and one that appends': (spoof, proto) =>
    appends(overwrites(spoof, CLIENT, proto), OUTER, 'http'),
}

/** Addresses of our own; however they are spelled. */
const ours = (address: string): boolean => address === '127.0.0.1' || address.startsWith('10.')

const handler: Handler = (req, res) => {
  req.session['user'] = 'alice'
  res.end()
}

/** What an application made of a request: the name of the cookie that it set, and the address it took down. */
async function judge({ ask, sessions }: Pick<Stage, 'ask' | 'sessions'>, headers: Line[]): Promise<[string, string]> {
  const cookie = (await ask({ headers })).cookie!
  const [name, token] = cookie.split('=') as [string, string]
  const { info } = (await sessions.read(token.split('.')[0]!))!
  return [name, info.address!]
}

type Trust = TrustProxy | undefined

/** Each framework, told whom to trust in its own way. */
const SERVERS: Record<string, (trust: Trust) => Promise<Pick<Stage, 'ask' | 'sessions'>>> = {
  'express 5': (trust) => onExpress(express5, trust),
  'express 4': (trust) => onExpress(express4, trust),
  async 'node:http'(trust) {
    const { sessions } = backstage()
    const attach = session(sessions, trust === undefined ? {} : { trustProxy: trust })
    const { ask } = await serve((req: never, res: never) => attach(req, res, () => void handler(req, res, () => {})))
    return { ask, sessions }
  },
}

async function onExpress(express: typeof express5, trust: Trust): Promise<Pick<Stage, 'ask' | 'sessions'>> {
  const { sessions } = backstage()
  const app = express()
  if (trust !== undefined) app.set('trust proxy', trust)
  app.use(session(sessions))
  app.use(handler as never)
  const { ask } = await serve(app)
  return { ask, sessions }
}

describe.each(Object.keys(SERVERS))('on %s', (framework) => {
  const start = SERVERS[framework]!

  it.each<[string, Trust]>([
    ['by default', undefined],
    ['with trust in none', false],
    ['with trust in 0', 0],
    ['with trust in nobody by address', () => false],
    ['with trust in others by address', (address) => address === '192.0.2.1'],
  ])('%s no client on plain http makes itself secure, nor changes its address (I01, I03)', async (_, trust) => {
    const server = await start(trust)
    for (const spoof of SPOOFS)
      expect(await judge(server, direct(spoof)), JSON.stringify(spoof)).toEqual(['sid', '127.0.0.1'])
  })

  it.each<[string, Trust, typeof WAYS]>([
    ['one proxy, by number', 1, WAYS],
    ['our proxies, by address', ours, WAYS],
    ['two proxies, by number', 2, LONG_WAYS],
    ['our two proxies, by address', ours, LONG_WAYS],
  ])('behind %s, what the client wrote counts for nothing (I01, I03)', async (_, trust, ways) => {
    const server = await start(trust)
    for (const [way, pass] of Object.entries(ways)) {
      for (const spoof of SPOOFS) {
        const where = `${way}: ${JSON.stringify(spoof)}`
        expect(await judge(server, pass(spoof, 'http')), where).toEqual(['sid', CLIENT])
        expect(await judge(server, pass(spoof, 'https')), where).toEqual(['__Host-sid', CLIENT])
      }
    }
  })

  it('a client has one address, however it is spelled (I03)', async () => {
    const server = await start(1)
    for (const [address, ...spellings] of [
      ['203.0.113.9', '203.0.113.9', '::ffff:203.0.113.9', '::FFFF:CB00:7109', '203.0.113.9:50123'],
      ['2001:db8::9', '2001:db8::9', '2001:0DB8:0:0::0009', '[2001:db8::9]:50123'],
    ] as const) {
      for (const spelling of spellings)
        expect(await judge(server, [['X-Forwarded-For', spelling]]), spelling).toEqual(['sid', address])
    }
  })
})

it('one proxy that does not touch X-Forwarded-Proto lets the client write it: it has to, says the guide', async () => {
  const server = await SERVERS['node:http']!(1)
  const untouched: Line[] = [
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-For', CLIENT],
  ]
  expect((await judge(server, untouched))[0]).toBe('__Host-sid')
})
