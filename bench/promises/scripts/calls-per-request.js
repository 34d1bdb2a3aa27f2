import { Browser } from '../browser.js'

/** What each kind of request may ask of the store. */
const BUDGET = { 'no cookie': 0, read: 1, write: 2, 'sign-in': 4, 'sign-out': 2 }

/** How often the store is asked, in steady state. */
export const callsPerRequest = {
  promise: 'P6',
  title: `calls to the store: ${Object.keys(BUDGET).join(', ')}`,
  async run({ port, engine }) {
    const browser = new Browser(port)
    const visits = {
      'no cookie': () => new Browser(port).get('/get'),
      'sign-in': () => browser.post('/session?user=alice'),
      read: () => browser.get('/get'),
      write: () => browser.get('/set?key=page&value=2'),
      'sign-out': () => browser.post('/logout'),
    }
    await browser.get('/set?key=page')
    const counts = {}
    for (const [kind, visit] of Object.entries(visits)) {
      engine.calls = []
      await visit()
      counts[kind] = engine.calls.length
    }
    const kept = Object.entries(BUDGET).every(([kind, most]) => counts[kind] <= most)
    return {
      kept,
      what: Object.keys(BUDGET)
        .map((kind) => counts[kind])
        .join(', '),
    }
  },
}
