/**
 * express-session's own order, for `strictCompat`: head and body leave while the store is still at work, all but the
 * last byte, or the end of a chunked body.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'

export interface Ending {
  /** Whether the end of the response has to wait for the store. */
  readonly isDue: boolean
  /** Whether what is sent next is the end. */
  isEnding: boolean
}

export function splitEnd(response: ServerResponse, ending: Ending): void {
  const inner = response.end as (...args: unknown[]) => ServerResponse
  const end = (args: unknown[]): ServerResponse => {
    ending.isEnding = true
    return inner.apply(response, args)
  }
  const ended = (...args: unknown[]): ServerResponse => {
    if (response.writableEnded || !ending.isDue) return end(args)
    const done = args.filter((each) => typeof each === 'function')
    const [body, ...encoding] = args.filter((each) => typeof each !== 'function')
    if (typeof body !== 'string' && !(body instanceof Uint8Array)) {
      if (!response.headersSent) response.writeHead(response.statusCode)
      return end(args)
    }
    const bytes = typeof body === 'string' ? Buffer.from(body, ...(encoding as [BufferEncoding])) : body
    // Whoever knows the length takes its last byte for the end.
    const held = Number(response.getHeader('Content-Length')) > 0 && bytes.length > 0 ? 1 : 0
    response.write(bytes.subarray(0, bytes.length - held))
    return end([...(held ? [bytes.subarray(bytes.length - held)] : []), ...done])
  }
  response.end = ended as ServerResponse['end']
}
