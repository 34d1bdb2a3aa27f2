/** Several processes on one file. They run the built store: `npm run build` first. */
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { NOW, answers, connection, opened, stored, temporaryFile } from './_sqlite.ts'

const call = { now: NOW }
const WORKER = fileURLToPath(new URL('_sqlite-worker.mjs', import.meta.url))

/** A worker, waiting to be told to go on, and the lines that it prints. */
interface Worker {
  process: ChildProcessWithoutNullStreams
  lines: AsyncIterator<string>
}

async function worker(...task: string[]): Promise<Worker> {
  const child = spawn(process.execPath, [WORKER, ...task])
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stderr.pipe(process.stderr)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  expect(await lines.next()).toMatchObject({ value: 'ready' })
  return { process: child, lines }
}

async function workers(count: number, ...task: string[]): Promise<Worker[]> {
  return Promise.all(Array.from({ length: count }, () => worker(...task)))
}

/** Lets workers go at once, and gives the next line of each. */
async function nextLines(all: Worker[]): Promise<unknown[]> {
  for (const { process } of all) process.stdin.write('go\n')
  return Promise.all(all.map(async ({ lines }) => (await lines.next()).value))
}

describe('several processes on one file', () => {
  it('may all create it at once', async () => {
    const path = temporaryFile()
    const all = await workers(4, 'open', path)
    expect(await nextLines(all)).toEqual(['true', 'true', 'true', 'true'])
    let count = 0
    for await (const _ of opened({ path }).list('ada', call)) count++
    expect(count).toBe(4)
  })

  it('lose no increment', async () => {
    const path = temporaryFile()
    const store = opened({ path })
    await store.create('counter', stored({ body: '0' }), call)
    const all = await workers(4, 'increment', path, '500')
    expect(await nextLines(all)).toEqual(['done', 'done', 'done', 'done'])
    expect(await store.load('counter', call)).toMatchObject({ version: 2001, body: '2000' })
  })

  it('see each other’s writes at once, and one of two that race wins', async () => {
    const path = temporaryFile()
    const [one, other] = [opened({ path }), opened({ path })]
    await one.create('id', stored(), call)
    expect(await other.load('id', call)).toEqual(stored())
    const race = [one, other].map((store, n) => store.save('id', stored({ version: 2, body: `by ${n}` }), 1, call))
    expect(await answers(race)).toEqual(['saved', { conflict: stored({ version: 2, body: 'by 0' }) }])
    await other.removeAll('ada', {}, call)
    expect(await one.revokedAt('ada', call)).toBe(NOW)
  })
})

describe.each(['normal', 'full'])('a process that is killed while it writes, durability %s', (durability) => {
  it('loses nothing that it acknowledged, and damages nothing', async () => {
    const path = temporaryFile()
    await opened({ path }).create('id', stored(), call)
    const killed = await worker('endless', path, durability)
    killed.process.stdin.write('go\n')
    let acknowledged = 1
    while (acknowledged < 300) acknowledged = Number((await killed.lines.next()).value)
    killed.process.kill('SIGKILL')
    await once(killed.process, 'exit')
    for (let line = await killed.lines.next(); !line.done; line = await killed.lines.next()) {
      acknowledged = Number(line.value)
    }
    const kept = await opened({ path }).load('id', call)
    expect([acknowledged, acknowledged + 1]).toContain(kept?.version)
    expect(connection(path).prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  })
})
