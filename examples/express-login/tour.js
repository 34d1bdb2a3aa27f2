import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from './stores.js'
import { tour } from './tour/steps.js'

const folder = mkdtempSync(join(tmpdir(), 'sojourn-tour-'))
const told = []
const { name, store, close } = await openStore({ ...process.env, DATA_DIR: folder }, (command) => told.push(command))
try {
  console.log(`How is req.session persisted? One visitor, the application of this folder, sessions in ${name}.`)
  await tour({ store, told, print: console.log })
  console.log('All seven steps were as promised.')
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  await close()
  rmSync(folder, { recursive: true })
}
