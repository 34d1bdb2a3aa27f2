/** A client that speaks HTTP/1.1 byte by byte: sees the order of lines, pipelines, stops reading, hangs up. */
import { connect, type Socket } from 'node:net'

/** One response as it came over the wire. */
export class Reply {
  readonly status: number
  readonly reason: string
  /** The header lines, in order, as they were written. */
  readonly lines: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer

  constructor(head: string, body: Buffer) {
    const [first = '', ...lines] = head.split('\r\n')
    const [, status = '', reason = ''] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(first) ?? []
    this.status = Number(status)
    this.reason = reason
    this.lines = lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string])
    this.body = body
  }

  /** Every value of a header, in order. */
  all(name: string): string[] {
    return this.lines.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
  }

  header(name: string): string | undefined {
    return this.all(name)[0]
  }

  get text(): string {
    return this.body.toString()
  }

  /** The session's `name=value`, when this response sets it. */
  get cookie(): string | undefined {
    return this.all('set-cookie')
      .find((line) => /^(?:__\w+-)?sid=/.test(line))
      ?.split(';', 1)[0]
  }
}

export interface Ask {
  method?: string
  path?: string
  /** `name=value`. */
  cookie?: string | undefined
  headers?: Readonly<Record<string, string>> | readonly (readonly [string, string])[]
  body?: string
}

/** Gives a request's bytes. */
export function requestText({ method = 'GET', path = '/', cookie, headers = {}, body }: Ask = {}): string {
  const own = Array.isArray(headers) ? (headers as [string, string][]) : Object.entries(headers)
  const lines = own.map(([name, value]) => `${name}: ${value}`)
  if (cookie !== undefined) lines.push(`Cookie: ${cookie}`)
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  return `${[`${method} ${path} HTTP/1.1`, 'Host: localhost', ...lines].join('\r\n')}\r\n\r\n${body ?? ''}`
}

/** One connection. */
export class Wire {
  readonly socket: Socket
  /** Fulfilled when the connection has ended, in whatever way. */
  readonly closed: Promise<void>
  /** The informational responses so far, head by head. */
  readonly interim: string[] = []
  #pieces: Buffer[] = []
  #length = 0
  #ended = false
  #wake: () => void = () => {}

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.closed = new Promise((resolve) => this.socket.on('close', () => resolve()))
    this.socket.on('data', (chunk: Buffer) => {
      this.#pieces.push(chunk)
      this.#length += chunk.length
      this.#wake()
    })
    // A reset is an end too; what it means is the test's to say.
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  send(...asks: Ask[]): this {
    this.socket.write(asks.map(requestText).join(''))
    return this
  }

  /** Hangs up. */
  async leave(): Promise<void> {
    this.socket.destroy()
    await this.closed
  }

  /** All that has come and was not read as a response. */
  get rest(): string {
    return this.#received.toString('latin1')
  }

  /** Fulfilled when something has come that was not read. */
  arrival(): Promise<void> {
    return this.#until(() => this.#length > 0)
  }

  /** The next response, whole. Rejected when the connection ends before its end. */
  async reply(method = 'GET'): Promise<Reply> {
    const head = await this.#head()
    if (/^HTTP\/1\.1 1\d\d /.test(head)) {
      this.interim.push(head)
      return this.reply(method)
    }
    const bare = new Reply(head, Buffer.alloc(0))
    const bodiless = method === 'HEAD' || bare.status === 304 || bare.status === 204
    return bodiless ? bare : new Reply(head, await this.body(bare))
  }

  /** Only the head of the next response. */
  async head(): Promise<Reply> {
    return new Reply(await this.#head(), Buffer.alloc(0))
  }

  /** The body behind a head that was read. */
  async body(head: Reply): Promise<Buffer> {
    if (/chunked/i.test(head.header('transfer-encoding') ?? '')) return this.#chunks()
    const length = head.header('content-length')
    if (length === undefined) {
      await this.closed
      return this.#take(this.#length)
    }
    await this.#until(() => this.#length >= Number(length))
    return this.#take(Number(length))
  }

  async #head(): Promise<string> {
    await this.#until(() => this.#received.includes('\r\n\r\n'))
    const end = this.#received.indexOf('\r\n\r\n')
    return this.#take(end + 4)
      .subarray(0, end)
      .toString('latin1')
  }

  async #chunks(): Promise<Buffer> {
    const chunks: Buffer[] = []
    for (;;) {
      await this.#until(() => this.#received.includes('\r\n'))
      const end = this.#received.indexOf('\r\n')
      const size = parseInt(this.#take(end + 2).toString('latin1'), 16)
      await this.#until(() => this.#length >= size + 2)
      if (size > 0) chunks.push(this.#take(size + 2).subarray(0, size))
      else {
        await this.#trailer()
        return Buffer.concat(chunks)
      }
    }
  }

  async #trailer(): Promise<void> {
    while (!this.#received.subarray(0, 2).equals(Buffer.from('\r\n'))) {
      await this.#until(() => this.#received.includes('\r\n'))
      this.#take(this.#received.indexOf('\r\n') + 2)
    }
    this.#take(2)
  }

  get #received(): Buffer {
    if (this.#pieces.length !== 1) this.#pieces = [Buffer.concat(this.#pieces)]
    return this.#pieces[0]!
  }

  #take(length: number): Buffer {
    const bytes = this.#received
    this.#pieces = [bytes.subarray(length)]
    this.#length = bytes.length - length
    return bytes.subarray(0, length)
  }

  async #until(arrived: () => boolean): Promise<void> {
    while (!arrived()) {
      if (this.#ended) throw new Error(`cut off after ${JSON.stringify(this.rest.slice(0, 200))}`)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
