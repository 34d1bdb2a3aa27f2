/**
 * A process of its own on the built package, for test/stores/redis-processes.test.ts.
 *
 * node _redis-worker.mjs <client> <places> <prefix> <id> <n>: connects, waits for a line on its input, then adds one to
 * a session's counter n times. `places` is one `host:port`, or those of a cluster between commas.
 */
import { once } from 'node:events'
import { createSessions } from '../../dist/index.js'
import { redisStore } from '../../dist/stores/redis.js'

const [name, places, prefix, id, n] = process.argv.slice(2)
const roots = places.split(',')
const isCluster = roots.length > 1

const connect = {
  async 'node-redis'(major) {
    const { createClient, createCluster } = await import(`redis${major}`)
    const urls = roots.map((place) => ({ url: `redis://${place}` }))
    const client = isCluster ? createCluster({ rootNodes: urls }) : createClient(urls[0])
    await client.connect()
    return client
  },
  async ioredis(major) {
    const { Redis, Cluster } = await import(`ioredis${major}`)
    return isCluster ? new Cluster(roots) : new Redis(`redis://${places}`)
  },
}

const [maker, major] = name.split(' ')
const client = await connect[maker](major)
const sessions = createSessions({ store: redisStore({ client, prefix }) })
await sessions.read(id)
console.log('ready')
await once(process.stdin, 'data')
for (let done = 0; done < Number(n);) {
  try {
    await sessions.update(id, (data) => void data.count++)
    done++
  } catch (error) {
    // It gave up against seven others, having changed nothing: a 409, and the visitor tries again.
    if (error.code !== 'ERR_SOJOURN_CONFLICT') throw error
  }
}
console.log('done')
process.exit()
