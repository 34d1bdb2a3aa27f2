import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Browser } from './browser.ts'
import { type ExampleProcess, startLogin } from './login-process.ts'

interface UsersModule {
  openUsers: (where: { folder: string }) => Promise<{
    add: (name: string, password: string) => Promise<void>
    close: () => void
  }>
}
const { openUsers }: UsersModule = await import(new URL('../../examples/express-login/users.js', import.meta.url).href)

const ADA = { name: 'ada', password: 'enchantress-of-number' }
const HOSTILE = { name: `<img src=x onerror="alert('1')">`, password: 'a & b' }
const FIREFOX = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }
const IPHONE = {
  'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Safari/604.1',
}

const folder = mkdtempSync(join(tmpdir(), 'sojourn-login-'))
let login: ExampleProcess
let browser: Browser

beforeAll(async () => {
  const users = await openUsers({ folder })
  await users.add(HOSTILE.name, HOSTILE.password)
  users.close()
  login = await startLogin(folder)
})
afterAll(async () => {
  await login.stop('SIGKILL')
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  browser = new Browser(login.origin, FIREFOX)
})

async function signedIn(user = ADA, headers = FIREFOX): Promise<Browser> {
  const signedIn = new Browser(login.origin, headers)
  expect(whereTo(await signedIn.submit('/session/new', '/session', user))).toBe('303 /users')
  return signedIn
}

function whereTo(response: Response): string {
  return `${response.status} ${response.headers.get('location') ?? ''}`.trim()
}

async function textOf(browser: Browser, path: string): Promise<string> {
  return (await browser.get(path)).text()
}

describe('signing in', () => {
  it('leads back to the form, which says so, when the password is wrong', async () => {
    const response = await browser.submit('/session/new', '/session', { ...ADA, password: 'wrong' })
    expect(whereTo(response)).toBe('303 /session/new?notice=failed')
    expect(await textOf(browser, '/session/new?notice=failed')).toMatch(/role="alert">[^<]*Please try again/)
    expect(await textOf(browser, '/session/new?notice=signed-out')).toMatch(/role="status">[^<]*signed out/)
    expect(browser.cookies.size).toBe(0)
  })

  it.each([
    ['an unknown name', { name: 'nobody', password: 'wrong' }],
    ['no fields', {}],
  ])('leads back to the form with %s', async (_, fields: Record<string, string>) => {
    expect(whereTo(await browser.post('/session', fields))).toBe('303 /session/new?notice=failed')
  })

  it('leads to the users with the right one, and greets', async () => {
    const browser = await signedIn()
    expect(await textOf(browser, '/users')).toContain('Hello ada, you are signed in.')
  })

  it('sets one cookie that no script and no other site can use', async () => {
    const response = await browser.post('/session', ADA)
    expect(response.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^sid=[\w-]{22}\.[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/),
    ])
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('changes the token of a visitor, keeps what the visitor did, and leaves the old token dead', async () => {
    await browser.get('/visits')
    const visitor = new Map(browser.cookies)
    await browser.post('/session', ADA)

    expect(browser.cookies).not.toEqual(visitor)
    expect(await textOf(browser, '/visits')).toContain('<output>2</output>')

    const planter = new Browser(login.origin, {}, visitor)
    expect(whereTo(await planter.get('/users'))).toBe('303 /session/new?notice=sign-in-first')
  })

  it('shows its form to visitors only, and its pages to users only', async () => {
    for (const path of ['/users', '/sessions']) {
      expect(whereTo(await browser.get(path))).toBe('303 /session/new?notice=sign-in-first')
    }
    expect(whereTo(await (await signedIn()).get('/session/new'))).toBe('303 /users')
  })
})

describe('visiting', () => {
  it('stores nothing and sets no cookie for who only looks', async () => {
    for (const path of ['/', '/session/new', '/style.css', '/nowhere']) await browser.get(path)
    expect(browser.cookies.size).toBe(0)
  })

  it('counts visits, each browser its own', async () => {
    for (const count of [1, 2, 3]) expect(await textOf(browser, '/visits')).toContain(`<output>${count}</output>`)
    expect(await textOf(new Browser(login.origin), '/visits')).toContain('<output>1</output>')
  })

  it('counts each of many visits at once, to two processes that share the file', async () => {
    const other = await startLogin(folder)
    await browser.get('/visits')
    const there = browser.at(other.origin)
    await Promise.all(Array.from({ length: 100 }, (_, visit) => (visit % 2 ? there : browser).get('/visits')))
    expect(await textOf(browser, '/visits')).toContain('<output>102</output>')
    await other.stop('SIGTERM')
  })

  it('answers what does not exist with a page of its own', async () => {
    const response = await browser.get('/nowhere')
    expect(response.status).toBe(404)
    expect(await response.text()).toContain('Page not found')
  })

  it('answers a form that is too large with its status', async () => {
    expect((await browser.post('/session', { name: 'a'.repeat(5000) })).status).toBe(413)
  })

  it('allows its pages nothing but its own styles and forms, and nobody to keep them', async () => {
    const { headers } = await browser.get('/')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-powered-by')).toBeNull()
  })

  it('shows a hostile name as text', async () => {
    const html = await textOf(await signedIn(HOSTILE), '/users')
    expect(html).toContain('&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;')
    expect(html).not.toContain('<img')
  })
})

describe('the list of sessions', () => {
  const ids = (html: string) => [...html.matchAll(/action="\/sessions\/([\w-]+)\/revoke"/g)].map(([, id]) => id)

  it('shows where one is signed in, and ends another one of them', async () => {
    const here = await signedIn()
    await here.submit('/sessions', '/sessions/revoke-others')
    const phone = await signedIn(ADA, IPHONE)

    const html = await textOf(here, '/sessions')
    expect(html).toMatch(/Firefox on Linux<\/strong>\s*<em class="tag">this browser/)
    expect(html).toContain('Safari on iPhone')
    const [phoneId, ...others] = ids(html)
    expect(others).toEqual([])

    expect(whereTo(await here.submit('/sessions', `/sessions/${phoneId}/revoke`))).toBe('303 /sessions')
    expect(whereTo(await phone.get('/users'))).toBe('303 /session/new?notice=sign-in-first')
    expect(await textOf(here, '/sessions')).not.toContain('Safari on iPhone')
  })

  it('ends all others at once, and stays', async () => {
    const [here, ...others] = [await signedIn(), await signedIn(), await signedIn()]
    expect(whereTo(await here.submit('/sessions', '/sessions/revoke-others'))).toBe('303 /sessions')
    for (const other of others) expect(whereTo(await other.get('/users'))).toContain('/session/new')
    expect((await here.get('/users')).status).toBe(200)
  })

  it("ends nobody else's", async () => {
    const ada = await signedIn()
    const other = await signedIn(HOSTILE)
    const adasId = ada.cookies.get('sid')?.split('.')[0] ?? ''
    const [, _csrf = ''] = /name="_csrf" value="([^"]+)"/.exec(await textOf(other, '/sessions')) ?? []

    await other.post(`/sessions/${adasId}/revoke`, { _csrf })
    expect((await ada.get('/users')).status).toBe(200)
  })
})

