/**
 * Our own load, in a process of its own: so many connections, each of which asks again as soon as it is answered.
 *
 * @module
 */
import { once } from 'node:events'
import { Connection } from '../_http-client.js'

const [{ port, texts, seconds, connections, oneEach }] = await once(process, 'message')
const startedAt = performance.now()
const until = startedAt + seconds * 1000
let answers = 0
let bad = 0
let turn = 0

await Promise.all(Array.from({ length: connections }, (_, number) => visitor(number)))
process.send({ answers, bad, perSecond: (answers * 1000) / (performance.now() - startedAt) })

async function visitor(number) {
  const connection = new Connection(port)
  while (performance.now() < until) {
    const { status } = await connection.send(texts[(oneEach ? number : turn++) % texts.length])
    answers++
    if (status !== 200) bad++
  }
  connection.close()
}
