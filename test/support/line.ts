/** A line between clients and a server that can be cut, go dead, and lose an answer on its way. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'

export class Line {
  readonly #server: Server
  readonly #to: number
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>()
  #dead = false
  #answers = 0
  #lost = 0
  #isLost: (answer: number) => boolean = () => false

  private constructor(to: number) {
    this.#to = to
    this.#server = createServer({ noDelay: true }, (client) => this.#join(client))
  }

  /** Opens a line to a port of this machine. */
  static async to(port: number): Promise<Line> {
    const line = new Line(port)
    line.#server.listen(0, '127.0.0.1')
    await once(line.#server, 'listening')
    return line
  }

  /** Where clients connect to. */
  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#pairs.size
  }

  /** How many answers have been lost. */
  get lost(): number {
    return this.#lost
  }

  /** Breaks every connection there is. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  /** From now on, one in so many answers is lost, and its connection with it. */
  loseOneIn(answers: number): void {
    this.#isLost = (answer) => answer % answers === 0
  }

  /** The n-th answer from now on is lost, and its connection with it. */
  loseAnswer(n: number): void {
    const lost = this.#answers + n
    this.#isLost = (answer) => answer === lost
  }

  /** From now on connections are accepted and commands taken, but no answer comes; or again one does. */
  setDead(dead: boolean): void {
    this.#dead = dead
    if (!dead) this.cut()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  #join(client: Socket): void {
    const server = connect(this.#to, '127.0.0.1').setNoDelay()
    const pair = [client, server] as const
    this.#pairs.add(pair)
    for (const [socket, other] of [pair, [server, client]] as const) {
      // Whatever went wrong, it closes.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#pairs.delete(pair)
        other.destroy()
      })
    }
    client.on('data', (bytes) => server.write(bytes))
    server.on('data', (bytes) => {
      if (this.#dead) return
      if (!this.#isLost(++this.#answers)) return void client.write(bytes)
      this.#lost++
      client.destroy()
    })
  }
}
