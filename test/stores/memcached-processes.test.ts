/** Several processes on two servers. They run the built store: `npm run build` first. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { createSessions } from '../../src/sessions.ts'
import { memcached } from '../servers/memcached.ts'
import { serverSuite } from '../servers/suite.ts'
import { addressOf, opened, started } from './_memcached.ts'

const WORKER = fileURLToPath(new URL('_memcached-worker.mjs', import.meta.url))

/** A process that waits to be let go. */
async function worker(...task: string[]): Promise<{ finish(): Promise<number | null> }> {
  const child = spawn(process.execPath, [WORKER, ...task])
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stderr.pipe(process.stderr)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  expect(await lines.next()).toMatchObject({ value: 'ready' })
  return {
    async finish() {
      const ended = once(child, 'exit')
      child.stdin.end()
      expect(await lines.next()).toMatchObject({ value: 'done' })
      const [code] = (await ended) as [number | null]
      return code
    },
  }
}

serverSuite('several processes with memcachedStore', memcached, () => {
  it('lose no increment: 8 processes, 1,000 each', async () => {
    const servers = (await Promise.all([started(), started()])).map(addressOf)
    const sessions = createSessions<{ count: number }>({ store: opened({ servers }) })
    const session = await sessions.open({ cookie: null, secure: true })
    session.count = 0
    await sessions.commit(session)
    const task = ['increment', servers.join(','), session.id, '1000']
    const workers = await Promise.all(Array.from({ length: 8 }, () => worker(...task)))
    const codes = await Promise.all(workers.map((each) => each.finish()))
    expect(codes).toEqual(Array.from({ length: 8 }, () => 0))
    expect(await sessions.read(session.id)).toMatchObject({ data: { count: 8000 } })
    await sessions.close()
  })

  it('end by themselves, though the store is not closed', async () => {
    const servers = (await Promise.all([started(), started()])).map(addressOf)
    const { finish } = await worker('look', servers.join(','))
    expect(await finish()).toBe(0)
  })
})
