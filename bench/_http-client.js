/**
 * A connection that is kept alive, with as little in the way as there can be: one request at a time, and answers that
 * have a `Content-Length`, as all of these servers' do.
 *
 * @module
 */
import { connect } from 'node:net'

export class Connection {
  #socket
  #received = ''
  #waiting

  constructor(port) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (text) => this.#take(text))
    const fail = (error) => this.#waiting?.reject(error ?? new Error('The server closed the connection'))
    this.#socket.on('error', fail).on('close', () => fail())
  }

  /** Sends a request, as {@link requestText} writes it, and gives the answer. */
  send(text) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(text, 'latin1')
    })
  }

  close() {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #take(text) {
    this.#received += text
    const end = this.#received.indexOf('\r\n\r\n')
    if (end === -1) return
    const head = this.#received.slice(0, end)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])
    const start = end + 4
    if (Number.isNaN(length)) return this.#waiting?.reject(new Error(`An answer without Content-Length: ${head}`))
    if (this.#received.length < start + length) return
    const body = this.#received.slice(start, start + length)
    this.#received = this.#received.slice(start + length)
    const { resolve } = this.#waiting
    this.#waiting = undefined
    resolve({ status: Number(head.slice(9, 12)), head, body })
  }
}

/** Writes a request as it goes over the wire. */
export function requestText({ method = 'GET', path, cookie }) {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1']
  if (cookie) lines.push(`Cookie: ${cookie}`)
  if (method !== 'GET') lines.push('Content-Length: 0')
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Gives the `name=value` that an answer asks to be kept. */
export function cookieOf({ head }) {
  return /\r\nset-cookie: ([^;\r\n]+)/i.exec(head)?.[1]
}

/** Sends every request once, over some connections; gives the answers in the order of the requests. */
export async function sendAll(port, texts, connections = 8) {
  const answers = []
  let at = 0
  await Promise.all(
    Array.from({ length: Math.min(connections, texts.length) }, async () => {
      const connection = new Connection(port)
      while (at < texts.length) {
        const mine = at++
        answers[mine] = await connection.send(texts[mine])
      }
      connection.close()
    }),
  )
  return answers
}
