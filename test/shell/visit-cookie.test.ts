import { describe, expect, it, vi } from 'vitest'
import type { OpenInput } from '../../src/shell/visit.ts'
import { DAY, HOUR, scene, type SceneOptions, SECOND } from '../support/scene.ts'
import { setCookieOf } from '../support/visitor.ts'
import { warnings } from '../support/warnings.ts'

const TOKEN = /^([^=]+)=[\w-]{22}\.[\w-]{43}; /

/** The `Set-Cookie` of a first write, with its token left out. */
async function firstCookie(options: SceneOptions, input: Partial<OpenInput> = {}): Promise<string | undefined> {
  const { cookie } = await scene(options)
    .visitor(input)
    .visit((session) => (session['theme'] = 'dark'))
  expect(cookie).toMatch(TOKEN)
  return cookie?.replace(TOKEN, '$1: ')
}

describe("the session's cookie", () => {
  const LIFETIME = 'Max-Age=2592000'

  it.each<[string, SceneOptions, string, string]>([
    [
      'nothing',
      {},
      `__Host-sid: ${LIFETIME}; Path=/; HttpOnly; Secure; SameSite=Lax`,
      `sid: ${LIFETIME}; Path=/; HttpOnly; SameSite=Lax`,
    ],
    [
      'a name',
      { cookie: { name: 'app' } },
      `__Host-app: ${LIFETIME}; Path=/; HttpOnly; Secure; SameSite=Lax`,
      `app: ${LIFETIME}; Path=/; HttpOnly; SameSite=Lax`,
    ],
    [
      'a path',
      { cookie: { path: '/app' } },
      `__Secure-sid: ${LIFETIME}; Path=/app; HttpOnly; Secure; SameSite=Lax`,
      `sid: ${LIFETIME}; Path=/app; HttpOnly; SameSite=Lax`,
    ],
    [
      'a domain',
      { cookie: { domain: 'example.org', sameSite: 'strict' } },
      `__Secure-sid: ${LIFETIME}; Domain=example.org; Path=/; HttpOnly; Secure; SameSite=Strict`,
      `sid: ${LIFETIME}; Domain=example.org; Path=/; HttpOnly; SameSite=Strict`,
    ],
    [
      'Secure always',
      { cookie: { secure: true } },
      `__Host-sid: ${LIFETIME}; Path=/; HttpOnly; Secure; SameSite=Lax`,
      `__Host-sid: ${LIFETIME}; Path=/; HttpOnly; Secure; SameSite=Lax`,
    ],
    [
      'Secure never',
      { cookie: { secure: false } },
      `sid: ${LIFETIME}; Path=/; HttpOnly; SameSite=Lax`,
      `sid: ${LIFETIME}; Path=/; HttpOnly; SameSite=Lax`,
    ],
    [
      'other sites',
      { cookie: { sameSite: 'none', partitioned: true, priority: 'high' } },
      `__Host-sid: ${LIFETIME}; Path=/; HttpOnly; Secure; SameSite=None; Partitioned; Priority=High`,
      `sid: ${LIFETIME}; Path=/; HttpOnly; SameSite=Lax; Priority=High`,
    ],
    [
      'a cookie that ends with the browser',
      { cookie: { persistent: false } },
      '__Host-sid: Path=/; HttpOnly; Secure; SameSite=Lax',
      'sid: Path=/; HttpOnly; SameSite=Lax',
    ],
    [
      'another lifetime',
      { lifetime: 3600, idleTimeout: 60 },
      '__Host-sid: Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax',
      'sid: Max-Age=3600; Path=/; HttpOnly; SameSite=Lax',
    ],
  ])('with %s configured, on https and on plain http', async (_, options, https, http) => {
    expect(await firstCookie(options)).toBe(https)
    expect(await firstCookie(options, { secure: false })).toBe(http)
  })

  it('is read back under the same name, on https and on plain http', async () => {
    for (const secure of [true, false]) {
      const app = scene()
      const visitor = app.visitor({ secure })
      await visitor.visit((session) => (session['theme'] = 'dark'))
      expect((await visitor.open())['theme']).toBe('dark')
    }
  })

  it('of plain http opens nothing on https, and the other way round', async () => {
    const app = scene()
    const [http, https] = [app.visitor({ secure: false }), app.visitor()]
    await http.visit((session) => (session['theme'] = 'dark'))
    await https.visit((session) => (session['theme'] = 'dark'))
    expect((await app.sessions.open({ cookie: http.cookie, secure: true })).isNew).toBe(true)
    expect((await app.sessions.open({ cookie: https.cookie, secure: false })).isNew).toBe(true)
  })

  it('lives as long as the session may still live', async () => {
    const app = scene({ lifetime: 30 * 86_400 })
    const known = await app.known()
    app.clock.advance(HOUR - SECOND + 1)
    const { cookie } = await known.visit((session) => session.regenerate())
    expect(cookie).toContain(`; Max-Age=${30 * 86_400 - 3601};`)
  })

  it('lives a whole lifetime again from a sign-in', async () => {
    const app = scene()
    const known = await app.known()
    app.clock.advance(HOUR)
    const { cookie } = await known.visit((session) => (session.user = { id: 'alice' }))
    expect(cookie).toContain('; Max-Age=2592000;')
  })

  it('is sent when the token is, and by no read or other write', async () => {
    const app = scene()
    const alice = await app.signedIn()
    app.clock.advance(HOUR)
    expect((await alice.visit((session) => session.user)).cookie).toBeUndefined()
    expect((await alice.visit((session) => (session['views'] = 1))).cookie).toBeUndefined()
    expect((await alice.visit((session) => session.touch())).cookie).toBeUndefined()
    expect((await alice.visit((session) => session.regenerate())).cookie).toBeDefined()
  })

  it('is not sent to a visitor of whom nothing is to be remembered, whatever else was asked for', async () => {
    const app = scene()
    const { headers, plan } = await app.visitor().visit(async (session) => {
      session.touch()
      session.limit({ persistent: false })
      await session.regenerate()
      await session.save()
      session['theme'] = 'dark'
      delete session['theme']
    })
    expect({ headers, plan }).toEqual({ headers: [['Vary', 'Cookie']], plan: 'nothing' })
    expect([app.store.calls, app.takeTold()]).toEqual([[], []])
  })

  it('is set once, though a request signs in, saves, regenerates and signs out and in again', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const { cookie } = await alice.visit(async (session) => {
      session.user = { id: 'bob' }
      await session.save()
      await session.regenerate()
      await session.save()
      await session.destroy()
      const next = app.sessions.current(session)
      next.user = { id: 'carol' }
      await next.save()
      next.touch()
      await next.regenerate()
    })
    expect(cookie).toMatch(TOKEN)
    expect((await alice.open()).user).toEqual({ id: 'carol' })
    expect(app.rows.size).toBe(1)
  })
})

