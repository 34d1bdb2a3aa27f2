/** csrf-sync 4 on the native adapter: it keeps its token in the session's data. */
import { csrfSync } from 'csrf-sync'
import { describe, expect, it } from 'vitest'
import { type Handler, type Stage, stage } from './_stage.ts'

const { generateToken, csrfSynchronisedProtection } = csrfSync()

const handler: Handler = (req, res) => {
  if (req.url === '/login') req.session['user'] = 'alice'
  res.end(req.method === 'GET' ? generateToken(req as never) : `for ${String(req.session['user'])}`)
}

const form = async ({ ask }: Stage, cookie?: string): Promise<{ token: string; cookie: string | undefined }> => {
  const reply = await ask({ path: '/form', cookie })
  return { token: reply.text, cookie: reply.cookie }
}

const post = ({ ask }: Stage, path: string, cookie?: string, token?: string) =>
  ask({ method: 'POST', path, cookie, headers: token === undefined ? {} : { 'X-CSRF-Token': token } })

describe.each(['express 5', 'express 4'] as const)('on %s', (framework) => {
  const start = (): Promise<Stage> => stage({ framework, after: [csrfSynchronisedProtection], handler })

  it('its token stores a session, and lets that session’s forms through', async () => {
    const app = await start()
    const { token, cookie } = await form(app)
    expect(await app.dataOf(cookie)).toEqual({ csrfToken: token })
    expect(await post(app, '/act', cookie, token)).toMatchObject({ status: 200, text: 'for undefined' })
    expect(await form(app, cookie)).toEqual({ token, cookie: undefined })
  })

  it('a form without it, or with another session’s, is refused', async () => {
    const app = await start()
    const [one, other] = [await form(app), await form(app)]
    for (const token of [undefined, '', other.token])
      expect((await post(app, '/act', one.cookie, token)).status).toBe(403)
    expect((await post(app, '/act', undefined, one.token)).status).toBe(403)
  })

  it('a sign-in changes the session’s own token and keeps this one with the data', async () => {
    const app = await start()
    const { token, cookie } = await form(app)
    const { cookie: after } = await post(app, '/login', cookie, token)
    expect(after).not.toBe(cookie)
    expect(await post(app, '/act', after, token)).toMatchObject({ status: 200, text: 'for alice' })
    expect((await post(app, '/act', cookie, token)).status).toBe(403)
  })
})
