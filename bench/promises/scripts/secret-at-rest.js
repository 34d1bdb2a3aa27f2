import { Browser } from '../browser.js'

/** Somebody has a copy of the store. */
export const secretAtRest = {
  promise: 'P5',
  title: "the cookie's secret, in a copy of the store",
  async run({ port, engine, secretOf }) {
    const browser = new Browser(port)
    await browser.post('/session?user=alice')
    const dump = await engine.dump()
    if (!dump.includes('alice')) throw new Error('The copy of the store shows no session; the script proves nothing')
    const found = dump.includes(secretOf(browser.cookie))
    return { kept: !found, what: found ? 'in clear' : 'only hashed' }
  },
}
