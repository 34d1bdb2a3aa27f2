/** Forged forms from a real browser: J01, J03, J04. The cookie is `SameSite=None`, so that the guard stands alone. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import express from 'express'
import { expect, onTestFinished } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import { csrf, csrfToken } from '../../src/csrf.ts'
import { createSessions, type Session } from '../../src/index.ts'
import { itInChromium } from '../support/chromium.ts'

interface Data {
  user?: string
  acts?: string[]
}

/** Serves until the test ends, on every address of this machine; gives the port. */
async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0)
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

function shop(told: (string | undefined)[]): express.Express {
  const sessions = createSessions<Data>({ cookie: { secure: true, sameSite: 'none' } })
  const app = express()
  const act: express.RequestHandler = (req, res) => {
    const data = req.session as Session<Data>
    data.acts = [...(data.acts ?? []), `${req.path} as ${data.user ?? 'nobody'}`]
    res.send('done')
  }
  app.use(session<Data>(sessions))
  app.use((req, _, next) => {
    if (req.method === 'POST')
      told.push(`${req.path}: ${req.headers['sec-fetch-site'] as string}, ${req.headers.origin}`)
    next()
  })
  app.post('/unguarded', act)
  app.use(express.urlencoded({ extended: false }))
  app.use(csrf<Data>(sessions, { requireToken: true }))
  app.get('/', (req, res) => {
    const data = req.session as Session<Data>
    res.send(`${data.user ?? 'nobody'}: ${(data.acts ?? []).join('; ')}
      <form id="in" method="post" action="/login"><button>Sign in</button></form>
      <form id="own" method="post" action="/act"><input type="hidden" name="_csrf" value="${csrfToken(data)}"></form>
      <form id="bare" method="post" action="/act"></form>`)
  })
  app.post('/act', act)
  app.post('/login', (req, res) => {
    ;(req.session as Session<Data>).user = 'alice'
    res.redirect(303, '/')
  })
  app.use(
    ((error, _req, res, _next) => void res.status(error.status).send(error.reason)) as express.ErrorRequestHandler,
  )
  return app
}

/** A page that somebody else wrote, with a form that is sent to the shop; sandboxed, its origin is kept secret. */
function elsewhere(shopPort: number): RequestListener {
  return (req, res) => {
    const { pathname, searchParams } = new URL(req.url!, 'http://host')
    const form = `<form method="post" action="http://localhost:${shopPort}${pathname}"></form>`
    if (searchParams.has('sandboxed')) res.setHeader('Content-Security-Policy', 'sandbox allow-forms allow-scripts')
    res.setHeader('Content-Type', 'text/html').end(form)
  }
}

/** Submits a page's form; gives the status and the text of what is shown then. */
async function submit(page: Page, form = 'form'): Promise<[status: number, text: string]> {
  const [response] = await Promise.all([
    page.waitForResponse((each) => each.request().method() === 'POST'),
    page.evaluate((selector) => {
      const { document } = globalThis as unknown as {
        document: { querySelector: (selector: string) => { submit: () => void } }
      }
      document.querySelector(selector).submit()
    }, form),
  ])
  await page.waitForLoadState()
  return [response.status(), ((await page.textContent('body')) ?? '').trim()]
}

itInChromium('no page elsewhere acts for our visitor, and our own pages do', async (browser) => {
  const told: string[] = []
  const shopPort = await serve(shop(told))
  const otherPort = await serve(elsewhere(shopPort))
  const home = `http://localhost:${shopPort}/`
  const page = await browser.newPage()
  const shown = async (): Promise<string> => {
    await page.goto(home)
    return ((await page.textContent('body')) ?? '').split('\n')[0]!
  }

  // Nobody is signed in by others.
  await page.goto(`http://127.0.0.1:${otherPort}/login`)
  expect(await submit(page)).toEqual([403, 'cross-site'])
  expect(await shown()).toBe('nobody: ')

  expect((await submit(page, '#in'))[0]).toBe(303)
  expect(await shown()).toBe('alice: ')

  // Without the guard the cookie of our visitor goes along, and the forgery works: what follows stands on the guard.
  await page.goto(`http://127.0.0.1:${otherPort}/unguarded`)
  expect(await submit(page)).toEqual([200, 'done'])
  expect(await shown()).toBe('alice: /unguarded as alice')

  await page.goto(`http://127.0.0.1:${otherPort}/act`)
  expect(await submit(page)).toEqual([403, 'cross-site'])
  await page.goto(`http://localhost:${otherPort}/act`)
  expect(await submit(page)).toEqual([403, 'same-site'])
  await page.goto(`http://localhost:${otherPort}/act?sandboxed`)
  expect(await submit(page)).toEqual([403, 'cross-site'])
  expect(await shown()).toBe('alice: /unguarded as alice')

  expect(await submit(page, '#bare')).toEqual([403, 'token'])
  await page.goto(home)
  expect(await submit(page, '#own')).toEqual([200, 'done'])
  expect(await shown()).toBe('alice: /unguarded as alice; /act as alice')

  // What the browser itself said, for who wonders what the guard went by.
  const other = (host: string): string => `http://${host}:${otherPort}`
  const own = home.slice(0, -1)
  expect(told).toEqual([
    `/login: cross-site, ${other('127.0.0.1')}`,
    `/login: same-origin, ${own}`,
    `/unguarded: cross-site, ${other('127.0.0.1')}`,
    `/act: cross-site, ${other('127.0.0.1')}`,
    `/act: same-site, ${other('localhost')}`,
    `/act: cross-site, null`,
    `/act: same-origin, ${own}`,
    `/act: same-origin, ${own}`,
  ])
})
