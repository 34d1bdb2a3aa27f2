/** Gives so many inputs to the targets, in turn, and counts what was taken for genuine. */
import { Random } from './random.mjs'
import { targetsOf } from './targets.mjs'

/**
 * @returns how many inputs each target had, and how many of them it took
 * @throws what a target threw, as the cause of an error that names the target, the seed and the input's number
 */
export async function fuzz(library, { seed, inputs, only }) {
  const targets = Object.entries(await targetsOf(library)).filter(([name]) => only === undefined || only === name)
  const counts = new Map(targets.map(([name]) => [name, { inputs: 0, taken: 0 }]))
  const random = new Random(seed)
  for (let at = 0; at < inputs; at++) {
    const [name, target] = targets[at % targets.length]
    try {
      const taken = target(random)
      const count = counts.get(name)
      count.inputs++
      if (typeof taken === 'boolean' ? taken : await taken) count.taken++
    } catch (cause) {
      const message = `${name}, seed ${seed}, input ${at}: ${cause.message}`
      throw Object.assign(new Error(message, { cause }), { target: name })
    }
  }
  return counts
}
