/**
 * express-session's own order, for `strictCompat`: head and body leave while the store is still at work, all but the
 * last byte, or the end of a chunked body.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'

export interface Ending {
  /** Whether the end of the response has to wait for the store. */
  isDue(): boolean
  /** What is sent next is the end. */
  atEnd(): void
}

export function splitEnd(response: ServerResponse, ending: Ending): void {
  const inner = response.end as (...args: unknown[]) => ServerResponse
  const end = (args: unknown[]): ServerResponse => {
    ending.atEnd()
    return inner.apply(response, args)
  }
  const ended = (...args: unknown[]): ServerResponse => {
    const [chunk, encoding] = args.filter((each) => typeof each !== 'function')
    const isBody = typeof chunk === 'string' || chunk instanceof Uint8Array
    if (!isBody || response.writableEnded || !ending.isDue()) return end(args)
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : chunk
    // Whoever knows the length takes its last byte for the end.
    const held = Number(response.getHeader('Content-Length')) > 0 && bytes.length > 0 ? 1 : 0
    response.write(bytes.subarray(0, bytes.length - held))
    const rest = held ? [bytes.subarray(bytes.length - held)] : []
    return end([...rest, ...args.filter((each) => typeof each === 'function')])
  }
  response.end = ended as ServerResponse['end']
}
