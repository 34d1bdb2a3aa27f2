import { once } from 'node:events'
import { createServer } from 'node:http'
import { createSessions } from 'sojourn'
import { createApp } from '../app.js'
import { openUsers } from '../users.js'
import { Browser } from './browser.js'
import { recorder } from './recorder.js'

const USER = { name: 'ada', password: 'enchantress-of-number' }
const SLOW_MS = 50

/**
 * Starts the application on `store`, visits it, and prints the seven steps of a request as they happen.
 *
 * Rejects at the first thing that is not as promised; no line that it prints contains a token's secret. `told` is the
 * list in which the engine's own commands are found, where its client tells of them.
 */
export async function tour({ store, told = [], print }) {
  const recording = recorder(store)
  const sessions = createSessions({ store: recording.store })
  const users = await openUsers({})
  await users.add(USER.name, USER.password)
  const server = createServer(createApp({ sessions, users })).listen(0, 'localhost')
  await once(server, 'listening')
  try {
    const browser = new Browser(`http://localhost:${server.address().port}`)
    await browser.get('/style.css') // the first answer of a process takes longest, and nothing of that is the session's
    await sevenSteps(browser, recording, told, print)
  } finally {
    server.close()
    server.closeAllConnections()
    await sessions.close()
    await users.close()
  }
}

async function sevenSteps(browser, recording, told, print) {
  /** Waits for an exchange, prints it with what the store was asked meanwhile, and checks both. */
  async function show(exchange, promised) {
    recording.commands.length = told.length = 0
    const seen = await exchange()
    const happened = { ...seen, commands: [...recording.commands], told: [...told] }
    print(account(happened))
    check(happened, promised)
    return seen
  }

  print('1  A request arrives. Its Cookie header goes to sessions.open().')
  await show(() => browser.get('/'), { asked: 'nothing' })

  print('2  The cookie is parsed. What is no token never reaches the store.')
  await show(() => browser.get('/', 'sid=../../secrets'), { asked: 'nothing' })

  print('3  No usable token: an empty session. Nothing is stored, no cookie set, until the handler writes.')
  await show(() => browser.get('/session/new'), { asked: 'nothing' })
  await show(() => browser.get('/visits'), { asked: 'create', setsCookie: true, says: '<output>1<' })

  print('4  A token: the record is loaded by its id; the secret must fit, and the time limits.')
  await show(() => browser.get('/visits'), { asked: '(load )+save', says: '<output>2<' })

  print('5  The handler assigns: req.session.user = user. The secret changes, the old one is dead.')
  const visitor = browser.cookie
  await show(() => browser.post('/session', USER), { asked: 'load save( revokedAt)?', setsCookie: true, to: '/users' })
  await show(() => browser.get('/users', visitor), { asked: 'load', to: '/session/new' })

  print('6  Before the first byte leaves, the plan: nothing, touch, create, save, remove. A read: nothing.')
  const { html } = await show(() => browser.get('/users'), { asked: 'load', says: `Hello ${USER.name}` })

  print(`7  The store first, then the cookie, then the response: a store slowed by ${SLOW_MS} ms is waited for.`)
  const signedIn = browser.cookie
  const [, _csrf] = /name="_csrf" value="([^"]+)"/.exec(html)
  recording.delayMs = SLOW_MS
  await show(() => browser.post('/logout', { _csrf }), { asked: 'load remove', setsCookie: true, to: '/session/new' })
  recording.delayMs = 0
  await show(() => browser.get('/users', signedIn), { asked: 'load', to: '/session/new' })
}

/** Gives the lines that tell of an exchange. */
function account({ request, cookieSent, status, location, ms, setCookie, commands, told }) {
  const answer = location ? `${status} to ${location.split('?', 1)[0]}` : status
  const lines = [
    `   ${request}, cookie ${masked(cookieSent ?? 'none')}: ${answer}, ${time(ms)}`,
    `     store: ${commands.map(({ name, ms }) => `${name} ${time(ms)}`).join(', ') || 'not asked'}`,
  ]
  if (told.length > 0)
    lines.push(`     engine: ${told.map((command) => brief(command, 90 / told.length - 3)).join(' | ')}`)
  const withoutExpires = setCookie?.replace(/ Expires=[^;]*;/, '') // it says in more words what Max-Age says
  if (setCookie) lines.push(`     set-cookie: ${masked(withoutExpires)}`)
  return lines.join('\n')
}

/** Throws unless an exchange happened as promised; `asked` is a pattern of the store's commands. */
function check({ request, status, location, html, seenAt, setCookie, commands }, promised) {
  const { asked, setsCookie = false, to, says = '' } = promised
  const names = commands.map(({ name }) => name).join(' ') || 'nothing'
  const broken = [
    new RegExp(`^${asked}$`).test(names) || `asks the store for ${asked}, not ${names}`,
    commands.every(({ doneAt }) => doneAt < seenAt) || 'is answered after the store has answered',
    Boolean(setCookie) === setsCookie || `sets ${setsCookie ? 'a' : 'no'} cookie`,
    (to ? location?.startsWith(to) : status === 200) || (to ? `leads to ${to}` : 'is answered 200'),
    html.includes(says) || `shows ${says}`,
  ].find((verdict) => verdict !== true)
  if (broken) throw new Error(`Not as promised: ${request} ${broken}`)
}

/** Gives a text with no more of each token in it than tells one from another. */
function masked(text) {
  return text.replace(/([\w-]{6})[\w-]{16}[.]([\w-]{3})[\w-]{40}/g, '$1….$2…')
}

/** Gives the beginning of a command, names that might be ids cut short. */
function brief(command, length) {
  const text = command.replace(/\s+/g, ' ').replace(/[\w-]{20,}/g, (name) => `${name.slice(0, 6)}…`)
  return text.length > length ? `${text.slice(0, length - 2)}…` : text
}

function time(ms) {
  return `${ms.toFixed(1)} ms`
}
