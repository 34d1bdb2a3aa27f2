/**
 * Fills one store with sessions and lets them expire; tells what that took. In a process of its own, with --expose-gc.
 *
 * @module
 */
import { once } from 'node:events'
import { Pauses } from './pauses.js'
import { stores } from './stores.js'

/** Few enough that a turn of writing is short itself. */
const BATCH = 20
const REHEARSAL = 20_000
/** How long after the last session's end a store may take to have given everything back. */
const PATIENCE_MS = 30_000
/** How long to look at a store that gives nothing back by itself. */
const MOMENT_MS = 5000

const [{ name, sessions }] = await once(process, 'message')
process.send(
  await measure(
    stores.find((store) => store.name === name),
    sessions,
  ),
)

async function measure({ open }, sessions) {
  const livesMs = await lifeLongerThanFilling(open, sessions)
  const empty = await settled()
  const store = await open(livesMs)
  const pauses = new Pauses()

  pauses.start()
  const startedAt = performance.now()
  await fill(store, sessions)
  const fillMs = performance.now() - startedAt
  const whileFilling = pauses.stop()
  const full = await settled()
  const entries = store.entries()
  const endsAt = startedAt + fillMs + livesMs

  pauses.start()
  await sleep(endsAt - performance.now())
  if (store.sweep) await sleep(MOMENT_MS)
  else await emptied(store)
  const emptyAfterMs = performance.now() - endsAt
  const whileExpiring = pauses.stop()
  const leftEntries = store.entries()
  const after = await settled()

  pauses.start()
  if (store.sweep) await store.sweep()
  await sleep(1)
  const whileSweeping = pauses.stop()

  return {
    entries,
    fillMs,
    whileFilling,
    perSession: per(entries, full, empty),
    whileExpiring,
    emptyAfterMs: leftEntries === 0 ? emptyAfterMs : null,
    leftEntries,
    leftPerSession: per(entries, after, empty),
    whileSweeping: store.sweep ? whileSweeping : null,
  }
}

/** A rehearsal, which also warms the code up: sessions must outlive the filling, and not by much. */
async function lifeLongerThanFilling(open, sessions) {
  const count = Math.min(REHEARSAL, sessions)
  const startedAt = performance.now()
  await fill(await open(60_000), count)
  const expected = ((performance.now() - startedAt) / count) * sessions
  return Math.ceil((expected * 2 + 5000) / 1000) * 1000
}

async function fill(store, sessions) {
  for (let number = 0; number < sessions;) {
    for (const end = Math.min(number + BATCH, sessions); number < end; number++) {
      const written = store.write(number)
      if (written) await written
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Waits until the store holds nothing any more, or has had its time. */
async function emptied(store) {
  const deadline = performance.now() + PATIENCE_MS
  while (store.entries() > 0 && performance.now() < deadline) await sleep(100)
}

/** The memory in use when there is no garbage. */
async function settled() {
  for (let times = 0; times < 4; times++) {
    globalThis.gc()
    await sleep(50)
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}

function per(entries, now, before) {
  return { rss: (now.rss - before.rss) / entries, heap: (now.heap - before.heap) / entries }
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}
