/**
 * What a request costs the server, with each session library and without any, in one run.
 *
 * Every contender has a process of its own. They are measured in turns, round after round, so that what else happens
 * on the machine happens to all. What counts is the CPU time of a request; requests per second stand beside it.
 *
 * @module
 */
import { join } from 'node:path'
import { ask, SERVER_CORE, startNode, stop } from '../_processes.js'
import { spread } from '../_stats.js'
import { available } from '../_available.js'
import { contenders } from './contenders/index.js'
import { startEngines } from '../engines/index.js'
import { load, loadTool } from './load.js'
import { CONNECTIONS, scenarios } from './scenarios.js'
import { checkSample, signIn } from './sessions.js'
import { tablesOf } from './tables.js'
import { targetsOf } from './targets.js'

const SERVER = join(import.meta.dirname, 'server.js')
const WARM_UP_SECONDS = 3

/**
 * @param options `rounds`, `seconds` for each, and perhaps `stores` and `scenarios` (names) and `load` (a tool)
 * @returns `{ tables, targets, data }`
 */
export async function throughput(options) {
  const { stores, rounds, seconds } = options
  const chosen = contenders.filter(({ store, role }) => role === 'bare' || !stores || stores.includes(store))
  const present = await available(chosen)
  const engines = await startEngines([...new Set(present.map(({ store }) => store))])
  const tool = loadTool(options.load, seconds)
  console.log(`throughput: ${rounds} rounds of ${seconds} s, ${CONNECTIONS} connections, load by ${tool}`)
  const data = []
  try {
    for (const scenario of scenarios) {
      if (options.scenarios && !options.scenarios.includes(scenario.name)) continue
      const results = await measure(scenario, present, { tool, rounds, seconds, env: engines.env })
      data.push({ scenario: scenario.name, results })
    }
  } finally {
    await engines.stop()
  }
  return { tables: tablesOf(data), targets: targetsOf(data), data }
}

async function measure(scenario, present, { tool, rounds, seconds, env }) {
  console.log(`  ${scenario.name}`)
  const servers = await Promise.all(present.map((contender) => open(contender, env)))
  try {
    for (const server of servers) server.cookies = await signIn(server.port, scenario)
    for (const server of servers) {
      await load(tool, { ...server, scenario, seconds: Math.max(WARM_UP_SECONDS, seconds) })
      await checkSample(server.port, scenario, server.cookies, server.contender.role !== 'bare')
    }
    const taken = servers.map(() => [])
    for (let round = 0; round < rounds; round++) {
      for (const [at, server] of servers.entries()) taken[at].push(await takeRound(tool, server, scenario, seconds))
    }
    for (const server of servers)
      await checkSample(server.port, scenario, server.cookies, server.contender.role !== 'bare')
    return servers.map(({ contender }, at) => summary(contender, taken[at], bareOf(contender, servers, taken)))
  } finally {
    await Promise.all(servers.map(({ child }) => stop(child)))
  }
}

async function open(contender, env) {
  const child = startNode(SERVER_CORE, SERVER, [contender.name], { env })
  const { port } = await ask(child)
  return { contender, child, port }
}

/** One round of one server. What the load counted and what the server counted must agree. */
async function takeRound(tool, server, scenario, seconds) {
  const before = await ask(server.child, 'counts')
  const { answers, bad, perSecond } = await load(tool, { ...server, scenario, seconds })
  const after = await ask(server.child, 'counts')
  const requests = after.requests - before.requests
  const where = `${server.contender.name}, "${scenario.name}"`
  if (bad > 0) throw new Error(`${where}: ${bad} of ${answers} answers were errors`)
  if (requests < answers || requests > answers + CONNECTIONS)
    throw new Error(`${where}: the server counted ${requests} requests and the load ${answers} answers`)
  return { cpuMicros: (after.cpuMicros - before.cpuMicros) / requests, perSecond }
}

/** The rounds of the same framework without sessions. */
function bareOf({ framework }, servers, taken) {
  const at = servers.findIndex(({ contender }) => contender.role === 'bare' && contender.framework === framework)
  return taken[at]
}

/** What a session adds is told round by round, against the bare framework's same round. */
function summary({ name, library = name, role, framework, store }, rounds, bare) {
  const cpu = spread(rounds.map(({ cpuMicros }) => cpuMicros))
  const added = spread(rounds.map(({ cpuMicros }, round) => cpuMicros - bare[round].cpuMicros))
  return {
    name,
    library,
    role,
    framework,
    store,
    cpu,
    added,
    perSecond: spread(rounds.map(({ perSecond }) => perSecond)),
  }
}
