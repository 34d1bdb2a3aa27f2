/** `npm run fuzz`: a million inputs, or `-- --inputs N`; `--seed N` repeats a run, `--only NAME` one target. */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.mjs'
import { libraryAt } from './library.mjs'

const { values } = parseArgs({
  options: { inputs: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const inputs = Number(values.inputs ?? 1_000_000)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32))
console.log(`${inputs} inputs, seed ${seed}`)

try {
  const library = await libraryAt(new URL('../../../dist/', import.meta.url), 'js')
  for (const [name, count] of await fuzz(library, { seed, inputs, only: values.only })) {
    console.log(`${name}: ${count.inputs} inputs, ${count.taken} genuine`)
  }
  console.log('No exception, and no forgery was taken.')
} catch (error) {
  console.error(error)
  process.exitCode = 1
}
