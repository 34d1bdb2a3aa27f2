/** The way from express-session to Sojourn as an application goes it: three processes after each other, one browser. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ownRedis, type RedisServer, startRedis } from '../servers/redis.ts'
import { serverSuite } from '../servers/suite.ts'
import { Browser } from './browser.ts'
import { startExample } from './login-process.ts'

serverSuite('the example of the way over', ownRedis, () => {
  let redis: RedisServer
  const secret = randomBytes(16).toString('hex')
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  /** Runs a step for as long as a browser has something to do with it; gives the browser, for the next one. */
  async function at(step: string, browser: Browser, use: (browser: Browser) => Promise<void>): Promise<Browser> {
    const env = { STEP: step, REDIS_URL: redis.url, SESSION_SECRET: secret }
    const example = await startExample('migrate-express-session', env)
    try {
      expect(example.greeting).toContain(step)
      const here = browser.at(example.origin)
      await use(here)
      return here
    } finally {
      expect(await example.stop('SIGTERM')).toBe(0)
    }
  }

  const title = async (browser: Browser): Promise<string | undefined> =>
    /<h1>(.*)<\/h1>/.exec(await (await browser.get('/')).text())?.[1]

  it('has one browser signed in through all three steps, and signed out for good at the last', async () => {
    let browser = await at('express-session', new Browser(''), async (browser) => {
      expect(await title(browser)).toBe('Who are you?')
      await browser.submit('/', '/login', { name: 'ada' })
      expect(await title(browser)).toBe('Hello ada, visit 1')
    })
    const signed = browser.cookies.get('connect.sid')
    browser = await at('drop-in', browser, async (browser) => {
      expect(await title(browser)).toBe('Hello ada, visit 2')
      expect([...browser.cookies]).toEqual([['connect.sid', signed]])
    })
    browser = await at('express-session', browser, async (browser) => {
      expect(await title(browser)).toBe('Hello ada, visit 3')
    })
    const thief = new Browser('', {}, browser.cookies)
    browser = await at('native', browser, async (browser) => {
      expect(await title(browser)).toBe('Hello ada, visit 4')
      expect([...browser.cookies.keys()]).toEqual(['sid'])
      expect(await redis.ask('keys sess:*')).toBe('*0\r\n')
      expect(await title(browser)).toBe('Hello ada, visit 5')
      await browser.submit('/', '/logout')
      for (const cookies of [browser.cookies, thief.cookies]) {
        expect(await title(new Browser(browser.origin, {}, cookies))).toBe('Who are you?')
      }
    })
    for (const step of ['drop-in', 'express-session']) {
      await at(step, thief, async (thief) => expect(await title(thief)).toBe('Who are you?'))
    }
  })
})
