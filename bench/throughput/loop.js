/**
 * One contender's application without sockets, in a loop: what its JavaScript costs, and little else. For comparing
 * two versions of the code on a machine that is not quiet, and for profiles.
 *
 *     node bench/throughput/loop.js sojourn read
 *     node --cpu-prof bench/throughput/loop.js sojourn read
 *
 * @module
 */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { spread } from '../_stats.js'
import { contenders } from './contenders/index.js'
import { scenarios } from './scenarios.js'

const STRETCHES = 200
const STRETCH = 200
const WARM_UP = 10_000

const [name, wanted = 'read'] = process.argv.slice(2)
const contender = contenders.find((each) => each.name === name)
const scenario = scenarios.find((each) => each.name === wanted)
if (!contender || !scenario) {
  console.error(
    `Give a contender (${contenders.map(({ name }) => name).join(', ')}) and a scenario (${scenarios.map(({ name }) => name).join('; ')})`,
  )
  process.exit(1)
}

const socket = Object.assign(new Writable({ write: (chunk, encoding, done) => done() }), { remoteAddress: '127.0.0.1' })
const app = await contender.app()
const signedIn = await visit({ method: 'POST', path: `/session?user=u0000000&bytes=${scenario.bytes ?? 0}` })
const cookie = scenario.cookies === 0 ? undefined : (signedIn.getHeader('set-cookie') ?? '').toString().split(';')[0]

for (let each = 0; each < WARM_UP; each++) await visit({ ...scenario, cookie })
const micros = []
for (let stretch = 0; stretch < STRETCHES; stretch++) {
  const before = process.cpuUsage()
  for (let each = 0; each < STRETCH; each++) await visit({ ...scenario, cookie })
  const { user, system } = process.cpuUsage(before)
  micros.push((user + system) / STRETCH)
}
const { median } = spread(micros)
const quiet = micros.toSorted((a, b) => a - b)[STRETCHES / 10]
console.log(`${name}, ${wanted}: ${median.toFixed(1)} µs a request, in the quietest tenth ${quiet.toFixed(1)}`)

/** Sends one request through the application; gives the response when it has been sent. */
function visit({ method = 'GET', path, cookie }) {
  const req = new IncomingMessage(socket)
  Object.assign(req, { method, url: path, httpVersionMajor: 1, httpVersionMinor: 1, complete: true })
  req.headers = cookie ? { host: '127.0.0.1', cookie } : { host: '127.0.0.1' }
  req.push(null)
  const res = new ServerResponse(req)
  res.assignSocket(socket)
  return new Promise((resolve) => {
    res.once('finish', () => {
      res.detachSocket(socket)
      res.emit('close')
      resolve(res)
    })
    app(req, res)
  })
}
