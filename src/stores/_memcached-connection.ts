/**
 * One connection to one memcached: made when it is first used, made anew when it is used again after it broke.
 *
 * Questions go out as they come, and answers come in the same order. When the connection breaks, everything that is
 * under way fails at once, and nothing is sent a second time: nobody knows what became of a write. A connection that
 * has nothing to wait for keeps no process alive.
 *
 * @module
 */
import type { Socket } from 'node:net'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { StoreError } from '../core/errors.ts'
import { Refusal, Silence, toFault } from './_memcached-faults.ts'
import { flagOf, lineOf, Replies } from './_memcached-protocol.ts'
import type { Reply } from './_memcached-protocol.ts'
import { dial } from './_memcached-servers.ts'
import type { Address } from './_memcached-servers.ts'

/** How a server is spoken to. */
export interface Manners {
  readonly tls: TlsOptions | undefined
  readonly login: { readonly username: string; readonly password: string } | undefined
  /** How long (ms) a server that owes an answer may be silent. */
  readonly timeoutMs: number
}

/** Tells whether whoever asked still waits; looked at only when a question has had to wait. */
interface Asker {
  readonly signal?: AbortSignal
}

/** A question, and who waits for its answer. */
interface Exchange {
  readonly text: string
  /** What its answer repeats; greetings have none. */
  readonly mark: string | undefined
  readonly asker: Asker
  readonly since: number
  resolve(reply: Reply): void
  reject(error: unknown): void
}

/** How many characters may be under way: a server that is so far behind does not catch up. */
const UNDER_WAY_MAX = 32_000_000

/** After a connection that could not be made (ms): the first wait, and the longest. */
const [WAIT_LEAST_MS, WAIT_MOST_MS] = [50, 1_000]

export class Connection {
  /** How many connections have broken: what a former one showed may be another server's. */
  breaks: number = 0
  /** The largest item that the server keeps, in bytes, once it has said so. */
  itemMax: number = Infinity
  readonly #address: Address
  readonly #manners: Manners
  #socket: Socket | undefined
  #replies = new Replies()
  /** Whether the server has been greeted. */
  #isOpen = false
  #isClosed = false
  readonly #waiting: Exchange[] = []
  readonly #sent: Exchange[] = []
  #underWay = 0
  #marks = 0
  #heardAt = 0
  #timer: NodeJS.Timeout | undefined
  #waitMs = 0
  #notBefore = 0
  #lastFault: unknown
  #onIdle: (() => void) | undefined

  constructor(address: Address, manners: Manners) {
    this.#address = address
    this.#manners = manners
  }

