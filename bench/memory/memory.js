/**
 * What a million sessions take, how they go, and whether anything costs more when there are many.
 *
 * @module
 */
import { join } from 'node:path'
import { ask, startNode, stop } from '../_processes.js'
import { available } from '../_available.js'
import { flat } from './flat.js'
import { DATA_BYTES } from './sessions.js'
import { stores } from './stores.js'

const CHILD = join(import.meta.dirname, 'child.js')
const PAYLOAD_LIMIT = 1.5
const PAUSE_LIMIT_MS = 10

/** @returns `{ tables, targets, data }` */
export async function memory({ sessions }) {
  console.log(`memory: ${sessions.toLocaleString('en')} sessions of ${DATA_BYTES} bytes of data`)
  const filled = []
  for (const store of await available(stores)) {
    console.log(`  ${store.name}`)
    filled.push({ ...store, ...(await inChild(store.name, sessions)) })
  }
  const flatness = await flat(sessions)
  return {
    tables: [memoryTable(filled, sessions), expiryTable(filled), ...flatness.tables],
    targets: [...filled.filter(({ role }) => role === 'ours').flatMap(targetsOf), ...flatness.targets],
    data: { filled, flat: flatness.data },
  }
}

async function inChild(name, sessions) {
  const child = startNode(undefined, CHILD, [], { nodeFlags: ['--expose-gc'] })
  try {
    return await ask(child, { name, sessions })
  } finally {
    await stop(child)
  }
}

function memoryTable(filled, sessions) {
  return {
    title: `${sessions.toLocaleString('en')} sessions: what they take`,
    head: ['', 'RSS, bytes a session', '÷ data', 'heap and external', '÷ data', 'filled in, s', 'longest pause, ms'],
    rows: filled.map(({ name, perSession: { rss, heap }, fillMs, whileFilling }) => [
      name,
      rss.toFixed(0),
      times(rss),
      heap.toFixed(0),
      times(heap),
      (fillMs / 1000).toFixed(1),
      pause(whileFilling),
    ]),
  }
}

function expiryTable(filled) {
  const rows = filled.map(({ name, emptyAfterMs, leftEntries, leftPerSession, whileExpiring, whileSweeping }) => [
    name,
    emptyAfterMs === null ? `never; ${leftEntries.toLocaleString('en')} left` : `${(emptyAfterMs / 1000).toFixed(1)} s`,
    leftPerSession.rss.toFixed(0),
    leftPerSession.heap.toFixed(0),
    pause(whileExpiring),
    whileSweeping ? pause(whileSweeping) : '',
  ])
  const head = [
    '',
    'empty after',
    'RSS left, bytes a session',
    'heap left',
    'longest pause, ms',
    'when asked to sweep, ms',
  ]
  return { title: 'when all have expired', head, rows }
}

function targetsOf({ name, perSession, leftPerSession, whileExpiring }) {
  const worst = Math.max(perSession.rss, perSession.heap) / DATA_BYTES
  return [
    target(`${name}: bytes a session ÷ data`, `≤ ${PAYLOAD_LIMIT}×`, `${worst.toFixed(2)}×`, worst <= PAYLOAD_LIMIT),
    target(
      `${name}: memory left after expiry ÷ data`,
      '≤ 0.05×',
      times(leftPerSession.rss),
      leftPerSession.rss <= 0.05 * DATA_BYTES,
    ),
    target(
      `${name}: longest own pause while expiring`,
      `≤ ${PAUSE_LIMIT_MS} ms`,
      `${whileExpiring.ownMs.toFixed(1)} ms`,
      whileExpiring.ownMs <= PAUSE_LIMIT_MS,
    ),
  ]
}

function target(what, target, value, met) {
  return { what, target, value, met }
}

/** By the clock, and, where the machine was busy with something else, what of it was this process's own. */
function pause({ ms, ownMs }) {
  return ms - ownMs < 1 ? ms.toFixed(1) : `${ms.toFixed(1)} (own ${ownMs.toFixed(1)})`
}

function times(bytes) {
  return `${(bytes / DATA_BYTES).toFixed(2)}×`
}
