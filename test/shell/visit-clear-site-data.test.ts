/** The option clearSiteData (B17): what the response that ends a session has the browser forget. */
import { describe, expect, it } from 'vitest'
import { stage } from '../adapters/_stage.ts'
import { rejection, scene, type SceneOptions, type TestData } from '../support/scene.ts'
import type { Session } from '../../src/core/session.ts'

const NAME = 'Clear-Site-Data'
const cleared = (headers: [string, string][]): string[] =>
  headers.filter(([name]) => name === NAME).map(([, value]) => value)

/** What a signed-in visitor's response tells the browser to forget. */
async function after(
  handler: (session: Session<TestData>) => unknown,
  { options = {}, secure = true }: { options?: SceneOptions; secure?: boolean } = {},
): Promise<string[]> {
  const app = scene({ clearSiteData: true, ...options })
  const visitor = app.visitor({ secure })
  await visitor.visit((session) => (session.user = { id: 'alice' }))
  return cleared((await visitor.visit(handler)).headers)
}

const ALL = '"cookies", "storage"'

describe('Clear-Site-Data', () => {
  it('comes with the response whose handler ended the session, by option', async () => {
    expect(await after((session) => session.destroy())).toEqual([ALL])
    expect(await after((session) => session.destroy(), { options: { clearSiteData: false } })).toEqual([])
    const app = scene()
    const alice = await app.signedIn()
    expect(cleared((await alice.visit((session) => session.destroy())).headers)).toEqual([])
  })

  it('comes on https alone', async () => {
    expect(await after((session) => session.destroy(), { secure: false })).toEqual([])
  })

  it('comes with no response that ends none', async () => {
    expect(await after((session) => session.user)).toEqual([])
    expect(await after((session) => delete session.user)).toEqual([])
    expect(await after((session) => session.regenerate())).toEqual([])
    expect(await after((session) => session.regenerate({ keep: false }))).toEqual([])
  })

  it('does not come to who brought nothing, nor with a dead token', async () => {
    const app = scene({ clearSiteData: true })
    const begun = await app.visitor().visit(async (session) => {
      session.user = { id: 'alice' }
      await session.save()
      await session.destroy()
    })
    expect(cleared(begun.headers)).toEqual([])
    const alice = await app.signedIn()
    await app.sessions.revokeAll('alice')
    expect(cleared((await alice.visit((session) => session.user)).headers)).toEqual([])
  })

  it('does not take away the cookie of a session that the same response begins', async () => {
    const app = scene({ clearSiteData: true })
    const alice = await app.signedIn()
    const { headers, cookie } = await alice.visit(async (session) => {
      await session.destroy()
      app.sessions.current(session)['notice'] = 'Good-bye'
    })
    expect(cleared(headers)).toEqual([])
    expect(cookie).toContain('__Host-sid=')
    expect((await alice.open())['notice']).toBe('Good-bye')
  })

  it('comes once, and with the error response of an end that failed', async () => {
    const app = scene({ clearSiteData: true })
    const [alice, bob] = [await app.signedIn(), await app.signedIn('bob')]
    const session = await alice.open()
    await session.destroy()
    expect(cleared((await app.sessions.commit(session)).headers)).toEqual([ALL])
    expect(cleared((await app.sessions.commit(session)).headers)).toEqual([])

    const visit = await app.sessions.visit({ cookie: bob.cookie, secure: true })
    app.store.fail('remove', 2)
    await rejection((visit.look() as Session<TestData>).destroy())
    await rejection(Promise.resolve(visit.commit()))
    expect(cleared(visit.lastHeaders())).toEqual([ALL])
  })

  it('stands beside what the handler has forgotten itself, in a response of Express', async () => {
    const { ask, signIn } = await stage({
      framework: 'express 5',
      manager: { clearSiteData: true, cookie: { secure: false } },
      adapter: { trustProxy: 1 },
      async handler(req, res) {
        if (req.url === '/cache') res.setHeader('clear-site-data', '"cache"')
        await req.session.destroy()
        res.setHeader('Cache-Control', 'private')
        res.end('bye')
      },
    })
    const https = { 'X-Forwarded-Proto': 'https' }
    const answers = [
      await ask({ cookie: await signIn(), headers: https }),
      await ask({ cookie: await signIn(), path: '/cache', headers: https }),
      await ask({ cookie: await signIn() }),
      await ask({ headers: https }),
    ]
    expect(answers.map((answer) => answer.all(NAME.toLowerCase()))).toEqual([[ALL], [`"cache", ${ALL}`], [], []])
    expect(answers.map((answer) => answer.all('cache-control'))).toEqual([
      ['private'],
      ['private'],
      ['private'],
      ['private'],
    ])
  })
})
