/** What the attack tests share: an ordinary application, on a store in memory and one on disk, over real sockets. */
import { connect } from 'node:net'
import type { App, Exchange, Free } from '../support/adapters.ts'
import type { Gate } from '../support/gate.ts'
import { settings, type World } from '../support/promises.ts'

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

/** The user of an exchange's session, if anybody is signed in. */
export function userOf({ session }: Exchange): string | undefined {
  return (session['user'] as { id?: string } | undefined)?.id
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