describe('a response with the cookie', () => {
  it('is stored by no cache, and one for a handler that looked varies with the cookie', async () => {
    const app = scene()
    const visitor = app.visitor()
    const first = await visitor.visit((session) => (session['theme'] = 'dark'))
    expect(first.headers).toEqual([
      ['Set-Cookie', first.cookie],
      ['Cache-Control', 'no-store'],
      ['Vary', 'Cookie'],
    ])
    expect((await visitor.visit()).headers).toEqual([['Vary', 'Cookie']])
  })

  it('does not vary when nobody looked at the session', async () => {
    const app = scene()
    const known = await app.known()
    const visit = await app.sessions.visit({ cookie: known.cookie, secure: true })
    expect(await visit.commit()).toEqual({ plan: 'nothing', headers: [] })
  })
})

describe('the cookie of a session that its handler ended', () => {
  it('is taken away with the name and scope it was set with', async () => {
    const cookie = { domain: 'example.org', partitioned: true, sameSite: 'none' } as const
    const app = scene({ cookie })
    const alice = await app.signedIn()
    const { cookie: clearing, headers, plan } = await alice.visit((session) => session.destroy())
    expect(clearing).toBe(
      '__Secure-sid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Domain=example.org; Path=/; HttpOnly; Secure; SameSite=None; Partitioned',
    )
    expect(headers.slice(1)).toEqual([
      ['Cache-Control', 'no-store'],
      ['Vary', 'Cookie'],
    ])
    expect(plan).toBe('remove')
  })

  it('is taken away once, though the response is committed twice', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const session = await alice.open()
    await session.destroy()
    expect(setCookieOf((await app.sessions.commit(session)).headers)).toContain('Max-Age=0')
    expect(setCookieOf((await app.sessions.commit(session)).headers)).toBeUndefined()
  })

  it('is not taken away from who brought none', async () => {
    const app = scene()
    const { headers } = await app.visitor().visit(async (session) => {
      session.user = { id: 'alice' }
      await session.save()
      await session.destroy()
    })
    expect(headers).toEqual([['Vary', 'Cookie']])
    expect(app.rows.size).toBe(0)
  })

  it('gives way to the cookie of a farewell', async () => {
    const app = scene()
    const alice = await app.signedIn()
    const { cookie, session } = await alice.visit(async (session) => {
      await session.destroy()
      app.sessions.current(session)['notice'] = 'Good-bye'
    })
    expect(cookie).toMatch(TOKEN)
    expect({ ...session }).toEqual({ notice: 'Good-bye' })
    expect({ ...(await alice.open()) }).toEqual({ notice: 'Good-bye' })
    expect([...app.rows.keys()]).toEqual([session.id])
  })
})

describe('a session cookie over plain http', () => {
  const visitOverHttp = (app: ReturnType<typeof scene>): Promise<unknown> =>
    app.visitor({ secure: false }).visit((session) => (session['theme'] = 'dark'))

  it('raises a warning outside development, once', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const app = scene()
    const raised = await warnings(async () => {
      await visitOverHttp(app)
      await visitOverHttp(app)
    })
    expect(raised).toMatchObject([
      { code: 'SOJOURN_PLAIN_HTTP', message: expect.stringContaining('serve https, or tell') as string },
    ])
    expect(app.takeTold()).toEqual(['created', 'warning', 'created'])
    expect(app.events.filter(({ type }) => type === 'warning')).toMatchObject([{ reason: 'SOJOURN_PLAIN_HTTP' }])
  })

  it.each(['development', 'test', undefined])('raises none with NODE_ENV %s', async (environment) => {
    vi.stubEnv('NODE_ENV', environment)
    expect(await warnings(() => visitOverHttp(scene()))).toEqual([])
  })

  it('raises none when nothing was set, and none on https', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const app = scene()
    expect(await warnings(() => app.visitor({ secure: false }).visit((session) => session.user))).toEqual([])
    expect(await warnings(() => app.signedIn())).toEqual([])
  })
})

describe('a cookie that was kept too long', () => {
  it('opens nothing after the session has ended, whatever its Max-Age said', async () => {
    const app = scene({ idleTimeout: 3600, lifetime: 86_400 })
    const alice = await app.signedIn()
    app.clock.advance(DAY)
    expect((await alice.open()).isNew).toBe(true)
  })
})
