/**
 * A browser, as far as the scripts need one: it keeps the cookie that it was last given.
 *
 * @module
 */
import { connect } from 'node:net'
import { Connection, cookieOf, requestText } from '../_http-client.js'

export class Browser {
  #port
  cookie

  constructor(port, cookie) {
    this.#port = port
    this.cookie = cookie
  }

  get(path) {
    return this.#send('GET', path)
  }

  post(path) {
    return this.#send('POST', path)
  }

  /** The session's data, as the server shows them. */
  async data() {
    return JSON.parse((await this.get('/get')).body)
  }

  /** Sends a request and goes on as soon as the answer's head is here, as browsers follow redirects. */
  async head(path) {
    const head = await headOf(this.#port, requestText({ path, cookie: this.cookie }))
    this.cookie = cookieOf({ head }) ?? this.cookie
    return head
  }

  async #send(method, path) {
    const connection = new Connection(this.#port)
    try {
      const answer = await connection.send(requestText({ method, path, cookie: this.cookie }))
      this.cookie = cookieOf(answer) ?? this.cookie
      return answer
    } finally {
      connection.close()
    }
  }
}

/** The socket stays open, so that the server may finish its answer. */
function headOf(port, text) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    let received = ''
    socket.setEncoding('latin1').on('error', reject)
    socket.on('data', (chunk) => {
      received += chunk
      if (received.includes('\r\n\r\n')) resolve(received)
    })
    socket.write(text)
  })
}
