/**
 * I05, ASVS 7.4.1: a connection that stays open ends with its session, in whichever process that ended: at once where
 * the store tells of changes, and within 30 seconds everywhere.
 *
 * Events over Express in one process; another process on the same store ends the session.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import express from 'express'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import type { Store } from '../../src/core/store.ts'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { LOOK_EVERY_MS } from '../../src/shell/watches.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { type FakeClock, fakeClock } from '../../src/testing/clock.ts'
import { redis } from '../servers/redis.ts'
import { serverSuite, whereServed } from '../servers/suite.ts'
import { Browser, rawRequest, type RawAnswer } from '../support/client.ts'
import { newUser } from '../support/promises.ts'
import { openRedisPlace } from '../support/redis-place.ts'
import { settled } from '../support/scene.ts'
import { type OpenStore, stores } from '../support/stores.ts'
import { Visitor } from '../support/visitor.ts'
import { WatchedStore } from '../support/watched-store.ts'

interface Data {
  user?: string
}

const IDLE = 100
const ENDER = fileURLToPath(new URL('_ender.mjs', import.meta.url))

/** A process with open connections, and another one on the same store. */
interface Scene {
  readonly clock: FakeClock
  readonly watched: WatchedStore
  readonly here: Sessions<Data>
  readonly there: Sessions<Data>
  /** Signs somebody in and opens a connection; gives it when the first event has arrived. */
  connect(user: string): Promise<{ id: string; cookie: string; events: RawAnswer }>
  /** How many connections have been told to end. */
  readonly ended: () => number
  readonly port: number
  close(): Promise<void>
}

