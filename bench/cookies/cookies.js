/**
 * What it costs to keep a session in its cookie: seal and unseal, beside iron-session and cookie-session, in one run.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import cookieSession from 'cookie-session'
import { sealData, unsealData } from 'iron-session'
import { cookieStore } from 'sojourn/cookie'
import { format, spread } from '../_stats.js'

const DATA = { user: { id: 'alice', name: 'Alice Liddell' }, views: 42, text: 'x'.repeat(350) }
const SECRET = 'a-passphrase-of-at-least-thirty-two-characters'
const TIMES = 2000

/** Each writes the same data as JSON, seals them, opens what it sealed, and reads the JSON. */
const CONTENDERS = {
  'sojourn/cookie': contenderOfOurs(),
  'iron-session': async () => {
    const sealed = await sealData(DATA, { password: SECRET })
    return unsealData(sealed, { password: SECRET })
  },
  'cookie-session (signs only)': contenderThatSigns(),
}

export async function cookies({ rounds }) {
  const names = Object.keys(CONTENDERS)
  const costs = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const cost = await cpuMicroseconds(CONTENDERS[name], name === 'iron-session' ? TIMES / 10 : TIMES)
      if (round >= 0) costs[name].push(cost) // the first round warms up
    }
  }
  const found = Object.fromEntries(names.map((name) => [name, spread(costs[name])]))
  const ratio = found['iron-session'].median / found['sojourn/cookie'].median
  return {
    tables: [
      {
        title: 'A session of 400 bytes in its cookie: sealed, and opened again',
        head: ['', 'CPU µs'],
        rows: names.map((name) => [name, format(found[name], 1)]),
      },
    ],
    targets: [{ what: 'iron-session ÷ sojourn/cookie', target: '≥ 10', value: ratio.toFixed(1), met: ratio >= 10 }],
    data: found,
  }
}

function contenderOfOurs() {
  const store = cookieStore({ keys: [{ id: 'k1', secret: randomBytes(32) }] })
  const session = { version: 1, expiresAt: 2_000_000_000_000, principal: 'alice' }
  return async () => {
    const body = `1 line of metadata\n${JSON.stringify(DATA)}`
    const opened = await store.unseal(await store.seal('an-id-of-22-characters', { ...session, body }))
    return JSON.parse(opened[1].body.split('\n')[1])
  }
}

/** It has no functions to seal with: a request and a response carry its cookies. */
function contenderThatSigns() {
  const middleware = cookieSession({ keys: [SECRET] })
  const socket = new Socket()
  const visit = (cookie) => {
    const request = Object.assign(new IncomingMessage(socket), { headers: { cookie } })
    const response = new ServerResponse(request)
    middleware(request, response, () => {})
    return { request, response }
  }
  return async () => {
    const { request, response } = visit('')
    request.session = { ...DATA }
    response.writeHead(200)
    const lines = response.getHeader('set-cookie').map((line) => line.split(';')[0])
    return visit(lines.join('; ')).request.session
  }
}

async function cpuMicroseconds(work, times) {
  const before = process.cpuUsage()
  for (let at = 0; at < times; at++) if (!(await work()).user) throw new Error('What was sealed did not come back')
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}
