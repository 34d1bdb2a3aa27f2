/**
 * `npm run bench`: Sojourn against its peers, in one run on one machine. See README.md.
 *
 * @module
 */
import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { asMarkdown, asText } from './_report.js'
import { cookies } from './cookies/cookies.js'
import { memory } from './memory/memory.js'
import { promises } from './promises/promises.js'
import { throughput } from './throughput/throughput.js'

const TOPICS = { promises, throughput, memory, cookies }

/** Fewer rounds say nothing. */
const LEAST_ROUNDS = 5

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    stores: { type: 'string' },
    scenarios: { type: 'string' },
    load: { type: 'string' },
    sessions: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    markdown: { type: 'string' },
  },
})

const options = {
  rounds: number('rounds', values.quick ? LEAST_ROUNDS : 7),
  seconds: number('seconds', values.quick ? 0.5 : 3),
  stores: list(values.stores),
  scenarios: values.scenarios?.split(';'),
  load: values.load,
  sessions: number('sessions', values.quick ? 100_000 : 1_000_000),
}
if (options.rounds < LEAST_ROUNDS) fail(`--rounds is ${options.rounds}; fewer than ${LEAST_ROUNDS} rounds say nothing`)
const names = list(values.only) ?? Object.keys(TOPICS)
for (const name of names) if (!TOPICS[name]) fail(`--only knows ${Object.keys(TOPICS).join(', ')}; not ${name}`)

const results = {}
for (const name of names) {
  results[name] = await TOPICS[name](options)
  console.log(`\n${asText(results[name])}\n`)
}

const machine = `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model}`
if (values.json) await writeFile(values.json, JSON.stringify({ machine, options, results }, null, 2) + '\n')
if (values.markdown) {
  const parts = names.map((name) => asMarkdown(name, results[name]))
  await writeFile(values.markdown, `${machine}\n\n${parts.join('\n\n')}\n`)
}

function number(name, otherwise) {
  const value = values[name] === undefined ? otherwise : Number(values[name])
  return value > 0 ? value : fail(`--${name} must be a number above 0`)
}

function list(value) {
  return value?.split(',')
}

function fail(message) {
  console.error(message)
  process.exit(2)
}
