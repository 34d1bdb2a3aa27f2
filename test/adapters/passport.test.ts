/** passport 0.7 on the native adapter: it calls regenerate(cb) and save(cb), and the token changes at its login. */
import type { Request } from 'express'
import { Authenticator, Strategy } from 'passport'
import { afterEach, describe, expect, it } from 'vitest'
import { requireRecent } from '../../src/recent.ts'
import { fakeClock } from '../../src/testing/clock.ts'
import { type Handle, type Kind, Site } from './_site.ts'

/** The local strategy, in the few lines that a test needs: whoever is named in the query is let in. */
class ByName extends Strategy {
  override name = 'by-name'

  override authenticate(request: Request): void {
    const name = new URL(request.originalUrl, 'http://host').searchParams.get('name')
    if (name) this.success({ id: name })
    else this.fail(401)
  }
}

const recent = requireRecent(300)
const sites: Site[] = []
afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.close()))
})

async function siteWithLogin(kind: Kind, keepSessionInfo: boolean, clock = Date.now): Promise<Site> {
  const passport = new Authenticator()
  passport.use(new ByName())
  passport.serializeUser((user, done) => done(null, (user as { id: string }).id))
  passport.deserializeUser((id: string, done) => done(null, { id }))
  const login = passport.authenticate('by-name', { keepSessionInfo }) as unknown as (...call: unknown[]) => void
  const handler: Handle = (request, response, next) => {
    const [path] = request.url!.split('?')
    const { user, logout } = request as unknown as Request
    const leave = logout as unknown as (this: unknown, ...call: unknown[]) => void
    if (path === '/login')
      login(request, response, (error?: unknown) => (error ? next(error) : response.end('welcome')))
    else if (path === '/logout')
      leave.call(request, { keepSessionInfo }, (error: unknown) => (error ? next(error) : response.end('bye')))
    else if (path === '/password') recent(request, response, (error) => (error ? next(error) : response.end('changed')))
    else response.end(JSON.stringify({ user, n: request.session['n'] }))
  }
  const site = await Site.of(kind, { after: [passport.session()], handler }, { clock })
  sites.push(site)
  return site
}

const cookieOf = (line: string | undefined): string => line!.split(';')[0]!

describe.each<Kind>(['express', 'express4'])('passport on %s', (kind) => {
  it.each([true, false])(
    'signs in with a new token and signs out, with keepSessionInfo: %s',
    async (keepSessionInfo) => {
      const site = await siteWithLogin(kind, keepSessionInfo)
      const seen = async (cookie: string): Promise<unknown> =>
        JSON.parse((await site.ask('/', { cookie }).answer()).body)
      const kept = keepSessionInfo ? { n: 1 } : {}

      const welcome = await site.ask('/login?name=alice').answer()
      expect([welcome.status, welcome.body]).toEqual([200, 'welcome'])
      const signedIn = cookieOf(welcome.header('set-cookie'))
      expect(welcome.all('set-cookie')).toHaveLength(1)
      expect(await seen(signedIn)).toEqual({ user: { id: 'alice' }, ...kept })
      expect(await seen(site.cookie)).toEqual({})

      const bye = await site.ask('/logout', { cookie: signedIn }).answer()
      expect([bye.status, bye.body]).toEqual([200, 'bye'])
      expect(await seen(signedIn)).toEqual({})
      expect(await seen(cookieOf(bye.header('set-cookie')))).toEqual(kept)
    },
  )

  it.each([true, false])(
    'signs the same person in anew, which is what requireRecent asks for, with keepSessionInfo: %s',
    async (keepSessionInfo) => {
      const clock = fakeClock()
      const site = await siteWithLogin(kind, keepSessionInfo, clock)
      const ask = async (path: string, cookie: string): Promise<[number, string]> => {
        const answer = await site.ask(path, { cookie }).answer()
        return [answer.status, cookieOf(answer.header('set-cookie') ?? cookie)]
      }
      const [, first] = await ask('/login?name=alice', site.cookie)
      expect(await ask('/password', first)).toEqual([200, first])
      clock.advance(300_000)
      expect(await ask('/password', first)).toEqual([401, first])
      const [, second] = await ask('/login?name=alice', first)
      expect(await ask('/password', second)).toEqual([200, second])
      expect(await ask('/password', first)).toEqual([401, first])
    },
  )

  it('lets nobody in who has no name', async () => {
    const site = await siteWithLogin(kind, false)
    const answer = await site.ask('/login').answer()
    expect([answer.status, answer.all('set-cookie')]).toEqual([401, []])
  })
})
