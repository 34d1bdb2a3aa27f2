/**
 * Whether a call costs more when there are more sessions: each store with a thousand, and with as many as are asked for.
 *
 * @module
 */
import { join } from 'node:path'
import { available } from '../_available.js'
import { ask, startNode, stopped } from '../_processes.js'
import { spread } from '../_stats.js'
import { startEngines } from '../throughput/engines.js'
import { flatStores } from './flat-stores.js'

const CHILD = join(import.meta.dirname, 'flat-child.js')
const FEW = 1000
const FLAT = 3
const TURNS = 15
const CALLS = ['load', 'save', 'list', 'revoke', 'revokeAll', 'prune']
const TITLES = { list: "list one's 4", revokeAll: "revoke one's 4", prune: 'prune 100' }

/** @returns `{ tables, targets, data }` */
export async function flat(many) {
  const data = []
  for (const { name, role, engine } of await available(flatStores)) {
    console.log(`  flat cost: ${name}`)
    const engines = await startEngines(engine ? [engine] : [])
    try {
      data.push({ name, role, ...(await measure(name, many, engines.env)) })
    } finally {
      await engines.stop()
    }
  }
  const ours = data.filter(({ role }) => role === 'ours')
  return { tables: [tableOf(data, many)], targets: ours.flatMap((each) => targetsOf(each, many)), data }
}

/** Both stores stand side by side and are asked in turns, so that what else the machine does happens to both. */
async function measure(name, many, env) {
  const [few, full] = [FEW, many].map((sessions) => startNode(undefined, CHILD, [name, String(sessions)], { env }))
  try {
    const [calls] = await Promise.all([ask(few), ask(full)])
    const micros = { few: {}, many: {} }
    for (const call of calls) {
      const taken = { few: [], many: [] }
      for (let turn = 0; turn < TURNS; turn++) {
        taken.few.push(await ask(few, call))
        taken.many.push(await ask(full, call))
      }
      micros.few[call] = spread(taken.few).median
      micros.many[call] = spread(taken.many).median
    }
    few.send('end')
    full.send('end')
    return micros
  } finally {
    await Promise.all([stopped(few), stopped(full)])
  }
}

function tableOf(data, many) {
  return {
    title: `µs a call, with ${FEW.toLocaleString('en')} sessions and with ${many.toLocaleString('en')}`,
    head: ['', ...CALLS.map((call) => TITLES[call] ?? call)],
    rows: data.map((each) => [each.name, ...CALLS.map((call) => cell(each, call))]),
  }
}

function cell({ few, many }, call) {
  if (few[call] === undefined) return call === 'prune' ? 'does it by itself' : 'cannot'
  return `${micros(few[call])} → ${micros(many[call])} (${(many[call] / few[call]).toFixed(1)}×)`
}

function micros(value) {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en')
}

function targetsOf({ name, few, many }, sessions) {
  return CALLS.filter((call) => few[call] !== undefined).map((call) => {
    const ratio = many[call] / few[call]
    const what = `${name}: ${call}, ${sessions.toLocaleString('en')} sessions ÷ ${FEW.toLocaleString('en')}`
    return { what, target: `flat, ≤ ${FLAT}×`, value: `${ratio.toFixed(2)}×`, met: ratio <= FLAT }
  })
}
