import { Browser } from '../browser.js'

const TIMES = 200

/** A counter, raised by many requests at once in the way that the library has for it. */
export const increments = {
  promise: 'P2',
  title: `${TIMES} requests at once raise a counter`,
  async run({ port, engine }) {
    const browser = new Browser(port)
    await browser.post('/session?user=alice')
    engine.delayMs = 1
    await Promise.all(Array.from({ length: TIMES }, () => new Browser(port, browser.cookie).get('/count')))
    const { views } = await browser.data()
    return { kept: views === TIMES, what: `it is at ${views}` }
  },
}
