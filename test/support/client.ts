/** Clients over real sockets: one with a cookie jar and connections that stay, one that sees each byte as it comes. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly setCookies: readonly string[]
  readonly body: string
}

export interface Ask {
  /** Sent as JSON. */
  readonly body?: unknown
  /** The `Cookie` header, in place of the jar's; none when null. */
  readonly cookie?: string | null
}

const agent = new Agent({ keepAlive: true, maxSockets: 128 })

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

  async send(method: string, path: string, { body, cookie = this.cookie ?? null }: Ask = {}): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const answer = await exchange(this.#port, method, path, cookie, text)
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
  readonly cookies: string[]
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
export function rawRequest(port: number, method: string, path: string, { cookie, body }: Ask = {}): RawAnswer {
  const text = body === undefined ? '' : JSON.stringify(body)
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...(text === '' ? [] : ['Content-Type: application/json']),
    ...(cookie ? [`Cookie: ${cookie}`] : []),
  ]
  const socket = connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n${text}`))
  let received = ''
  const head = new Promise<RawHead>((resolve, reject) => {
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const end = received.indexOf('\r\n\r\n')
      if (end !== -1) resolve(parseHead(received.slice(0, end)))
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

function exchange(port: number, method: string, path: string, cookie: string | null, body?: string): Promise<Answer> {
  const headers = {
    ...(cookie !== null && { cookie }),
    ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  }
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, agent, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, setCookies: headers['set-cookie'] ?? [], body: text })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function parseHead(head: string): RawHead {
  const [first = '', ...lines] = head.split('\r\n')
  const valuesOf = (name: string): string[] =>
    lines.filter((line) => line.toLowerCase().startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim())
  return {
    status: Number(first.split(' ')[1]),
    cookies: valuesOf('set-cookie').map(pairOf),
    location: valuesOf('location')[0],
  }
}
