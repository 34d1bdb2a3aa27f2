/**
 * Who can take part here.
 *
 * @module
 */
import { isInstalled } from './_processes.js'

/** Gives those of a choice whose packages (`needs`), `programs` and `variables` are here; says of the others why not. */
export async function available(choice) {
  const present = []
  for (const each of choice) {
    const missing = await firstMissing(each)
    if (missing === undefined) present.push(each)
    else console.log(`  left out: ${each.name}, since ${missing} is not here`)
  }
  return present
}

async function firstMissing({ needs, programs = [], variables = [] }) {
  for (const name of needs) {
    try {
      await import(name)
    } catch (error) {
      // What is here and broken is no reason to be left out in silence.
      if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
      return name
    }
  }
  return programs.find((program) => !isInstalled(program)) ?? variables.find((variable) => !process.env[variable])
}
