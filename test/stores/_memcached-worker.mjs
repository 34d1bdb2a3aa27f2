/**
 * A process of its own on the built package, for test/stores/memcached-processes.test.ts.
 *
 * node _memcached-worker.mjs <task> <servers> [id] [n]: says that it is ready, waits for its input to end, and works.
 * It never closes its store: connections that are idle must not keep it alive.
 */
import { once } from 'node:events'
import { createSessions } from '../../dist/index.js'
import { memcachedStore } from '../../dist/stores/memcached.js'

const [task, servers, id, n] = process.argv.slice(2)
const store = memcachedStore({ servers: servers.split(',') })

const tasks = {
  /** Adds one to a session's counter, n times. */
  async increment() {
    const sessions = createSessions({ store })
    for (let done = 0; done < Number(n);) {
      try {
        await sessions.update(id, (data) => void data.count++)
        done++
      } catch (error) {
        // After 100 conflicts in a row it has given up, and changed nothing.
        if (error.code !== 'ERR_SOJOURN_CONFLICT') throw error
      }
    }
    await sessions.close()
  },

  /** Looks once on every server. */
  async look() {
    for (let at = 0; at < 20; at++) await store.load(`nobody-${at}`, { now: Date.now() })
  },
}

console.log('ready')
process.stdin.resume()
await once(process.stdin, 'end')
await tasks[task]()
console.log('done')
