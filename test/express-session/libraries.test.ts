/** The libraries that lean on `req.session`, each on the drop-in and on the native adapter alike. */
import { createRequire } from 'node:module'
import { csrfSync } from 'csrf-sync'
import express, { type RequestHandler } from 'express'
import { Authenticator } from 'passport'
import { Strategy } from 'passport-local'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Browser } from '../examples/browser.ts'
import { APPLICATION, PERSON, provider } from './_provider.ts'
import { dataOf, serve, SIDES, type Side } from './_sides.ts'

const require = createRequire(import.meta.url)
const connectFlash = require('connect-flash') as () => RequestHandler
/** Required, since its types are those of a module that has a default. */
const grant = require('grant').express() as (config: object) => RequestHandler
type Flashing = { flash(type: string, message?: string): unknown }

/** What an answer says, after its status. */
const read = async (answer: Promise<Response>): Promise<[number, string]> => [
  (await answer).status,
  await (await answer).text(),
]

const seen = async (browser: Browser, path = '/'): Promise<unknown> => (await browser.get(path)).json()

describe.each(SIDES)('on %s', (_, side) => {
  describe.each([false, true])('passport 0.7 with passport-local, keepSessionInfo: %s', (keepSessionInfo) => {
    const kept = keepSessionInfo ? { basket: 'tea' } : {}

    it('signs in under a new cookie that nobody asked for, and the old one is dead', async () => {
      const browser = await shop(side, keepSessionInfo)
      await browser.post('/basket')
      const before = browser.at(browser.origin)
      expect(await seen(before)).toEqual({ basket: 'tea' })

      expect(await read(browser.post('/login', { username: 'alice', password: 'right' }))).toEqual([200, 'welcome'])
      expect(browser.cookieHeader).not.toBe(before.cookieHeader)
      expect(await seen(browser)).toEqual({ user: { id: 'alice' }, ...kept })
      expect(await seen(before)).toEqual({})
    })

    it('lets a wrong password in under no cookie, and leaves the session as it is', async () => {
      const browser = await shop(side, keepSessionInfo)
      await browser.post('/basket')
      const { cookieHeader } = browser
      expect(await read(browser.post('/login', { username: 'alice', password: 'wrong' }))).toEqual([
        401,
        'Unauthorized',
      ])
      expect(browser.cookieHeader).toBe(cookieHeader)
      expect(await seen(browser)).toEqual({ basket: 'tea' })
    })

    it('signs out, and what was signed in is dead', async () => {
      const browser = await shop(side, keepSessionInfo)
      await browser.post('/basket')
      await browser.post('/login', { username: 'alice', password: 'right' })
      const signedIn = browser.at(browser.origin)
      expect(await read(browser.post('/logout'))).toEqual([200, 'bye'])
      expect(await seen(browser)).toEqual(kept)
      expect(await seen(signedIn)).toEqual({})
    })
  })

  it('connect-flash shows what was said once', async () => {
    const { origin } = await serve(side(), connectFlash(), (request, response) => {
      const { flash } = request as unknown as Flashing
      if (request.path === '/show') return void response.json(flash.call(request, 'info'))
      flash.call(request, 'info', 'saved')
      response.redirect('/show')
    })
    const browser = new Browser(origin)
    expect((await browser.post('/save')).headers.get('location')).toBe('/show')
    expect(await seen(browser, '/show')).toEqual(['saved'])
    expect(await seen(browser, '/show')).toEqual([])
  })

  it('csrf-sync gives a token, lets it through, and refuses none, a wrong one and another session’s', async () => {
    const { csrfSynchronisedProtection, generateToken } = csrfSync()
    const { origin } = await serve(side(), csrfSynchronisedProtection, (request, response) => {
      response.send(request.method === 'GET' ? generateToken(request) : 'done')
    })
    const [browser, other] = [new Browser(origin), new Browser(origin)]
    const [, token] = await read(browser.get('/form'))
    const [, others] = await read(other.get('/form'))
    const act = (headers?: Record<string, string>) => read(browser.post('/act', {}, headers))

    expect(await act({ 'x-csrf-token': token })).toEqual([200, 'done'])
    expect(await read(browser.get('/form'))).toEqual([200, token])
    for (const headers of [undefined, { 'x-csrf-token': 'wrong' }, { 'x-csrf-token': others }])
      expect(await act(headers)).toEqual([403, 'invalid csrf token'])
  })

  describe.each(['polling', 'websocket'])('socket.io over %s', (transport) => {
    it('sees whom the cookie signed in, and nobody without one', async () => {
      const { browser, greet } = await chat(side, transport)
      expect(await greet(browser)).toEqual({ transport })
      await browser.post('/login')
      expect(await greet(browser)).toEqual({ transport, user: 'alice' })
      expect(await greet(new Browser(browser.origin))).toEqual({ transport })
    })

    it('what its handler saves, the next page shows', async () => {
      const { browser, greet } = await chat(side, transport)
      await browser.post('/login')
      expect(await greet(browser, true)).toEqual({ transport, user: 'alice', greeted: true })
      expect(await seen(browser)).toEqual({ user: 'alice', greeted: true })
    })
  })

  describe('grant', () => {
    it('takes the code flow to its end: signed in, with the response in the session', async () => {
      const browser = await clientOf(side)
      const { provider, end } = await authorized(browser)
      expect(new URL(provider).searchParams.get('state')).toMatch(/^\w{20,}$/)
      expect(end).toBe('/signed-in')
      expect(await seen(browser, '/signed-in')).toEqual({
        user: PERSON.id,
        response: expect.objectContaining({ access_token: 'token for code-0', profile: PERSON }),
      })
      expect(await seen(browser)).toMatchObject({ user: PERSON.id, grant: { response: { profile: PERSON } } })
    })

    it('signs nobody in when the state is not the session’s', async () => {
      const browser = await clientOf(side)
      const { end } = await authorized(browser, (callback) => callback.searchParams.set('state', 'forged'))
      expect(end).toBe('/signed-in')
      const shown = await seen(browser, '/signed-in')
      expect(shown).toMatchObject({ response: { error: 'Grant: OAuth2 state mismatch' } })
      expect(shown).not.toHaveProperty('user')
      expect(shown).not.toHaveProperty('response.access_token')
    })
  })
})