describe('signing out', () => {
  it('is final: the old cookie opens nothing', async () => {
    const browser = await signedIn()
    const replay = browser.at(login.origin)

    expect(whereTo(await browser.submit('/users', '/logout'))).toBe('303 /session/new?notice=signed-out')
    expect(browser.cookies.size).toBe(0)
    expect(whereTo(await replay.get('/users'))).toBe('303 /session/new?notice=sign-in-first')
  })
})

describe('forged requests', () => {
  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbouring host', { 'sec-fetch-site': 'same-site' }],
    ['another origin, in an older browser', { 'sec-fetch-site': '', origin: 'https://evil.example' }],
    ['an origin that is kept secret, in an older browser', { 'sec-fetch-site': '', origin: 'null' }],
  ])('are refused from %s, signed in or not', async (_, headers) => {
    expect((await browser.post('/session', ADA, headers)).status).toBe(403)
    expect(browser.cookies.size).toBe(0)

    const user = await signedIn()
    const [, _csrf = ''] = /name="_csrf" value="([^"]+)"/.exec(await textOf(user, '/users')) ?? []
    expect((await user.post('/logout', { _csrf }, headers)).status).toBe(403)
    expect((await user.get('/users')).status).toBe(200)
  })

  it('are refused without the token of this very session', async () => {
    const [one, other] = [await signedIn(), await signedIn()]
    const [, _csrf = ''] = /name="_csrf" value="([^"]+)"/.exec(await textOf(other, '/users')) ?? []
    for (const fields of [{}, { _csrf: '' }, { _csrf }]) {
      const response = await one.post('/logout', fields)
      expect(response.status).toBe(403)
      expect(await response.text()).toContain('This form is out of date.')
    }
    expect((await one.get('/users')).status).toBe(200)
  })
})

describe('a restart', () => {
  it('signs nobody out, be it as sudden as a kill', async () => {
    const browser = await signedIn()
    await browser.get('/visits')
    await login.stop('SIGKILL')
    login = await startLogin(folder)

    const after = browser.at(login.origin)
    expect(await textOf(after, '/users')).toContain('Hello ada')
    expect(await textOf(after, '/visits')).toContain('<output>2</output>')
  })

  it('ends cleanly when it is asked to', async () => {
    expect(await login.stop('SIGTERM')).toBe(0)
    login = await startLogin(folder)
  })

  it('offers no ready-made user in production', async () => {
    expect(login.greeting).toContain(ADA.password)
    const folder = mkdtempSync(join(tmpdir(), 'sojourn-login-'))
    const production = await startLogin(folder, { NODE_ENV: 'production' })
    expect(production.greeting).not.toContain(ADA.password)
    const visitor = new Browser(production.origin)
    expect(whereTo(await visitor.post('/session', ADA))).toBe('303 /session/new?notice=failed')
    await production.stop('SIGTERM')
    rmSync(folder, { recursive: true })
  })
})
