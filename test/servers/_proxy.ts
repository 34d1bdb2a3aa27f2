/** A wire between a client and its server that can be cut, held up, or lead nowhere. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Proxy {
  readonly host: string
  readonly port: number
  /** How many connections have been cut so far. */
  readonly cuts: number
  /** Lets everything through, at last what was held up; connections that led nowhere are cut. */
  through(): void
  /**
   * From now on, of the answers to requests that match, each so manieth is lost and its connection cut: the server has
   * done it, and nobody hears of it.
   */
  loseAnswersTo(pattern: RegExp, every: number): void
  /** Keeps what comes from either side until it is let through: a network that stands still. */
  hold(): void
  /** Takes what the client sends and throws it away: a server that accepts and never answers. */
  swallow(): void
  close(): Promise<void>
}

type Mode = 'through' | 'hold' | 'swallow'

export async function startProxy(target: { port: number }): Promise<Proxy> {
  const wires = new Set<Wire>()
  let mode: Mode = 'through'
  let fatal: { pattern: RegExp; every: number } | undefined
  let answers = 0
  let cuts = 0

  interface Wire {
    readonly client: Socket
    readonly server: Socket
    /** What waits to be let through, in order. */
    held: (() => void)[]
    hasHole: boolean
    asked: string
  }

  function cut(wire: Wire): void {
    if (wires.delete(wire)) cuts++
    wire.client.destroy()
    wire.server.destroy()
  }

  function pass(wire: Wire, to: Socket, chunk: Buffer): void {
    if (mode === 'swallow') wire.hasHole = true
    else if (mode === 'hold') wire.held.push(() => to.write(chunk))
    else to.write(chunk)
  }

  const listener = createServer((client) => {
    const server = connect(target.port, '127.0.0.1')
    const wire: Wire = { client, server, held: [], hasHole: false, asked: '' }
    wires.add(wire)
    client.on('data', (chunk) => {
      wire.asked = chunk.toString('latin1')
      pass(wire, server, chunk)
    })
    server.on('data', (chunk) => {
      if (fatal?.pattern.test(wire.asked) && ++answers % fatal.every === 0) cut(wire)
      else pass(wire, client, chunk)
    })
    for (const socket of [client, server]) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        wires.delete(wire)
        client.destroy()
        server.destroy()
      })
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')

  return {
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    get cuts() {
      return cuts
    },
    through() {
      mode = 'through'
      fatal = undefined
      for (const wire of wires) {
        if (wire.hasHole) cut(wire)
        for (const send of wire.held.splice(0)) send()
      }
    },
    loseAnswersTo(pattern, every) {
      fatal = { pattern, every }
    },
    hold() {
      mode = 'hold'
    },
    swallow() {
      mode = 'swallow'
    },
    async close() {
      for (const wire of wires) cut(wire)
      const closed = once(listener, 'close')
      listener.close()
      await closed
    },
  }
}
