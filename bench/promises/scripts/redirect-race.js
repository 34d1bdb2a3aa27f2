import { Browser } from '../browser.js'

const TRIALS = 20
const WRITE_MS = 25

/** A handler changes the session and redirects; the browser follows as soon as it has the head. */
export const redirectRace = {
  promise: 'P3',
  title: `follow a redirect, the store takes ${WRITE_MS} ms`,
  async run({ port, engine }) {
    const browser = new Browser(port)
    await browser.post('/session?user=alice')
    engine.delayMs = WRITE_MS
    let stale = 0
    for (let trial = 0; trial < TRIALS; trial++) {
      await browser.head(`/go?value=${trial}`)
      const { went } = await browser.data()
      if (went !== String(trial)) stale++
    }
    return {
      kept: stale === 0,
      what: stale === 0 ? `the change is there, ${TRIALS} of ${TRIALS}` : `not there yet, ${stale} of ${TRIALS}`,
    }
  },
}
