/** An application on either library, over a store that writes down what it is asked, and a browser that talks to it. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { Talk } from '../adapters/_site.ts'
import { type Answer, exchange, formatHead } from '../support/wire.ts'
import type { AnyRequest, AnyStore, Handle, Library, Method } from './_libraries.ts'

export const SECRET = 'keyboard cat'

export interface Parts {
  options?: object
  /** Where the middleware is mounted, default everywhere. */
  at?: string
  before?: Handle[]
  after?: Handle[]
  /** Gives the store; unless there is one, it is the library's own `MemoryStore`. */
  open?(library: Library): AnyStore
  /** Put on the store before the middleware is made. */
  store?(store: AnyStore): void
  trustProxy?: boolean
}

export interface Ask {
  method?: string
  path?: string
  headers?: string[]
  /** The `Cookie` header in place of the jar's; none when null. */
  cookie?: string | null
  body?: string
}

export class Application {
  readonly store: AnyStore
  /** What the store was asked: `get id`, and so on. */
  readonly calls: string[] = []
  /** The errors that reached the application's error handler. */
  readonly errors: Error[] = []
  /** The jar: name and value of each cookie. */
  readonly jar = new Map<string, string>()
  /** The handlers of the requests so far: each request says which is its own. */
  readonly #handles: Handle[] = []
  /** Every id that the store was asked about. */
  readonly #ids = new Set<string>()
  /** The store's own methods, before anything was put on it: what looks at it is no call. */
  readonly #own: Pick<AnyStore, Method>
  #server!: Server

  constructor(store: AnyStore) {
    this.store = store
    const own = (method: Method): never => store[method].bind(store) as never
    this.#own = { get: own('get'), set: own('set'), touch: own('touch'), destroy: own('destroy') }
    this.#watch()
  }

  static async of(
    library: Library,
    { options, at = '/', before = [], after = [], open, store, trustProxy }: Parts = {},
  ): Promise<Application> {
    const made = new Application(open?.(library) ?? new library.MemoryStore())
    store?.(made.store)
    const app = express()
    if (trustProxy) app.set('trust proxy', true)
    const use = app.use.bind(app) as (handle: unknown) => void
    const defaults = { secret: SECRET, resave: false, saveUninitialized: false, store: made.store }
    for (const each of before) use(each)
    app.use(at, library({ ...defaults, ...options }) as express.RequestHandler)
    for (const each of after) use(each)
    use((request: AnyRequest, response: never, next: never) =>
      made.#handles[Number(request.headers['x-handle'])]!(request, response, next),
    )
    use((error: Error, _: AnyRequest, response: express.Response, next: express.NextFunction) => {
      made.errors.push(error)
      if (response.headersSent) return
      response.status((error as { status?: number }).status ?? 500).send(`error: ${error.message}`)
      void next
    })
    made.#server = createServer(app).listen(0, '127.0.0.1')
    await once(made.#server, 'listening')
    return made
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async ask(handle: Handle, ask: Ask = {}): Promise<Answer> {
    const { method = 'GET', body } = ask
    const answer = await exchange(this.port, method, this.head(handle, ask), body)
    for (const line of answer.setCookies) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
      this.jar.set(name!, value!)
    }
    return answer
  }

  /** Asks over a socket that shows each byte as it comes. */
  talk(handle: Handle, ask: Ask = {}): Talk {
    const headers = [...(ask.headers ?? []), 'Connection: close']
    return new Talk(this.port, [this.head(handle, { ...ask, headers }) + (ask.body ?? '')])
  }

  /** What the store gives for a session: for that which the browser has, unless another is named. */
  stored(id: string = this.id): Promise<Record<string, unknown> | undefined> {
    return new Promise((resolve, reject) => {
      this.#own.get(id, (error, row) => {
        if (error && (error as { code?: unknown }).code !== 'ENOENT') reject(error)
        else resolve((row as Record<string, unknown> | null | undefined) ?? undefined)
      })
    })
  }

  /** Leaves the store as it was, for others who have it too. */
  async clear(): Promise<void> {
    for (const id of this.#ids) await new Promise<unknown>((resolve) => this.#own.destroy(id, resolve))
  }

  get id(): string {
    return decodeURIComponent(this.jar.get('connect.sid') ?? '')
      .slice(2)
      .split('.')[0]!
  }

  /** The head of a request that this handler is to answer. */
  head(handle: Handle, { method = 'GET', path = '/', headers = [], body, cookie = this.cookie }: Ask = {}): string {
    return formatHead(method, path, [
      `X-Handle: ${this.#handles.push(handle) - 1}`,
      ...headers,
      ...(cookie ? [`Cookie: ${cookie}`] : []),
      ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
    ])
  }

  /** The `Cookie` header that the browser sends by itself. */
  get cookie(): string | undefined {
    return this.jar.size > 0 ? [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ') : undefined
  }

  takeCalls(): string[] {
    return this.calls.splice(0)
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #watch(): void {
    for (const [method, own] of Object.entries(this.#own) as [Method, (...args: unknown[]) => unknown][]) {
      this.store[method] = (...args: unknown[]) => {
        this.calls.push(`${method} ${String(args[0])}`)
        this.#ids.add(String(args[0]))
        return own(...args)
      }
    }
  }
}
