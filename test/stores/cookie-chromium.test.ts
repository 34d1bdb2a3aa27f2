import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import { createSessions } from '../../src/index.ts'
import { cookieStore } from '../../src/stores/cookie.ts'
import { itInChromium } from '../support/chromium.ts'

interface Data {
  visits?: number
  big?: string
}

const keys = [{ id: 'k1', secret: Uint8Array.from({ length: 32 }, (_, at) => at * 7) }]

itInChromium(
  'Chromium keeps a session of three cookies, returns it, and lets go of what is taken away',
  async (browser) => {
    const app = express()
    // Chromium takes Secure cookies on localhost without TLS, prefix and all.
    app.use(session<Data>(createSessions<Data>({ store: cookieStore({ keys }), cookie: { secure: true } })))
    app.get('/', (req, res) => {
      const data = req.session as Data
      data.visits = (data.visits ?? 0) + 1
      res.send(`visits ${data.visits}, big ${data.big?.length ?? 0}`)
    })
    app.get('/grow', (req, res) => {
      ;(req.session as Data).big = 'x'.repeat(6000)
      res.redirect('/')
    })
    app.get('/shrink', (req, res) => {
      delete (req.session as Data).big
      res.redirect('/')
    })
    app.get('/leave', async (req, res) => {
      await req.session.destroy()
      res.send('left')
    })
    const server = app.listen(0, 'localhost')
    await new Promise((resolve) => server.once('listening', resolve))
    const origin = `http://localhost:${(server.address() as AddressInfo).port}`
    try {
      const page = await browser.newPage()
      const names = async (): Promise<string[]> =>
        (await page.context().cookies()).map(({ name }) => name).toSorted((a, b) => a.localeCompare(b))
      const text = async (path: string): Promise<string | null> => (
        await page.goto(origin + path),
        page.textContent('body')
      )
      expect(await text('/')).toBe('visits 1, big 0')
      expect(await names()).toEqual(['__Host-sid'])
      expect(await text('/grow')).toBe('visits 2, big 6000')
      expect(await names()).toEqual(['__Host-sid', '__Host-sid.1', '__Host-sid.2'])
      expect(await text('/')).toBe('visits 3, big 6000')
      expect(await text('/shrink')).toBe('visits 4, big 0')
      expect(await names()).toEqual(['__Host-sid'])
      expect(await text('/leave')).toBe('left')
      expect(await names()).toEqual([])
      expect(await text('/')).toBe('visits 1, big 0')
    } finally {
      server.close()
      server.closeAllConnections()
    }
  },
)