// --- internal ---

/** A shop with a basket, where alice may sign in; and a browser in front of it. */
async function shop(side: Side, keepSessionInfo: boolean): Promise<Browser> {
  const passport = new Authenticator()
  passport.use(
    new Strategy((id, password, done) => done(null, id === 'alice' && password === 'right' ? { id } : false)),
  )
  passport.serializeUser((user, done) => done(null, (user as { id: string }).id))
  passport.deserializeUser((id: string, done) => done(null, { id }))
  const router = express.Router()
  router.post('/basket', (request, response) => {
    dataOf(request)['basket'] = 'tea'
    response.send('taken')
  })
  router.post('/login', passport.authenticate('local', { keepSessionInfo }) as RequestHandler, (_, response) => {
    response.send('welcome')
  })
  router.post('/logout', (request, response, next) => {
    request.logout({ keepSessionInfo }, (error: unknown) => (error ? next(error) : response.send('bye')))
  })
  router.get('/', (request, response) => {
    response.json({ user: request.user, basket: dataOf(request)['basket'] })
  })
  return new Browser((await serve(side(), passport.session() as RequestHandler, router)).origin)
}

type Greeting = { transport: string; user?: string; greeted?: boolean }

/** A site that signs alice in, with socket.io behind the same middleware; and how a browser is greeted over it. */
async function chat(side: Side, transport: string) {
  const session = side()
  const router = express.Router()
  router.post('/login', (request, response) => {
    dataOf(request)['user'] = 'alice'
    response.send('welcome')
  })
  router.get('/', (request, response) => {
    const { user, greeted } = dataOf(request)
    response.json({ user, greeted })
  })
  const { origin, server } = await serve(session, router)
  const sockets = new Server(server, { transports: [transport as 'polling' | 'websocket'] })
  sockets.engine.use(session)
  sockets.on('connection', (socket) => {
    socket.on('greet', async (isKept: boolean, answer: (greeting: object) => void) => {
      const data = dataOf(socket.request) as { user?: string; greeted?: boolean; save(): Promise<void> }
      if (isKept) {
        data.greeted = true
        await data.save()
      }
      answer({ transport: socket.conn.transport.name, user: data.user, greeted: data.greeted })
    })
  })
  onTestFinished(() => sockets.close())

  /** Connects with the browser's cookie, hears how the handler greets it, and leaves. */
  const greet = async (browser: Browser, isKept = false): Promise<Greeting> => {
    const socket = io(origin, {
      transports: [transport],
      extraHeaders: browser.cookies.size > 0 ? { cookie: browser.cookieHeader } : {},
      forceNew: true,
      reconnection: false,
    })
    try {
      return await new Promise<Greeting>((resolve, reject) => {
        socket.on('connect_error', reject)
        socket.on('disconnect', (reason) => reject(new Error(`disconnected: ${reason}`)))
        socket.emit('greet', isKept, resolve)
      })
    } finally {
      socket.close()
    }
  }
  return { browser: new Browser(origin), greet }
}

/** A client of the provider by grant, which signs in whom the provider vouches for; and a browser in front of it. */
async function clientOf(side: Side): Promise<Browser> {
  const addresses = await provider()
  const router = express.Router()
  // Grant wants to know its own origin, and the port is known only once it listens.
  let authorize: RequestHandler
  router.use((request, response, next) => authorize(request, response, next))
  router.get('/signed-in', (request, response) => {
    const data = dataOf(request)
    const { response: given } = data['grant'] as { response: { error?: string; profile: { id: string } } }
    if (!given.error) data['user'] = given.profile.id
    response.json({ user: data['user'], response: given })
  })
  router.get('/', (request, response) => {
    const { user, grant } = dataOf(request)
    response.json({ user, grant })
  })
  const { origin } = await serve(side(), router)
  authorize = grant({
    defaults: { origin, transport: 'session', state: true },
    local: { ...APPLICATION, ...addresses, oauth: 2, callback: '/signed-in', response: ['tokens', 'profile'] },
  })
  return new Browser(origin)
}

/** Walks from the client to the provider and back, and gives where it was sent: to the provider, and at the end. */
async function authorized(browser: Browser, tamper: (callback: URL) => void = () => undefined) {
  const locationOf = (answer: Response): string => answer.headers.get('location')!
  const provider = locationOf(await browser.get('/connect/local'))
  const callback = new URL(locationOf(await fetch(provider, { redirect: 'manual' })))
  tamper(callback)
  return { provider, end: locationOf(await browser.get(callback.pathname + callback.search)) }
}
