/**
 * Times the calls of one store that holds so many sessions: asked for a call's name, it gives the µs that one takes.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LONG_AGO_MS, PRUNE_BATCH } from './flat-contract.js'
import { flatStores } from './flat-stores.js'

const STRETCH_MS = 30
const WARM_UP_MS = 500
const DAY_MS = 86_400_000
const AT_ONCE = 100

const [name, count] = process.argv.slice(2)
const sessions = Number(count)
const folder = await mkdtemp(join(tmpdir(), 'sojourn-bench-'))
const store = await flatStores.find((each) => each.name === name).open(folder)
for (let number = 0; number < sessions; number += AT_ONCE) {
  const some = Array.from({ length: Math.min(AT_ONCE, sessions - number) }, (_, each) => number + each)
  await Promise.all(some.map((each) => store.write(each, Date.now() + DAY_MS)))
}

process.on('message', (call) => void (call === 'end' ? end() : time(call).then((micros) => process.send(micros))))
process.send(['load', 'save', 'list', 'revoke', 'revokeAll', 'prune'].filter((call) => store[call]))

const warm = new Set()

async function time(call) {
  if (call === 'prune') return timePrune()
  const one = () => store[call](Math.floor(Math.random() * sessions))
  if (!warm.has(call)) await stretch(one, WARM_UP_MS)
  warm.add(call)
  return stretch(one, STRETCH_MS)
}

/** Makes calls for so long; gives the µs of one. */
async function stretch(call, ms) {
  const startedAt = performance.now()
  let calls = 0
  do {
    const answer = call()
    if (typeof answer?.then === 'function') await answer
    calls++
  } while (performance.now() - startedAt < ms)
  return ((performance.now() - startedAt) * 1000) / calls
}

/** One batch: it has 100 sessions to remove, which expired long ago, beside all those that live. */
async function timePrune() {
  for (let each = 0; each < PRUNE_BATCH; each++) await store.write(sessions + each, Date.now() - LONG_AGO_MS)
  const startedAt = performance.now()
  const pruned = await store.prune()
  const micros = (performance.now() - startedAt) * 1000
  if (pruned !== PRUNE_BATCH) throw new Error(`A prune removed ${pruned} sessions and ${PRUNE_BATCH} had expired`)
  return micros
}

async function end() {
  await store.close?.()
  await rm(folder, { recursive: true })
  process.disconnect()
}
