/**
 * HTTP/1.1 over sockets that stay open: no more than these tests need, at a third of what `node:http` costs, since
 * they make tens of thousands of requests.
 */
import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  /** By lower-case name. `Set-Cookie` is apart. */
  readonly headers: Readonly<Record<string, string>>
  readonly setCookies: readonly string[]
  readonly body: string
}

/** Sends a request and gives its answer; rejects when the connection ends before, or what comes is no HTTP. */
export async function exchange(port: number, method: string, head: string, body = ''): Promise<Answer> {
  const connection = idle.get(port)?.pop() ?? new Connection(port)
  return connection.exchange(method, head + body)
}

/** A request's line and headers. */
export function formatHead(method: string, path: string, headers: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n')
}

/** Reads a response's line and headers. */
export function parseHead(text: string): Omit<Answer, 'body'> {
  const [first = '', ...lines] = text.split('\r\n')
  const headers: Record<string, string> = {}
  const setCookies: string[] = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    if (name === 'set-cookie') setCookies.push(value)
    else headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  }
  return { status: Number(first.split(' ')[1]), headers, setCookies }
}

// --- internal ---

/** Connections on which nothing is under way, by port. */
const idle = new Map<number, Connection[]>()

class Connection {
  readonly #port: number
  readonly #socket: Socket
  #received = ''
  #asked: { method: string; resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined

  constructor(port: number) {
    this.#port = port
    this.#socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1')
    this.#socket.on('data', (text: string) => this.#read(text))
    this.#socket.on('error', (error) => this.#end(error))
    this.#socket.on('close', () => this.#end(new Error(`The connection ended after ${JSON.stringify(this.#received)}`)))
  }

  exchange(method: string, text: string): Promise<Answer> {
    this.#socket.write(text)
    return new Promise((resolve, reject) => (this.#asked = { method, resolve, reject }))
  }

  #read(text: string): void {
    this.#received += text
    const asked = this.#asked
    if (!asked || !'HTTP/1.1 '.startsWith(this.#received.slice(0, 9))) {
      this.#end(new Error(`This is no answer to a request: ${JSON.stringify(this.#received)}`))
      return
    }
    const answer = parse(this.#received, asked.method)
    if (!answer) return
    this.#received = ''
    this.#asked = undefined
    if (answer.headers['connection'] === 'close') this.#socket.destroy()
    else idle.set(this.#port, [...(idle.get(this.#port) ?? []), this])
    asked.resolve(answer)
  }

  #end(error: Error): void {
    this.#socket.destroy()
    const others = (idle.get(this.#port) ?? []).filter((other) => other !== this)
    if (others.length > 0) idle.set(this.#port, others)
    else idle.delete(this.#port)
    this.#asked?.reject(error)
    this.#asked = undefined
  }
}

/** Gives the answer when all of it is there. */
function parse(received: string, method: string): Answer | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = parseHead(received.slice(0, end))
  const rest = received.slice(end + 4)
  const empty = method === 'HEAD' || head.status === 204 || head.status === 304
  const body = empty ? '' : bodyOf(head.headers, rest)
  return body === undefined ? undefined : { ...head, body: Buffer.from(body, 'latin1').toString() }
}

function bodyOf(headers: Answer['headers'], rest: string): string | undefined {
  if (headers['transfer-encoding'] === 'chunked') return unchunked(rest)
  const length = Number(headers['content-length'])
  return rest.length < length ? undefined : rest.slice(0, length)
}

function unchunked(rest: string): string | undefined {
  let body = ''
  for (let at = 0; ;) {
    const line = rest.indexOf('\r\n', at)
    if (line === -1) return undefined
    const length = Number.parseInt(rest.slice(at, line), 16)
    at = line + 2 + length + 2
    if (rest.length < at) return undefined
    if (length === 0) return body
    body += rest.slice(line + 2, line + 2 + length)
  }
}
