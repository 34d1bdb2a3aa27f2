/**
 * Log leaks: the attacker reads the logs. Whoever writes the application prints whatever is at hand, as deep as it goes:
 * the session, the manager, the store, the request, what was thrown and what was told.
 */
import { IncomingMessage, OutgoingMessage } from 'node:http'
import { inspect } from 'node:util'
import express, { type ErrorRequestHandler, type Request } from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import { createSessions } from '../../src/sessions.ts'
import { cookieStore } from '../../src/stores/cookie.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sealed } from '../../src/stores/sealed.ts'
import { aroundStore } from '../support/around-store.ts'
import { Browser } from '../support/client.ts'
import { EVENT_NAMES } from '../support/scene.ts'
import { serve } from './_serve.ts'

const SECRET = 'YL3VnO1rcD9b0aS8eKq5wZ2xT7uHfJ4iGmXpCoRkQdE='
const keys = [{ id: '2026-11', secret: SECRET }]

/** All that can be made of a value to print it. */
function prints(value: unknown): string {
  const all = { depth: Infinity, showHidden: true, showProxy: true, getters: true, maxArrayLength: null } as const
  const ways = [
    () => inspect(value, { ...all, maxStringLength: null }),
    () => inspect(Object.getOwnPropertyDescriptors(value), all),
    () => inspect(Object.getPrototypeOf(value), all),
    () => JSON.stringify(value),
    () => String(value),
    () => (value instanceof Error ? `${value.stack}` : ''),
    () =>
      Object.getOwnPropertySymbols(value)
        .map((symbol) => inspect((value as never)[symbol], all))
        .join('\n'),
  ]
  return ways.map(attempt).join('\n')
}

// Node's own request and response have the cookie in their headers, and are not ours to hide.
const nodes = [IncomingMessage.prototype, OutgoingMessage.prototype] as { [inspect.custom]?: () => string }[]
beforeAll(() => nodes.forEach((each) => (each[inspect.custom] = () => '(of Node)')))
afterAll(() => nodes.forEach((each) => delete each[inspect.custom]))

/** What cannot be printed in some way leaks nothing in it. */
function attempt(way: () => string): string {
  try {
    return way()
  } catch (error) {
    return (error as Error).message
  }
}

const kinds: Record<string, () => Parameters<typeof createSessions>[0]> = {
  'the memory store': () => ({ store: memoryStore() }),
  'sealed bodies': () => ({ store: sealed(memoryStore(), { keys }), namespace: 'shop' }),
  'sealed cookies': () => ({ store: cookieStore({ keys, revocations: memoryStore() }) }),
}

describe.each(Object.keys(kinds))('with %s', (kind) => {
  let port: number
  let close: () => Promise<void>
  const printed: string[] = []
  const print = (...values: unknown[]): void => void printed.push(...values.map(prints))
  const failing = { writes: false }

  beforeAll(async () => {
    const options = kinds[kind]!()!
    // A driver that is unlucky tells what it was asked to do.
    const store = 'load' in options.store! ? aroundStore(options.store, { call, listing }) : options.store!
    const sessions = createSessions({
      ...options,
      store,
      rotateEvery: 60,
      ...('seal' in store && { rotateEvery: Infinity }),
    })
    for (const name of EVENT_NAMES) sessions.on(name, (event) => print(event))
    print(options.store, store, sessions, options)
    const app = express().use(session(sessions), express.json())
    app.post('/:what', async (request: Request<{ what: string }>, response) => {
      const own = request.session as unknown as Record<string, unknown>
      print(own, inspect(request.session.save), request.session.binding)
      printRequest(request)
      if (request.params.what === 'assign') Object.assign(own, request.body)
      if (request.params.what === 'renew') await request.session.regenerate()
      if (request.params.what === 'logout') await request.session.destroy()
      print(own, request.session)
      if (request.params.what === 'lost') await request.session.reload().catch((error: unknown) => print(error))
      response.json({})
      printRequest(request)
    })
    const failed: ErrorRequestHandler = (error, request, response, _next) => {
      print(error, request.session)
      response.status(500).json({})
    }
    app.use(failed)
    ;({ port, close } = await serve(app))
  })
  afterAll(() => close())

  function call({ method, args }: { method: string; args: readonly unknown[] }, work: () => unknown): unknown {
    if (!failing.writes || (method !== 'save' && method !== 'create')) return work()
    throw Object.assign(new Error(`INSERT failed: ${JSON.stringify(args)}`), { command: args, params: args })
  }
  function listing<V>(_: unknown, work: () => V): V {
    return work()
  }

  /** Everything that Sojourn laid on a request; its own headers have the cookie, as every request's. */
  function printRequest(request: Request): void {
    for (const symbol of Object.getOwnPropertySymbols(request)) {
      if (symbol.description?.startsWith('sojourn')) print((request as never)[symbol])
    }
    print(Object.keys(request.res!), request.res!.getHeaderNames())
  }

  it('nothing that can be printed of them has a secret in it', async () => {
    const browser = new Browser(port)
    const seen = new Set<string>()
    const post = async (path: string, body: unknown = {}, cookie = browser.cookie ?? null): Promise<void> => {
      await browser.post(path, body, { cookie })
      if (browser.cookie) seen.add(browser.cookie.slice('sid='.length))
    }
    await post('/assign', { cart: 1 })
    const old = browser.cookie!
    await post('/assign', { user: { id: 'alice' } })
    await post('/renew')
    await post('/assign', { save: 'x' })
    await post('/assign', { large: 'x'.repeat(70_000) })
    failing.writes = true
    await post('/assign', { n: 1 })
    failing.writes = false
    await post('/lost')
    await post('/assign', { n: 2 }, old)
    await post('/assign', { n: 2 }, `${browser.cookie}; sid=garbage; ${old}`)
    await post('/logout')
    await post('/lost')

    const text = printed.join('\n')
    // What is looked for could be found: the pages ran, and more than the surface was printed.
    for (const word of ['alice', 'ERR_SOJOURN_', 'signed-in', 'createdAt']) expect(text).toContain(word)
    const secrets = [...seen].flatMap((value) => value.split('.').slice(kind === 'sealed cookies' ? 0 : 1))
    const long = secrets.filter((secret) => secret.length > 20)
    expect(long.length).toBeGreaterThanOrEqual(3)
    for (const secret of [...long, SECRET, Buffer.from(SECRET, 'base64').toString('hex')]) {
      for (let at = 0; at + 16 <= Math.min(secret.length, 64); at += 8) {
        expect(text.includes(secret.slice(at, at + 16)), around(text, secret.slice(at, at + 16))).toBe(false)
      }
    }
  })
})

/** Where in a text something stands, without the thing itself. */
function around(text: string, secret: string): string {
  const at = text.indexOf(secret)
  return at === -1 ? '' : `${text.slice(Math.max(0, at - 200), at)}…`
}
