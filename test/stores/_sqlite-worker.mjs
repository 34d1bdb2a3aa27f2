/**
 * A process of its own on the built store, for test/stores/sqlite-processes.test.ts.
 *
 * node _sqlite-worker.mjs <task> <path> [n]: waits for a line on its input, then works; each line it prints is a fact.
 */
import { once } from 'node:events'
import { sqliteStore } from '../../dist/stores/sqlite.js'

const [task, path, n] = process.argv.slice(2)
const NOW = 2_200_000_000_000
const call = { now: NOW }
const session = (version, body) => ({ version, expiresAt: NOW + 1000, principal: 'ada', body })

const tasks = {
  /** Opens a file that may not exist yet, while others do the same. */
  async open() {
    const store = sqliteStore({ path, durability: 'full' })
    console.log(await store.create(`of-${process.pid}`, session(1, ''), call))
    await store.close()
  },

  /** Adds one to a number, n times, each by compare-and-swap, beginning anew when another process was faster. */
  async increment() {
    const store = sqliteStore({ path })
    for (let done = 0; done < Number(n);) {
      const { version, body } = await store.load('counter', call)
      const saved = await store.save('counter', session(version + 1, String(Number(body) + 1)), version, call)
      if (saved === 'saved') done++
    }
    await store.close()
    console.log('done')
  },

  /** Saves without end, and prints each version once it is acknowledged. */
  async endless() {
    const store = sqliteStore({ path, durability: n })
    for (let version = 1; ; version++) {
      const saved = await store.save('id', session(version + 1, 'x'.repeat(version % 9000)), version, call)
      if (saved !== 'saved') throw new Error(JSON.stringify(saved))
      // As a whole and at once, so that what the parent has read was acknowledged, and all of it.
      await new Promise((resolve) => process.stdout.write(`${version + 1}\n`, resolve))
    }
  },
}

console.log('ready')
await once(process.stdin, 'data')
process.stdin.destroy()
await tasks[task]()
