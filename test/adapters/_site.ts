/** A site whose sessions are in memory, behind a store at which each write can be held; and a client on a plain socket. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, connect as connectSocket } from 'node:net'
import connect from 'connect'
import express from 'express'
import { session as sessionMiddleware } from '../../src/adapters/express.ts'
import { createSessions, memoryStore, type Options, type Session, type Sessions } from '../../src/index.ts'
import { WatchedStore } from '../support/watched-store.ts'

const require = createRequire(import.meta.url)

export type Data = Record<string, unknown>
export type SessionRequest = IncomingMessage & { session: Session<Data> }
export type Handle = (request: SessionRequest, response: ServerResponse, next: (error?: unknown) => void) => unknown
export type ErrorHandle = (
  error: Error & { code?: string; status?: number },
  request: SessionRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => unknown

/** What an application is made of, in order. */
export interface Parts {
  before?: Handle[]
  after?: Handle[]
  handler: Handle
  onError?: ErrorHandle
}

export type Kind = 'express' | 'express4' | 'connect' | 'bare'
export const KINDS: readonly Kind[] = ['express', 'express4', 'connect', 'bare']
export const FRAMEWORKS: readonly Kind[] = ['express', 'express4', 'connect']

export class Site {
  readonly watched = new WatchedStore(memoryStore())
  readonly sessions: Sessions<Data>
  readonly events: string[] = []
  server!: Server
  /** `name=value` of a session that holds `{ n: 1 }`. */
  cookie = ''

  constructor(options: Options<Data> = {}) {
    this.sessions = createSessions<Data>({ store: this.watched.store, ...options })
    for (const type of ['dropped-write', 'store-error', 'conflict'] as const)
      this.sessions.on(type, () => this.events.push(type))
  }

  static async of(kind: Kind, parts: Parts, options: Options<Data> = {}): Promise<Site> {
    const site = new Site(options)
    const session = await site.sessions.open({ cookie: null, secure: false })
    session['n'] = 1
    const { headers } = await site.sessions.commit(session)
    site.cookie = headers[0]![1].split(';')[0]!
    site.server = createServer(listener(kind, site.sessions, parts)).listen(0, '127.0.0.1')
    await once(site.server, 'listening')
    site.watched.takeCalls()
    return site
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Sends a request; gives the socket's story. */
  ask(path = '/', headers: Record<string, string> = { cookie: this.cookie }, method = 'GET'): Talk {
    return new Talk(this.port, [format(method, path, headers)])
  }

  async stored(): Promise<Data | undefined> {
    return (await this.sessions.read(this.cookie.slice(4, 26)))?.data
  }

  async close(): Promise<void> {
    this.server.close()
    this.server.closeAllConnections()
    await once(this.server, 'close')
  }
}

/** What comes over one socket. */
export class Talk {
  received = ''
  readonly ended: Promise<string>
  readonly socket
  readonly #waiting: { until: (text: string) => boolean; resolve: () => void }[] = []

  constructor(port: number, requests: readonly string[]) {
    this.socket = connectSocket(port, '127.0.0.1', () => this.socket.write(requests.join('')))
    this.socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1')
      for (const { until, resolve } of this.#waiting) if (until(this.received)) resolve()
    })
    this.ended = new Promise((resolve) =>
      this.socket.on('close', () => resolve(this.received)).on('error', () => undefined),
    )
  }

  async until(until: (text: string) => boolean): Promise<string> {
    if (!until(this.received)) await new Promise<void>((resolve) => this.#waiting.push({ until, resolve }))
    return this.received
  }

  /** The whole answer: its connection closes behind it. */
  async answer(): Promise<Answer> {
    return parse(await this.ended)
  }
}

export interface Answer {
  status: number
  headers: [string, string][]
  body: string
  header(name: string): string | undefined
  all(name: string): string[]
}

export function parse(text: string): Answer {
  const end = text.indexOf('\r\n\r\n')
  const [line = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = lines.map((each) => each.split(/: (.*)/s).slice(0, 2) as [string, string])
  const all = (name: string): string[] => headers.flatMap(([key, value]) => (key.toLowerCase() === name ? [value] : []))
  const raw = text.slice(end + 4)
  const body = all('transfer-encoding')[0] === 'chunked' ? unchunked(raw) : raw
  return { status: Number(line.split(' ')[1]), headers, body, header: (name) => all(name)[0], all }
}

export function format(method: string, path: string, headers: Record<string, string>, connection = 'close'): string {
  const lines = Object.entries({ host: 'example.org', connection, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

// --- internal ---

function unchunked(text: string): string {
  let body = ''
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, end), 16)
    if (!(size > 0)) break
    body += text.slice(end + 2, end + 2 + size)
    at = end + 4 + size
  }
  return body
}

function listener(kind: Kind, sessions: Sessions<Data>, { before = [], after = [], handler, onError }: Parts) {
  const session = sessionMiddleware(sessions) as unknown as Handle
  if (kind === 'bare') {
    return (request: IncomingMessage, response: ServerResponse): void => {
      session(
        request as SessionRequest,
        response,
        () => void handler(request as SessionRequest, response, () => undefined),
      )
    }
  }
  const app =
    kind === 'connect' ? connect() : (kind === 'express' ? express : (require('express4') as typeof express))()
  const use = app.use.bind(app) as (handle: unknown) => void
  for (const each of [...before, session, ...after, handler]) use(each)
  if (onError)
    use((error: Error, request: SessionRequest, response: ServerResponse, next: () => void) =>
      onError(error, request, response, next),
    )
  return app as unknown as (request: IncomingMessage, response: ServerResponse) => void
}
