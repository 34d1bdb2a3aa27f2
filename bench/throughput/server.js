/**
 * One contender's server. By hand: `node --cpu-prof bench/throughput/server.js sojourn 3000`, some load, Ctrl-C.
 *
 * Asked for its `counts`, it tells how many requests it has served and what CPU time it has used.
 *
 * @module
 */
import { createServer } from 'node:http'
import { contenders } from './contenders/index.js'

const [name, port = '0'] = process.argv.slice(2)
const contender = contenders.find((each) => each.name === name)
if (!contender) {
  console.error(`There is no contender ${name}; there are ${contenders.map((each) => each.name).join(', ')}`)
  process.exit(1)
}

let requests = 0
const app = await contender.app()
const server = createServer(app)
server.on('request', () => requests++)
server.keepAliveTimeout = 60_000
server.listen(Number(port), '127.0.0.1', () => {
  const { port } = server.address()
  if (process.send) process.send({ port })
  else console.log(`${name} on http://127.0.0.1:${port}: GET /public, /read, /write; POST /session?user=…&bytes=…`)
})

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send({ requests, cpuMicros: user + system, rss: process.memoryUsage.rss() })
})
// Written by --cpu-prof only when the process ends by itself.
process.on('SIGINT', () => process.exit())
process.on('disconnect', () => process.exit())
