/**
 * A process of its own on the built package, for test/promises/p2-no-update-is-lost.test.ts.
 *
 * node _p2-worker.mjs <path> <id> <n>: says that it is ready, waits for its input to end, and adds one to a session's
 * counter n times.
 */
import { once } from 'node:events'
import { createSessions } from '../../dist/index.js'
import { sqliteStore } from '../../dist/stores/sqlite.js'

const [path, id, n] = process.argv.slice(2)
const store = sqliteStore({ path })
const sessions = createSessions({ store })
console.log('ready')
process.stdin.resume()
await once(process.stdin, 'end')
for (let done = 0; done < Number(n); done++) await sessions.update(id, (data) => void data.count++)
await store.close()
