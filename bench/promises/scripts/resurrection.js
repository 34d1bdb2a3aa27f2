import { Browser } from '../browser.js'

const TRIALS = 20

/** A request has looked at its session and is slow; the user signs out; then the slow request changes something. */
export const resurrection = {
  promise: 'P1',
  title: 'sign out while a slow request is under way',
  async run({ port, gates }) {
    let back = 0
    for (let trial = 0; trial < TRIALS; trial++) {
      const browser = new Browser(port)
      await browser.post('/session?user=alice')
      const slow = new Browser(port, browser.cookie).get(`/set?key=page&gate=${trial}`)
      await gates.arrivals(String(trial), 1)
      const { cookie } = browser
      await browser.post('/logout')
      gates.open(String(trial))
      await slow
      const { user } = await new Browser(port, cookie).data()
      if (user) back++
    }
    return {
      kept: back === 0,
      what: back === 0 ? `signed out, ${TRIALS} of ${TRIALS}` : `signed in again, ${back} of ${TRIALS}`,
    }
  },
}
