/**
 * What some stores need: a database server of the run's own, on the load's core, or a folder. Nothing of it stays.
 *
 * | field | |
 * |---|---|
 * | `program` | the program that must be installed |
 * | `needs` | the packages that must be |
 * | `standIn` | what stands in for the engine, where that is not here: tables say so |
 * | `start()` | if there is something to start: gives `env`, the variables that tell where it is, and `stop()` |
 *
 * @module
 */
import { dynamodb, mongodb } from './documents.js'
import { memcached, redis } from './key-value.js'
import { mysql, postgres, sqlite } from './sql.js'

/** Cloudflare's runtime runs beside its stores: who opens one starts it. */
const workerd = { standIn: 'miniflare', needs: ['miniflare', 'esbuild'] }

const ENGINES = { redis, memcached, postgres, mysql, sqlite, mongodb, dynamodb, workerd }

/** The programs and packages that a store's engine needs. */
export function neededFor(store) {
  const { program, needs = [] } = ENGINES[store] ?? {}
  return { programs: program ? [program] : [], needs }
}

/** What stands in for a store's engine, if anything does. */
export function standInFor(store) {
  return ENGINES[store]?.standIn
}

/** What tables call a name: `mongodb (stand-in)` where something stands in for its engine. */
export function titleOf(name, standIn) {
  return standIn ? `${name} (${standIn})` : name
}

/** Starts what the stores need; gives the variables for the contenders, and `stop()`. */
export async function startEngines(stores) {
  const engines = []
  const stop = () => Promise.all(engines.map((engine) => engine.stop()))
  try {
    for (const store of stores) if (ENGINES[store]?.start) engines.push(await ENGINES[store].start())
  } catch (error) {
    await stop()
    throw error
  }
  return { env: Object.assign({}, ...engines.map(({ env }) => env)), stop }
}
