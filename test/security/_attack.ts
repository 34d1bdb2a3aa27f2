/** What the attack tests share: an ordinary application, on a store in memory and one on disk, over real sockets. */
import { connect } from 'node:net'
import { drawId, drawSecret, formatToken } from '../../src/core/token.ts'
import type { App, Free } from '../support/adapters.ts'
import type { Browser } from '../support/client.ts'
import type { Gate } from '../support/gate.ts'
import { type Process, settings, type World } from '../support/promises.ts'

export const places = settings.filter(({ name }) => name === 'memory, express' || name === 'sqlite, express')

/** Where a page waits that its test holds back. */
export const waiting: { page?: Gate | undefined } = {}

/** Signs in and out, and keeps what it is given, as applications do. */
export const ordinary: App['routes'] = {
  'GET /me': ({ session }) => ({ body: { ...session } }),
  'POST /assign': ({ session, body }) => {
    Object.assign(session, body)
    return { body: { ...session } }
  },
  'POST /sign-in': ({ session, body }) => {
    session['user'] = body
    return { redirect: '/me' }
  },
  'POST /logout': async ({ session }) => {
    await session.destroy()
    return { redirect: '/me' }
  },
  /** Looks, waits, and then assigns what it was given. */
  'POST /slow': async ({ session, body }) => {
    void session['user']
    await waiting.page?.pass()
    Object.assign(session, body)
    return { body: { ...session } }
  },
}

export const app: App = { routes: ordinary }

/** What an application makes of the session that comes with a cookie. */
export async function seenWith(world: World, cookie: string | null): Promise<Free> {
  const { status, body, setCookies } = await world.there.browser().get('/me', { cookie })
  if (status !== 200 || setCookies.length > 0) throw new Error(`answered ${status}, with ${setCookies.length} cookies`)
  return JSON.parse(body) as Free
}

/** Somebody's browser, just signed in. */
export async function signedIn(world: World, id: string): Promise<Browser> {
  const browser = world.here.browser()
  await browser.post('/sign-in', { id })
  return browser
}

/** The ids of a user's live sessions. */
export async function idsOf({ sessions }: Process, user: string): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of sessions.list(user)) ids.push(id)
  return ids
}

/** A cookie with a well-formed token that nobody was given; of a known session, when its id is said. */
export function inventedCookie(id: string = drawId(random)): string {
  return `sid=${formatToken({ id, secret: drawSecret(random) })}`
}

/** Puts a text in the place of a session's data, as somebody with access to the engine does. */
export async function plantData({ engine, clock }: World, id: string, text: string): Promise<void> {
  const call = { now: clock() }
  const stored = await engine.load(id, call)
  if (!stored) throw new Error(`There is no session ${id}`)
  const body = `${stored.body.split('\n', 1)[0]}\n${text}`
  const saved = await engine.save(id, { ...stored, version: stored.version + 1, body }, stored.version, call)
  if (saved !== 'saved') throw new Error('Somebody else wrote to it')
}

/** Sends bytes that no client library would send, and gives all that comes back. */
export function sendBytes(port: number, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const head = [...lines, 'Host: localhost', 'Connection: close', '', ''].join('\r\n')
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => (received += text))
    socket.on('error', reject)
    socket.on('close', () => resolve(received))
    socket.write(head, 'latin1')
  })
}

// --- internal ---

function random(size: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(size))
}
