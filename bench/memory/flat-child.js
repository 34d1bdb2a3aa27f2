/**
 * Times the calls of one store that holds so many sessions.
 *
 * @module
 */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spread } from '../_stats.js'
import { flatStores, LONG_AGO_MS, PRUNE_BATCH } from './flat-stores.js'

/** Times are medians over so many stretches: what else the machine does spoils some, and not the middle. */
const STRETCHES = 25
const WARM_UP_MS = 1000
/** A call that takes long is made less often. */
const STRETCH_MS = 40
const MOST_CALLS = 500

const [{ name, sessions }] = await once(process, 'message')
const folder = await mkdtemp(join(tmpdir(), 'sojourn-bench-'))
try {
  process.send(await measure(await flatStores.find((store) => store.name === name).open(folder), sessions))
} finally {
  await rm(folder, { recursive: true })
}

async function measure(store, sessions) {
  for (let number = 0; number < sessions; number++) await store.write(number, Date.now() + 86_400_000)
  const any = () => Math.floor(Math.random() * sessions)
  return {
    load: await time(() => store.load(any())),
    save: await time(() => store.save(any())),
    list: await time(() => store.list(any())),
    ...(store.prune && { prune: await timePrunes(store, sessions) }),
  }
}

/** Gives the µs of one call. */
async function time(call) {
  const usual = await warmedUp(call)
  const count = Math.max(1, Math.min(MOST_CALLS, Math.floor((STRETCH_MS * 1000) / usual)))
  const times = []
  const stretches = count === 1 ? 5 : STRETCHES
  for (let each = 0; each < stretches; each++) times.push(await stretch(call, count))
  return spread(times).median
}

/** Makes calls for a while; gives the µs of the last. */
async function warmedUp(call) {
  const until = performance.now() + WARM_UP_MS
  let last = await stretch(call, 1)
  while (performance.now() < until) last = await stretch(call, 1)
  return last
}

async function stretch(call, count) {
  const startedAt = performance.now()
  for (let each = 0; each < count; each++) {
    const answer = call()
    if (typeof answer?.then === 'function') await answer
  }
  return ((performance.now() - startedAt) * 1000) / count
}

/** Each batch has 100 sessions to remove, which expired long ago, beside all those that live. */
async function timePrunes(store, sessions) {
  const times = []
  for (let batch = 0; batch < STRETCHES; batch++) {
    const from = sessions + batch * PRUNE_BATCH
    for (let each = 0; each < PRUNE_BATCH; each++) await store.write(from + each, Date.now() - LONG_AGO_MS)
    const startedAt = performance.now()
    const pruned = await store.prune()
    times.push((performance.now() - startedAt) * 1000)
    if (pruned !== PRUNE_BATCH) throw new Error(`A prune removed ${pruned} sessions and ${PRUNE_BATCH} had expired`)
  }
  return spread(times).median
}
