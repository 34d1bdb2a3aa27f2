import { Browser } from '../browser.js'

const TRIALS = 20

/** Two requests of one session at once, each of which sets a key of its own. */
export const lostUpdate = {
  promise: 'P2',
  title: 'two requests at once change different keys',
  async run({ port, gates }) {
    let lost = 0
    for (let trial = 0; trial < TRIALS; trial++) {
      const browser = new Browser(port)
      await browser.post('/session?user=alice')
      const both = ['left', 'right'].map((key) =>
        new Browser(port, browser.cookie).get(`/set?key=${key}&gate=${trial}`),
      )
      await gates.arrivals(String(trial), 2)
      gates.open(String(trial))
      await Promise.all(both)
      const { left, right } = await browser.data()
      if (!left || !right) lost++
    }
    return {
      kept: lost === 0,
      what: lost === 0 ? `both kept, ${TRIALS} of ${TRIALS}` : `one lost, ${lost} of ${TRIALS}`,
    }
  },
}
