/** A hundred thousand hostile `Cookie` headers over a socket: each is answered, none with an error, none as somebody. */
import { expect, it } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import { createSessions } from '../../src/sessions.ts'
import { hostileCookies } from '../support/arbitraries.ts'
import { answerError, bare, type Handler, serve } from './_stage.ts'

/** So many requests are in the pipe at once. */
const PIPELINE = 500
/** Below Node's own limit for a request's head, which is answered before anybody here is asked. */
const MOST = 8000

it('are answered like a visitor without a cookie', { timeout: 300_000 }, async () => {
  const greet: Handler = (req, res) => {
    if (req.url === '/sign-in') req.session['user'] = 'alice'
    res.end('user' in req.session ? 'alice' : 'nobody')
  }
  const { ask, wire } = await serve(bare([session(createSessions()), greet], answerError))
  const { cookie = '' } = await ask('/sign-in')
  const headers = hostileCookies(cookie.slice('sid='.length)).map((each) => sendable(each).slice(0, MOST))
  expect(headers).toHaveLength(100_000)

  const answers = new Map<string, number>()
  const line = wire()
  for (let from = 0; from < headers.length; from += PIPELINE) {
    line.send(...headers.slice(from, from + PIPELINE).map((cookie) => ({ cookie })))
    for (let at = 0; at < PIPELINE; at++) {
      const { status, text, cookie } = await line.reply()
      const answer = `${status} ${text} ${cookie ?? 'without a cookie'}`
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
    }
  }
  expect([...answers]).toEqual([['200 nobody without a cookie', headers.length]])
  expect((await ask({ cookie })).text).toBe('alice')
})

/** Without the bytes that no header can have: Node refuses them with a 400 of its own. */
function sendable(header: string): string {
  // oxlint-disable-next-line no-control-regex -- that is what it is about
  return header.replaceAll(/[\0-\x08\x0a-\x1f\x7f]/g, '')
}
