/** A stage: a small application on a port of its own, on each framework that the adapter serves, with a gated store. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import connect from 'connect'
import express from 'express'
import { onTestFinished } from 'vitest'
import { type AdapterOptions, session } from '../../src/adapters/express.ts'
import type { Options } from '../../src/core/options.ts'
import type { Session } from '../../src/core/session.ts'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { type GatedStore, gatedStore } from '../support/gated-store.ts'
import { type Ask, type Reply, Wire } from './_wire.ts'

/** Whatever a test keeps in a session. */
export type Data = Record<string, unknown>

export type Req = IncomingMessage & { session: Session<Data>; originalUrl?: string; baseUrl?: string }
export type Res = ServerResponse
export type Next = (error?: unknown) => void
export type Handler = (req: Req, res: Res, next: Next) => unknown
export type ErrorHandler = (error: unknown, req: Req, res: Res, next: Next) => unknown

const require = createRequire(import.meta.url)
export const express5: typeof express = express
export const express4 = require('express4') as typeof express

/** The frameworks, by name. */
export const FRAMEWORKS = ['express 5', 'express 4', 'connect', 'node:http'] as const
export type Framework = (typeof FRAMEWORKS)[number]

export interface Plot {
  framework?: Framework
  /** What lies before and behind the session's middleware. */
  before?: readonly unknown[]
  after?: readonly unknown[] | ((sessions: Sessions<Data>) => readonly unknown[])
  handler: Handler
  /** By default it answers with the error's status and name. */
  onError?: ErrorHandler
  adapter?: AdapterOptions
  manager?: Options<Data>
  /** Whether each answer of the store is a promise. */
  slow?: boolean
}

export interface Stage {
  readonly port: number
  readonly store: GatedStore
  readonly sessions: Sessions<Data>
  /** What the error handler was told. */
  readonly errors: unknown[]
  /** Asks on a connection of its own, and gives the whole response. */
  ask(ask?: Ask | string): Promise<Reply>
  wire(...asks: Ask[]): Wire
  /** A browser's cookie with these data in its session. */
  signIn(data?: Data): Promise<string>
  /** The data of the session that a cookie opens; undefined when it opens none. */
  dataOf(cookie: string | undefined): Promise<Data | undefined>
}

/** Builds it, and serves it until the test ends. */
export async function stage(plot: Plot): Promise<Stage> {
  const { framework = 'express 5', before = [], handler, onError = answerError } = plot
  const { store, sessions, ...rest } = backstage(plot.manager, plot.slow)
  const after = typeof plot.after === 'function' ? plot.after(sessions) : (plot.after ?? [])
  const errors: unknown[] = []
  const heard: ErrorHandler = (error, req, res, next) => {
    errors.push(error)
    return onError(error, req, res, next)
  }
  const chain = [...before, session(sessions, plot.adapter), ...after, handler]
  return { store, sessions, errors, ...rest, ...(await serve(listener(framework, chain as Handler[], heard))) }
}

/** A manager in front of a gated store, and what a test asks of them. */
export function backstage(
  options: Options<Data> = {},
  slow = false,
): Pick<Stage, 'store' | 'sessions' | 'signIn' | 'dataOf'> {
  const store = gatedStore(memoryStore(), slow)
  const sessions = createSessions<Data>({ ...options, store })
  return {
    store,
    sessions,
    async signIn(data = { user: 'alice' }) {
      const session = await sessions.open({ cookie: null, secure: false })
      Object.assign(session, data)
      const { headers } = await sessions.commit(session)
      store.calls.length = 0
      return headers.find(([name]) => name === 'Set-Cookie')![1].split(';')[0]!
    },
    async dataOf(cookie) {
      const session = await sessions.open({ cookie: cookie ?? null, secure: false })
      return session.isNew ? undefined : { ...session }
    },
  }
}

/** Serves a listener until the test ends. */
export async function serve(listener: unknown): Promise<Pick<Stage, 'port' | 'ask' | 'wire'> & { server: Server }> {
  const server = createServer(listener as never)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const wire = (...asks: Ask[]): Wire => {
    const wire = new Wire(port)
    onTestFinished(() => void wire.socket.destroy())
    return wire.send(...asks)
  }
  return {
    port,
    server,
    wire,
    ask(ask = {}) {
      const whole = typeof ask === 'string' ? { path: ask } : ask
      const headers = (Array.isArray(whole.headers) ? whole.headers : Object.entries(whole.headers ?? {})) as [
        string,
        string,
      ][]
      return wire({ ...whole, headers: [...headers, ['Connection', 'close']] }).reply(whole.method)
    },
  }
}

/** Answers with an error's status and name. */
export function answerError(error: unknown, _req: Req, res: Res, next: Next): void {
  if (res.headersSent) {
    next(error)
    return
  }
  const { status = 500, name } = error as { status?: number; name: string }
  res.statusCode = status
  res.setHeader('Content-Type', 'text/plain')
  res.end(`failed: ${name}`)
}

/** A handler that leaves the answer to the test: `exchange` gives what it was given, once it was called. */
export function caught(change: (req: Req) => unknown = (req) => (req.session['views'] = 1)) {
  let give!: (exchange: { req: Req; res: Res; next: Next }) => void
  const exchange = new Promise<{ req: Req; res: Res; next: Next }>((resolve) => (give = resolve))
  const handler: Handler = (req, res, next) => {
    change(req)
    give({ req, res, next })
  }
  return { handler, exchange }
}

/** One handler after another, without a framework. */
export function bare(chain: readonly Handler[], onError: ErrorHandler): (req: Req, res: Res) => void {
  return (req, res) => {
    const step = (at: number): void =>
      void chain[at]!(req, res, (error) => {
        if (error !== undefined) onError(error, req, res, () => req.socket.destroy())
        else if (at + 1 < chain.length) step(at + 1)
      })
    step(0)
  }
}

// --- internal ---

function listener(framework: Framework, chain: readonly Handler[], onError: ErrorHandler): unknown {
  if (framework === 'node:http') return bare(chain, onError)
  const app = framework === 'connect' ? connect() : framework === 'express 4' ? express4() : express5()
  // By one name for all of them; an error handler is known by its four parameters.
  const { use } = app as { use: (handler: unknown) => void }
  for (const handler of chain) use.call(app, handler)
  use.call(app, (error: unknown, req: Req, res: Res, next: Next) => onError(error, req, res, next))
  return app
}
