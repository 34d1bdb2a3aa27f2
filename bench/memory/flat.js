/**
 * Whether a call costs more when there are more sessions: each store with a thousand, and with as many as are asked for.
 *
 * @module
 */
import { join } from 'node:path'
import { available } from '../_available.js'
import { ask, startNode, stopped } from '../_processes.js'
import { spread } from '../_stats.js'
import { startEngines, titleOf } from '../engines/index.js'
import { flatStores } from './flat-stores.js'

const CHILD = join(import.meta.dirname, 'flat-child.js')
const FEW = 1000
/** An engine that is not the real one is asked how it works, not how it scales. */
const MOST_IN_STAND_IN = 5000
const FLAT = 3
const TURNS = 15
const CALLS = ['load', 'save', 'list', 'revoke', 'revokeAll', 'prune']
const TITLES = { list: "list one's 4", revokeAll: "revoke one's 4", prune: 'prune 100' }

/** @returns `{ tables, targets, data }` */
export async function flat(asked) {
  const data = []
  for (const { name, role, engine, standIn } of await available(flatStores)) {
    const title = titleOf(name, standIn)
    console.log(`  flat cost: ${title}`)
    const sessions = standIn ? Math.min(asked, MOST_IN_STAND_IN) : asked
    const engines = await startEngines([engine])
    try {
      data.push({ name: title, role, standIn, sessions, ...(await measure(name, sessions, engines.env)) })
    } finally {
      await engines.stop()
    }
  }
  const real = data.filter(({ standIn }) => !standIn)
  const others = data.filter(({ standIn }) => standIn)
  const tables = [tableOf('µs a call', real)]
  if (others.length > 0) tables.push(tableOf('µs a call, the way to what stands in for the engine included', others))
  return { tables, targets: real.filter(({ role }) => role === 'ours').flatMap(targetsOf), data }
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

function tableOf(what, data) {
  return {
    title: `${what}, with ${FEW.toLocaleString('en')} sessions and with ${data[0].sessions.toLocaleString('en')}`,
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

function targetsOf({ name, few, many, sessions }) {
  return CALLS.filter((call) => few[call] !== undefined).map((call) => {
    const ratio = many[call] / few[call]
    const what = `${name}: ${call}, ${sessions.toLocaleString('en')} sessions ÷ ${FEW.toLocaleString('en')}`
    return { what, target: `flat, ≤ ${FLAT}×`, value: `${ratio.toFixed(2)}×`, met: ratio <= FLAT }
  })
}
