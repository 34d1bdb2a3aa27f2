/**
 * The promises of `DESIGN.md` section 2, one script each, tried with every library in one run.
 *
 * @module
 */
import { available } from '../_available.js'
import { startEngines } from '../engines/index.js'
import { serve } from './app.js'
import { libraries } from './libraries.js'
import { callsPerRequest } from './scripts/calls-per-request.js'
import { failedSave } from './scripts/failed-save.js'
import { fixation } from './scripts/fixation.js'
import { increments } from './scripts/increments.js'
import { lostUpdate } from './scripts/lost-update.js'
import { redirectRace } from './scripts/redirect-race.js'
import { resurrection } from './scripts/resurrection.js'
import { secretAtRest } from './scripts/secret-at-rest.js'

/** Each has its `promise`, what it is about, and `run`, which gives `{ kept, what }`. */
const SCRIPTS = [
  resurrection,
  lostUpdate,
  increments,
  redirectRace,
  failedSave,
  fixation,
  secretAtRest,
  callsPerRequest,
]

/** @returns `{ tables, targets, data }` */
export async function promises() {
  console.log('promises: one script each, tried with every library')
  const present = await available(libraries)
  const engines = await startEngines(new Set(present.map(({ engine }) => engine)))
  Object.assign(process.env, engines.env)
  const data = []
  try {
    for (const script of SCRIPTS) {
      for (const library of present) data.push({ ...script, ...library, ...(await tried(script, library)) })
    }
  } finally {
    await engines.stop()
  }
  return { tables: [tableOf(present, data)], targets: [], data }
}

/** Each script has a server and a store of its own. */
export async function tried({ run }, library) {
  const served = await serve(await library.open())
  try {
    return await run(served)
  } finally {
    await served.close()
    await served.engine.close()
  }
}

function tableOf(present, data) {
  const cell = (script, { name }) => {
    const { kept, what } = data.find((each) => each.name === name && each.title === script.title)
    return `${kept ? '✓' : '✗'} ${what}`
  }
  return {
    title: 'The same script, tried with each',
    head: ['', '', ...present.map(({ name }) => name)],
    rows: SCRIPTS.map((script) => [script.promise, script.title, ...present.map((library) => cell(script, library))]),
  }
}