/** @param time what the managers go by, where it is not the test's clock */
async function open(store: Store, time?: () => number): Promise<Scene> {
  const clock = fakeClock()
  const watched = new WatchedStore(store)
  const options = { maxSessions: 2, idleTimeout: IDLE, clock: time ?? clock }
  const here = createSessions<Data>({ ...options, store: watched.store })
  const there = createSessions<Data>({ ...options, store })
  let ended = 0
  const app = express()
  app.use(session(here))
  app.post('/session', (req, res) => {
    Object.assign(req.session, { user: req.query['user'] })
    res.end()
  })
  app.get('/events', (req, res) => {
    res.type('text/event-stream').set('Cache-Control', 'no-store')
    res.write('data: hello\n\n')
    const stop = here.watch(req.session.id, () => {
      ended++
      res.end()
    })
    res.on('close', stop)
  })
  const server = createServer(app).listen(0, '127.0.0.1')
  server.on('upgrade', (req: IncomingMessage, socket: Duplex) => void upgrade(here, req, socket))
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    clock,
    watched,
    here,
    there,
    ended: () => ended,
    port,
    async connect(user) {
      const browser = new Browser(port)
      await browser.post(`/session?user=${user}`)
      const cookie = browser.cookie!
      const events = rawRequest(port, 'GET', '/events', { cookie })
      expect(await events.head).toMatchObject({ status: 200 })
      await watched.idle()
      await settled()
      return { id: browser.token.id, cookie, events }
    },
    async close() {
      await here.close()
      await there.close()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** As a library for WebSockets does: after that, the two sides speak over the socket. */
async function upgrade(sessions: Sessions<Data>, { headers }: IncomingMessage, socket: Duplex): Promise<void> {
  const { user, id } = await sessions.open({ cookie: headers.cookie ?? null, secure: false })
  if (!user) return void socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n')
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: words\r\n\r\nhello')
  socket.on(
    'close',
    sessions.watch(id, () => socket.end('bye')),
  )
}

/** Asks for an upgrade; gives the socket's words, and all of them when it has ended. */
function upgraded(port: number, cookie: string): { begun: Promise<unknown>; all: Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: words\r\nCookie: ${cookie}\r\n\r\n`,
  )
  const begun = once(socket, 'data')
  let words = ''
  socket.setEncoding('latin1').on('data', (text: string) => (words += text))
  return { begun, all: once(socket, 'close').then(() => words) }
}

/** How a session ends in another process. */
const ends: Record<string, (scene: Scene, about: { user: string; id: string; cookie: string }) => Promise<unknown>> = {
  'destroy()': async ({ there }, { cookie }) => {
    const visitor = new Visitor(there, { secure: false }, cookie)
    return visitor.visit((session) => session.destroy())
  },
  'revoke()': ({ there }, { id }) => there.revoke(id),
  'revokeAll()': ({ there }, { user }) => there.revokeAll(user),
  'two sign-ins more than it takes': async ({ there, clock }, { user }) => {
    for (let more = 0; more < 2; more++) {
      clock.advance(1)
      await new Visitor(there).visit((session) => (session.user = user))
    }
  },
}

const telling = whereServed(redis, { redis: { open: () => openRedisPlace({ telling: true }) } })
const silent = Object.entries(stores).filter(([, { cannotList }]) => !cannotList)

describe.each(Object.entries(telling))('an open connection, where changes are told: %s', (_, entry) => {
  let place: OpenStore
  let scene: Scene
  beforeAll(async () => (place = await entry.open()))
  afterAll(() => place.close())
  beforeEach(async () => {
    scene = await open(place.store)
    // Nothing comes by waiting.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(async () => {
    vi.useRealTimers()
    await scene.close()
  })

  it.each(Object.keys(ends))('ends at once with its session, by %s in another process', async (name) => {
    const [user, other] = [newUser(), newUser()]
    const mine = await scene.connect(user)
    await scene.connect(other)
    await subscribed(place.store)
    await ends[name]!(scene, { ...mine, user })
    expect(await mine.events.all).toContain('data: hello')
    expect(scene.ended()).toBe(1)
  })

  it('outlives a new token, and whatever else is changed', async () => {
    const user = newUser()
    const { cookie, events } = await scene.connect(user)
    await subscribed(place.store)
    const visitor = new Visitor(scene.there, { secure: false }, cookie)
    await visitor.visit((session) => session.regenerate())
    await subscribed(place.store)
    expect(scene.ended()).toBe(0)
    await visitor.visit((session) => session.destroy())
    expect(await events.all).toContain('data: hello')
  })
})

describe.each(silent)('an open connection, where nothing tells of changes: %s', (_, entry) => {
  let place: OpenStore
  let scene: Scene
  beforeAll(async () => (place = await entry.open()))
  afterAll(() => place.close())
  beforeEach(async () => {
    scene = await open(place.store)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(async () => {
    vi.useRealTimers()
    await scene.close()
  })

  /** Lets time pass for the timers alone: the session is in use elsewhere. Whatever is begun meanwhile is finished. */
  async function pass(ms: number, clock?: FakeClock): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      const step = Math.min(left, 1000)
      clock?.advance(step)
      await vi.advanceTimersByTimeAsync(step)
      await scene.watched.idle()
      await settled()
    }
  }

  it.each(Object.keys(ends))('ends within 30 seconds of its session, by %s in another process', async (name) => {
    const [user, other] = [newUser(), newUser()]
    const mine = await scene.connect(user)
    await scene.connect(other)
    await ends[name]!(scene, { ...mine, user })
    await pass(LOOK_EVERY_MS - 1)
    expect(scene.ended()).toBe(0)
    await pass(1)
    expect(scene.ended()).toBe(1)
    expect(await mine.events.all).toContain('data: hello')
  })

  it('ends at its session’s expiry, and not before', async () => {
    const { events } = await scene.connect(newUser())
    await pass(IDLE * 1000 - 1, scene.clock)
    expect(scene.ended()).toBe(0)
    await pass(1, scene.clock)
    expect(scene.ended()).toBe(1)
    expect(await events.all).toContain('data: hello')
  })

  it('is an upgraded one as well, and none is upgraded without a session', async () => {
    const user = newUser()
    const { cookie, id } = await scene.connect(user)
    const socket = upgraded(scene.port, cookie)
    await socket.begun
    await scene.watched.idle()
    await scene.there.revoke(id, { principal: user })
    await pass(LOOK_EVERY_MS)
    expect(await socket.all).toMatch(/^HTTP\/1\.1 101 .*hellobye$/s)
    expect(await upgraded(scene.port, cookie).all).toMatch(/^HTTP\/1\.1 401 /)
  })

  it('ends at once by what its own process does', async () => {
    const { id, events } = await scene.connect(newUser())
    await scene.here.revoke(id)
    expect(scene.ended()).toBe(1)
    expect(await events.all).toContain('data: hello')
  })
})

describe('an open connection ends when a process of its own ends its session', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  async function endInProcess(...args: string[]): Promise<void> {
    const { stdout } = await promisify(execFile)(process.execPath, [ENDER, ...args])
    expect(stdout).toBe('1\n')
  }

  serverSuite('over Redis, at once', redis, () => {
    it('without any time having to pass', async () => {
      const place = await openRedisPlace({ telling: true })
      onTestFinished(() => place.close())
      const scene = await open(place.store, Date.now)
      onTestFinished(() => scene.close())
      const user = newUser()
      const { events } = await scene.connect(user)
      await subscribed(place.store)
      await endInProcess('redis', place.url, place.prefix, user)
      expect(await events.all).toContain('data: hello')
    })
  })

  it('over a SQLite file, at the next look', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sojourn-connections-'))
    const path = join(folder, 'sessions.db')
    const store = sqliteStore({ path })
    onTestFinished(async () => {
      await store.close()
      rmSync(folder, { recursive: true })
    })
    const scene = await open(store, Date.now)
    onTestFinished(() => scene.close())
    const user = newUser()
    const { events } = await scene.connect(user)
    await endInProcess('sqlite', path, user)
    expect(scene.ended()).toBe(0)
    await vi.advanceTimersByTimeAsync(LOOK_EVERY_MS)
    expect(await events.all).toContain('data: hello')
  })
})

/** Until news arrives, of some other session: subscriptions take their time, and messages keep their order. */
async function subscribed(store: Store): Promise<void> {
  const [id, at] = ['CCCCCCCCCCCCCCCCCCCCCA', { now: Date.now() }]
  const session = { version: 1, expiresAt: at.now + 60_000, principal: null, body: 'of a test' }
  const heard = new Set<string>()
  const stop = store.changes!((changed) => heard.add(changed))
  while (!heard.has(id)) {
    await store.create(id, session, at)
    await store.remove(id, at)
    await settled()
  }
  stop()
}
