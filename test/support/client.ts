/** Clients over real sockets: a browser with its session's cookie, and one that sees each byte as it comes. */
import { connect } from 'node:net'
import { type Answer, exchange, formatHead, parseHead } from './wire.ts'

export type { Answer }

export interface Ask {
  /** Sent as JSON. */
  readonly body?: unknown
  /** The `Cookie` header, in place of the jar's; none when null. */
  readonly cookie?: string | null
}

/** A browser: keeps what `Set-Cookie` says of the session's cookie, and sends it. */
export class Browser {
  readonly #port: number
  /** `name=value`, as it is sent; undefined when there is none. */
  cookie: string | undefined

  constructor(port: number, cookie?: string) {
    this.#port = port
    this.cookie = cookie
  }

  get(path: string, ask: Ask = {}): Promise<Answer> {
    return this.send('GET', path, ask)
  }

  post(path: string, body?: unknown, ask: Ask = {}): Promise<Answer> {
    return this.send('POST', path, { ...ask, body })
  }

  async send(method: string, path: string, ask: Ask = {}): Promise<Answer> {
    const [head, body] = request(method, path, { cookie: this.cookie ?? null, ...ask })
    const answer = await exchange(this.#port, method, head, body)
    for (const line of answer.setCookies) {
      if (line.startsWith('sid=')) this.cookie = /; Max-Age=0;/.test(line) ? undefined : pairOf(line)
    }
    return answer
  }

  /** The cookie's value in its two parts. */
  get token(): { id: string; secret: string } {
    return tokenOf(this.cookie)
  }
}

/** `name=value` of a `Set-Cookie`. */
export function pairOf(setCookie: string): string {
  return setCookie.split(';', 1)[0]!
}

/** The id and the secret in `name=id.secret`. */
export function tokenOf(cookie: string | undefined): { id: string; secret: string } {
  const [id = '', secret = ''] = cookie?.slice(cookie.indexOf('=') + 1).split('.') ?? []
  return { id, secret }
}

export interface RawHead {
  readonly status: number
  /** `name=value` of each `Set-Cookie`. */
  readonly cookies: readonly string[]
  readonly location: string | undefined
}

/** A response of which each byte is seen when it arrives. */
export interface RawAnswer {
  /** How many bytes have arrived. */
  readonly bytes: number
  /** Fulfilled when the head is there, in the very turn; rejected when the connection ends before. */
  readonly head: Promise<RawHead>
  /** All that came, when the connection has ended. */
  readonly all: Promise<string>
}

/** Sends one request over a socket of its own. */
export function rawRequest(port: number, method: string, path: string, ask: Ask = {}): RawAnswer {
  const text = request(method, path, ask, ['Connection: close']).join('')
  const socket = connect(port, '127.0.0.1', () => socket.write(text))
  let received = ''
  const head = new Promise<RawHead>((resolve, reject) => {
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const end = received.indexOf('\r\n\r\n')
      if (end !== -1) resolve(rawHead(received.slice(0, end)))
    })
    socket.on('close', () => reject(new Error(`The connection ended before the head: ${JSON.stringify(received)}`)))
  })
  const all = new Promise<string>((resolve, reject) => {
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
  // Whoever waits for one of them need not wait for the other.
  for (const promise of [head, all]) promise.catch(() => undefined)
  return {
    get bytes() {
      return received.length
    },
    head,
    all,
  }
}

// --- internal ---

function request(
  method: string,
  path: string,
  { body, cookie }: Ask,
  headers: readonly string[] = [],
): [head: string, body: string] {
  const text = body === undefined ? '' : JSON.stringify(body)
  const lines = [...headers, `Content-Length: ${Buffer.byteLength(text)}`]
  if (text !== '') lines.push('Content-Type: application/json')
  if (cookie) lines.push(`Cookie: ${cookie}`)
  return [formatHead(method, path, lines), text]
}

function rawHead(text: string): RawHead {
  const { status, headers, setCookies } = parseHead(text)
  return { status, cookies: setCookies.map(pairOf), location: headers['location'] }
}
