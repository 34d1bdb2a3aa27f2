import { Browser } from '../browser.js'

/** Somebody plants a cookie of their own in a victim's browser; the victim signs in; the application calls nothing. */
export const fixation = {
  promise: 'P4',
  title: 'a planted cookie, after the victim signed in',
  async run({ port }) {
    const attacker = new Browser(port)
    await attacker.get('/set?key=planted')
    const victim = new Browser(port, attacker.cookie)
    await victim.post('/session?user=alice')
    const [seen, own] = [await attacker.data(), await victim.data()]
    const kept = seen.user === undefined && own.user?.id === 'alice'
    return { kept, what: kept ? 'opens nothing' : `opens the session of ${seen.user?.id ?? 'nobody'}` }
  },
}
