/**
 * Whether a call costs more when there are more sessions: each store with a thousand, and with as many as are asked for.
 *
 * @module
 */
import { join } from 'node:path'
import { available } from '../_available.js'
import { ask, startNode, stop } from '../_processes.js'
import { flatStores } from './flat-stores.js'

const CHILD = join(import.meta.dirname, 'flat-child.js')
const FEW = 1000
const FLAT = 3
const CALLS = ['load', 'save', 'list', 'prune']

/** @returns `{ tables, targets, data }` */
export async function flat(many) {
  const data = []
  for (const store of await available(flatStores)) {
    console.log(`  flat cost: ${store.name}`)
    data.push({
      name: store.name,
      role: store.role,
      few: await inChild(store.name, FEW),
      many: await inChild(store.name, many),
    })
  }
  const ours = data.filter(({ role }) => role === 'ours')
  return { tables: [tableOf(data, many)], targets: ours.flatMap((each) => targetsOf(each, many)), data }
}

async function inChild(name, sessions) {
  const child = startNode(undefined, CHILD)
  try {
    return await ask(child, { name, sessions })
  } finally {
    await stop(child)
  }
}

function tableOf(data, many) {
  return {
    title: `µs a call, with ${FEW.toLocaleString('en')} sessions and with ${many.toLocaleString('en')}`,
    head: ['', ...CALLS.map((call) => (call === 'prune' ? 'prune 100' : call === 'list' ? "list one's 4" : call))],
    rows: data.map((each) => [each.name, ...CALLS.map((call) => cell(each, call))]),
  }
}

function cell({ few, many }, call) {
  if (few[call] === undefined) return 'does it by itself'
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
