/** One line to a server that speaks in lines, and its whole answer: Redis's inline commands, memcached's protocol. */
import { connect } from 'node:net'

/** Sends the line, says that there is no more, and gives all that comes; '' when nobody is there. */
export async function ask(port: number, line: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.end(`${line}\r\n`))
    socket.setTimeout(5_000, () => socket.destroy())
    socket.on('data', (chunk) => (answer += chunk.toString()))
    // It ends in 'close' whatever goes wrong, and what has come by then is the answer.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer))
  })
}
