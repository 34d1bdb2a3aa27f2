import { Browser } from '../browser.js'

/** The store fails at the sign-in. */
export const failedSave = {
  promise: 'P3',
  title: 'the change could not be stored',
  async run({ port, engine }) {
    engine.fails = true
    const { status } = await new Browser(port).post('/session?user=alice')
    return { kept: status >= 500, what: `answered with ${status}` }
  },
}
