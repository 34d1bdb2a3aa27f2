/**
 * Signed-in browsers for a scenario, and the proof that each is answered with its own session.
 *
 * @module
 */
import { cookieOf, requestText, sendAll } from '../_http-client.js'
import { usersOf } from './scenarios.js'

/** Of how many answers, spread over all sessions, a sample is made. */
const SAMPLE = 50

/** What a server without sessions is sent: a cookie costs something to receive, whoever reads it. */
const STRANGE_COOKIE = `sid=${'a'.repeat(22)}.${'b'.repeat(43)}`

/** Signs a scenario's users in; gives each one's cookie. */
export async function signIn(port, scenario) {
  const { bytes = 0 } = scenario
  const texts = usersOf(scenario).map((user) =>
    requestText({ method: 'POST', path: `/session?user=${user}&bytes=${bytes}` }),
  )
  const answers = await sendAll(port, texts)
  const failed = answers.find(({ status }) => status !== 200)
  if (failed) throw new Error(`A sign-in was answered with ${failed.status}: ${failed.body}`)
  return answers.map((answer) => cookieOf(answer) ?? STRANGE_COOKIE)
}

/**
 * Asks for a sample of the sessions, and sees that each answer is right: the user is the cookie's own, and what is
 * written counts on from what was there.
 *
 * @param hasSessions false for a server that has none: then only the answer's form is looked at
 */
export async function checkSample(port, scenario, cookies, hasSessions) {
  const users = usersOf(scenario)
  const step = Math.max(1, Math.floor(users.length / SAMPLE))
  const places = users.length === 0 ? [0] : [...users.keys()].filter((at) => at % step === 0)
  const { path, method } = scenario
  const ask = () =>
    sendAll(
      port,
      places.map((at) => requestText({ method, path, cookie: cookies[at] })),
    )
  const [first, second] = [await ask(), await ask()]
  for (const [at, place] of places.entries()) {
    const expected = hasSessions ? (users[place] ?? userOf(scenario)) : undefined
    check(scenario, first[at], second[at], expected, hasSessions)
  }
}

/** Whom an answer names when no cookie comes with the request. */
function userOf({ method }) {
  return method === 'POST' ? 'u0000000' : 'nobody'
}

function check({ name, path, method, cookies }, first, second, user, hasSessions) {
  const [before, after] = [first, second].map(({ status, body }) => (status === 200 ? JSON.parse(body) : {}))
  const writes = path === '/write' && hasSessions ? 1 : 0
  const right =
    typeof before.user === 'string' &&
    (user === undefined || (before.user === user && after.user === user)) &&
    (!hasSessions || after.views === before.views + writes) &&
    (!hasSessions || method !== 'POST' || [first, second].every((answer) => cookieOf(answer) !== undefined)) &&
    (cookies !== 0 || method === 'POST' || cookieOf(first) === undefined)
  if (!right)
    throw new Error(`"${name}": a wrong answer: ${first.status} ${first.body}, then ${second.status} ${second.body}`)
}
