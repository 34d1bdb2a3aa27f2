/**
 * The adapters that every promise is kept through, by name, and an application in words that suit all of them. To add
 * one: one entry, whose `start` serves the application on a port of its own.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import express, {
  type ErrorRequestHandler,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import { session } from '../../src/adapters/express.ts'
import type { Session } from '../../src/core/session.ts'
import type { Awaitable } from '../../src/core/store.ts'
import type { Sessions } from '../../src/sessions.ts'

/** Sessions with whatever data a test likes. */
export type Free = Record<string, unknown>

/** What a handler is given. */
export interface Exchange {
  /** The request's session, looked up at each use; a handler may assign null or an object. */
  get session(): Session<Free>
  set session(value: object | null)
  readonly query: URLSearchParams
  /** The request's JSON. */
  readonly body: unknown
}

/** What a handler answers. The framework's own ways are used: its redirect, its JSON, its ETag. */
export interface Reply {
  status?: number
  headers?: Readonly<Record<string, string | string[]>>
  /** A redirect to there. */
  redirect?: string
  /** Text; an object, as JSON; pieces, each written on its own. */
  body?: string | object | AsyncIterable<string>
  /** The head is sent on its own, before text or pieces, where the framework can. */
  headFirst?: boolean
}

export type Handler = (exchange: Exchange) => Awaitable<Reply>

/** An application. */
export interface App {
  /** By method and path: `'POST /login'`. */
  readonly routes: Readonly<Record<string, Handler>>
  /** The framework's error handler. By default it answers with the error's status and code. */
  readonly onError?: (error: unknown, exchange: Exchange) => Awaitable<Reply>
}

export interface Serving {
  readonly port: number
  close(): Promise<void>
}

export interface AdapterEntry {
  start(sessions: Sessions<Free>, app: App): Promise<Serving>
}

const require = createRequire(import.meta.url)

export const adapters: Readonly<Record<string, AdapterEntry>> = {
  express: { start: (sessions, app) => listen(expressApp(express, sessions, app)) },
  express4: { start: (sessions, app) => listen(expressApp(require('express4') as typeof express, sessions, app)) },
}

/** What an application's error handler answers when it says nothing of its own. */
export function answerError(error: unknown): Reply {
  const { status = 500, code = 'none' } = error as { status?: number; code?: string }
  return { status, body: { code } }
}

// --- internal ---

function expressApp(framework: typeof express, sessions: Sessions<Free>, { routes, onError }: App): RequestHandler {
  const app = framework()
  app.use(session(sessions))
  app.use(framework.json())
  for (const [name, handler] of Object.entries(routes)) {
    const [method, path] = name.split(' ') as [string, string]
    app[method.toLowerCase() as 'get'](path, (request, response, next) => {
      void answer(response, next, () => handler(exchangeOf(request)))
    })
  }
  // Express knows an error handler by its four parameters.
  const failed: ErrorRequestHandler = (error, request, response, next) => {
    void answer(response, next, () => (onError ?? answerError)(error, exchangeOf(request)))
  }
  app.use(failed)
  return app
}

function exchangeOf(request: Request): Exchange {
  const { searchParams } = new URL(request.originalUrl, 'http://host')
  const holder = request as unknown as { session: Session<Free> | object | null }
  return {
    query: searchParams,
    body: request.body as unknown,
    get session(): Session<Free> {
      return holder.session as Session<Free>
    },
    set session(value: object | null) {
      holder.session = value
    },
  }
}

/** Express 4 hears of a rejection only when it is told. */
async function answer(response: Response, next: NextFunction, handler: () => Awaitable<Reply>): Promise<void> {
  try {
    await send(response, await handler())
  } catch (error) {
    next(error)
  }
}

async function send(response: Response, reply: Reply): Promise<void> {
  const { status, headers = {}, redirect, body, headFirst } = reply
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (status !== undefined) response.status(status)
  if (redirect !== undefined) response.redirect(redirect)
  else if (isPieces(body)) {
    if (headFirst) response.flushHeaders()
    for await (const piece of body) response.write(piece)
    response.end()
  } else if (typeof body === 'object') response.json(body)
  else if (headFirst) response.writeHead(response.statusCode).end(body)
  else if (body === undefined) response.end()
  else response.send(body)
}

function isPieces(body: Reply['body']): body is AsyncIterable<string> {
  return typeof body === 'object' && Symbol.asyncIterator in body
}

async function listen(handler: RequestHandler): Promise<Serving> {
  const server: Server = createServer(handler as never)
  // A connection that closes while a request is on its way to it would be a failure of the test's own.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
