/**
 * What the middlewares for Node's own requests share: their shape, and how they tell of an error.
 *
 * @module
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'

/** A middleware as Express and Connect call it. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

/** Tells of an error. A callback without a parameter has no way to hear of it: it would go on as if there were none. */
export function tell(error: unknown, response: ServerResponse, next: (error?: unknown) => void): void {
  if (next.length > 0 || !isResponse(response)) next(error)
  else answerError(response, statusOf(error))
}

/** Whether it is a response at all: for an upgrade, whoever shares the middleware gives a stand-in. */
export function isResponse(response: ServerResponse): boolean {
  return typeof (response as Partial<ServerResponse>).getHeaders === 'function'
}

// --- internal ---

function statusOf(error: unknown): number {
  const status = (error as { status?: number } | undefined)?.status ?? 500
  return status >= 400 && status < 600 ? status : 500
}

function answerError(response: ServerResponse, status: number): void {
  response.statusCode = status
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  response.end(`${STATUS_CODES[status]}\n`)
}
