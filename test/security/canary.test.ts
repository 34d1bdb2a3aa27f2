/** The detector that runs with every test file: a secret that the library draws or is given is noticed wherever it shows. */
import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/core/errors.ts'
import { createSessions } from '../../src/sessions.ts'
import { Events } from '../../src/shell/events.ts'
import { cookieStore } from '../../src/stores/cookie.ts'
import { setCookieOf, Visitor } from '../support/visitor.ts'
import { takeLeaks } from './secrecy/secrets.ts'
import { isWatched, watch } from './secrecy/watch.ts'

async function newCookie(): Promise<string> {
  const visitor = new Visitor(createSessions<{ a?: number }>())
  await visitor.visit((session) => (session.a = 1))
  return visitor.cookie!
}

const secretOf = (cookie: string): string => cookie.split('.')[1]!

/** Mistakes that a library makes, each over a fresh token. */
const slips: Record<string, [where: string, slip: (cookie: string) => unknown]> = {
  'the reason of an event': ['an event', (cookie) => new Events(Date.now).emit('bad-token', { reason: cookie })],
  'an error in an event': [
    'an event',
    (cookie) => new Events(Date.now).emit('store-error', { error: new Error(`SET ${cookie}`) }),
  ],
  'the message of an error': ['an error', (cookie) => new StoreError(`cannot load ${cookie}; try again`)],
  'the cause of an error': [
    'an error',
    (cookie) => new StoreError('failed; see cause', { cause: { command: { args: ['GET', cookie] } } }),
  ],
  'the middle of a secret alone': ['an error', (cookie) => new StoreError(secretOf(cookie).slice(10, 42))],
  'the cause of a cause': [
    'an error',
    (cookie) => new StoreError('failed', { cause: new Error('lost', { cause: new Error(secretOf(cookie)) }) }),
  ],
}

describe('a secret', () => {
  it.each(Object.keys(slips))('is noticed in %s', async (kind) => {
    const [where, slip] = slips[kind]!
    slip(await newCookie())
    expect(takeLeaks()).toEqual([where])
  })

  it('is noticed in all that is written, as text or as bytes', async () => {
    const stream = { write: (written: unknown) => written !== undefined }
    watch('a stream', stream, 'write')
    const cookie = await newCookie()
    expect(stream.write(`listening\n`)).toBe(true)
    expect(takeLeaks()).toEqual([])
    expect(stream.write(`request with ${cookie}\n`)).toBe(true)
    expect(stream.write(Buffer.from(`${secretOf(cookie)}\n`))).toBe(true)
    expect(stream.write({ headers: [['cookie', cookie]] })).toBe(true)
    expect(takeLeaks()).toEqual(['a stream', 'a stream', 'a stream'])
  })

  it('is looked for in the output, the console and the warnings of this very process', () => {
    for (const method of [process.stdout.write, process.stderr.write, process.emitWarning]) {
      expect(isWatched(method)).toBe(true)
    }
    for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir'] as const) {
      expect(isWatched(console[name]), name).toBe(true)
    }
  })

  it('is a key of a ring too, however it is spelled, one that was refused included', () => {
    const secret = Buffer.from('8YwKJ0pX5vQe2mZt7LrNcB4aHs9DfGu3', 'latin1')
    cookieStore({ keys: [{ id: 'k1', secret }] })
    for (const encoding of ['latin1', 'base64', 'hex'] as const) void new StoreError(secret.toString(encoding))
    expect(takeLeaks()).toEqual(['an error', 'an error', 'an error'])
    const words = 'correct-horse-battery-staple'
    expect(() => cookieStore({ keys: [{ id: 'k1', secret: words }] })).toThrow(
      expect.objectContaining({ code: 'ERR_SOJOURN_CONFIG' }),
    )
    void new StoreError(`the secret ${words} is too short`)
    expect(takeLeaks()).toEqual(['an error'])
  })

  it('is not what anybody may see: the id, the binding, the hash in the store', async () => {
    const sessions = createSessions<{ a?: number }>()
    const session = await sessions.open({ cookie: null, secure: true })
    session.a = 1
    const { headers } = await sessions.commit(session)
    const cookie = setCookieOf(headers)!
    void new StoreError(`${session.id} ${session.binding}`)
    expect(takeLeaks()).toEqual([])
    void new StoreError(cookie)
    expect(takeLeaks()).toEqual(['an error'])
  })
})