  /** Asks, and gives the answer. @throws StoreError when there is none, or it is a refusal */
  ask(command: string, asker: Asker, value?: string): Promise<Reply> {
    if (this.#isClosed) return Promise.reject(closed())
    const mark = (this.#marks = (this.#marks + 1) % 2 ** 31).toString(36)
    const text = `${command} O${mark}\r\n${value === undefined ? '' : `${value}\r\n`}`
    if (this.#underWay + text.length > UNDER_WAY_MAX)
      return Promise.reject(this.#fault(new Silence('More is under way than it can catch up with.')))
    return new Promise((resolve, reject) => {
      const exchange = { text, mark, asker, since: performance.now(), resolve, reject }
      this.#underWay += text.length
      if (this.#isOpen) return this.#send(exchange)
      this.#waiting.push(exchange)
      if (!this.#socket) this.#connect()
      this.#watch()
    })
  }

  /** Waits for the answers that are due, and closes. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#oldest()) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    this.#socket?.destroy()
  }

  // --- internal: the way there ---

  #connect(): void {
    if (performance.now() < this.#notBefore) return this.#failAll(this.#lastFault)
    const { tls } = this.#manners
    const socket = dial(this.#address, tls)
    this.#socket = socket
    this.#replies = new Replies()
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    const greet = (): void => void this.#greet(socket).catch((error: unknown) => this.#break(socket, error))
    socket.once(tls ? 'secureConnect' : 'connect', greet)
    socket.on('data', (chunk) => this.#hear(socket, chunk))
    socket.on('error', (error) => this.#break(socket, error))
    for (const end of ['end', 'close'])
      socket.on(end, () => this.#break(socket, new Error('The connection was closed.')))
  }

  /** Shows the password, learns how much an item may hold, and lets those go who wait. */
  async #greet(socket: Socket): Promise<void> {
    const { login } = this.#manners
    if (login) {
      const words = `${login.username} ${login.password}`
      const reply = await this.#exchange(`set auth 0 0 ${Buffer.byteLength(words)}\r\n${words}\r\n`)
      if (reply.code !== 'STORED') throw new Refusal(lineOf(reply))
    }
    const reply = await this.#exchange('stats settings\r\n')
    if (reply.code === 'CLIENT_ERROR') throw new Refusal(lineOf(reply))
    if (socket !== this.#socket) return
    this.#isOpen = true
    this.#waitMs = 0
    for (const exchange of this.#waiting.splice(0)) {
      if (exchange.asker.signal?.aborted) this.#reject(exchange, exchange.asker.signal.reason)
      else this.#send(exchange)
    }
    this.#watch()
  }

  #exchange(text: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#underWay += text.length
      this.#send({ text, mark: undefined, asker: {}, since: performance.now(), resolve, reject })
    })
  }

  // --- internal: to and fro ---

  #send(exchange: Exchange): void {
    const socket = this.#socket!
    this.#sent.push(exchange)
    if (this.#sent.length === 1) this.#watch()
    // What is asked in one turn of the event loop travels together.
    if (socket.writableCorked === 0) {
      socket.cork()
      process.nextTick(() => socket.uncork())
    }
    socket.write(exchange.text)
  }

  #hear(socket: Socket, chunk: Buffer): void {
    if (socket !== this.#socket) return
    this.#heardAt = performance.now()
    try {
      for (const reply of this.#replies.read(chunk)) this.#take(reply)
    } catch (error) {
      this.#break(socket, error)
    }
    this.#watch()
  }

  #take(reply: Reply): void {
    if (reply.code === 'STAT') {
      if (reply.words[0] === 'item_size_max') this.itemMax = Number(reply.words[1])
      return
    }
    const exchange = this.#sent[0]
    const mark = flagOf(reply, 'O')
    if (!exchange || (mark !== undefined && mark !== exchange.mark)) {
      throw new Error('An answer came that nobody had asked for.')
    }
    // After any other refusal nobody knows how much of the question was read.
    if (exchange.mark !== undefined && !ANSWERS.has(reply.code)) throw new Refusal(lineOf(reply))
    this.#sent.shift()
    if (reply.code === 'SERVER_ERROR') return this.#reject(exchange, this.#fault(new Refusal(lineOf(reply))))
    this.#underWay -= exchange.text.length
    exchange.resolve(reply)
  }

  // --- internal: when it ends ---

  #break(socket: Socket, cause: unknown): void {
    if (socket !== this.#socket) return
    socket.destroy()
    if (!this.#isOpen) {
      this.#waitMs = Math.min(Math.max(this.#waitMs * 2, WAIT_LEAST_MS), WAIT_MOST_MS)
      this.#notBefore = performance.now() + this.#waitMs
      this.#lastFault = cause
    }
    this.#socket = undefined
    this.#isOpen = false
    this.breaks++
    this.#failAll(cause)
  }

  #failAll(cause: unknown): void {
    for (const exchange of [...this.#sent.splice(0), ...this.#waiting.splice(0)]) {
      this.#reject(exchange, this.#fault(cause))
    }
    this.#watch()
  }

  #reject(exchange: Exchange, error: unknown): void {
    this.#underWay -= exchange.text.length
    exchange.reject(error)
  }

  #fault(cause: unknown): Error {
    return toFault(this.#address.name, cause)
  }

  // --- internal: patience ---

  #oldest(): Exchange | undefined {
    return this.#sent[0] ?? this.#waiting[0]
  }

  /** While an answer is due, keeps the process alive and the time. */
  #watch(): void {
    const oldest = this.#oldest()
    if (!oldest) {
      this.#socket?.unref()
      this.#onIdle?.()
      return
    }
    this.#socket?.ref()
    if (this.#timer) return
    const leftMs = Math.max(oldest.since, this.#heardAt) + this.#manners.timeoutMs - performance.now()
    this.#timer = setTimeout(() => this.#suspect(), Math.max(leftMs, 1))
    // The socket keeps the process alive; a timer that has outlived what it was for does not.
    this.#timer.unref()
  }

  /** The time is up. An event loop that was held up has not read what is there: it reads before it judges. */
  #suspect(): void {
    setImmediate(() => {
      this.#timer = undefined
      const oldest = this.#oldest()
      const { timeoutMs } = this.#manners
      const isSilent = oldest && performance.now() - Math.max(oldest.since, this.#heardAt) >= timeoutMs
      if (isSilent && this.#socket) this.#break(this.#socket, new Silence(`Nothing came for ${timeoutMs} ms.`))
      else this.#watch()
    })
  }
}

// --- internal ---

/** After these the next answer is to the next question. */
const ANSWERS = new Set(['HD', 'VA', 'EN', 'NF', 'NS', 'EX', 'SERVER_ERROR'])

function closed(): StoreError {
  return new StoreError('This memcachedStore has been closed. Close it when nothing uses it any more.')
}
