/** The drop-in and the native adapter, as a library that leans on `req.session` finds them: one application on either. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import { onTestFinished } from 'vitest'
import { session as native } from '../../src/adapters/express.ts'
import dropIn from '../../src/express-session/index.ts'
import { createSessions } from '../../src/sessions.ts'
import { memoryStore } from '../../src/stores/memory.ts'

/** Gives a middleware with a store of its own. */
export type Side = () => RequestHandler

export const SIDES: readonly (readonly [string, Side])[] = [
  ['the drop-in', () => handlerOf(dropIn({ secret: 'keyboard cat', resave: false, saveUninitialized: false }))],
  ['the native adapter', () => handlerOf(native(createSessions({ store: memoryStore() })))],
]

/** Whatever a library or a test keeps in a session. */
export const dataOf = (request: unknown): Record<string, unknown> =>
  (request as { session: Record<string, unknown> }).session

/** Serves these handlers until the test ends; an error is answered with its status and message. */
export async function serve(...handlers: RequestHandler[]): Promise<{ origin: string; server: Server }> {
  const app = express()
  app.use(express.urlencoded({ extended: false }), ...handlers)
  app.use((error: Error & { status?: number }, _: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) next(error)
    else response.status(error.status ?? 500).send(error.message)
  })
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

// --- internal ---

/** Ours take Node's own request and response, of which Express's are made. */
const handlerOf = (middleware: unknown): RequestHandler => middleware as RequestHandler
