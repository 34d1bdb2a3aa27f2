/**
 * Holds the README's table of stores and promises to what a run found: where they disagree, the run has failed.
 * `npm run docs:stores` writes the table instead. A run of some of the promises only says nothing of it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Reporter, TestModule, TestRunEndReason, TestSuite, Vitest } from 'vitest/node'
import { type Found, PROMISES, tableIn, tableOf, withTable } from './support/promise-table.ts'

const README = new URL('../README.md', import.meta.url)

export default class TableReporter implements Reporter {
  #isFiltered = false

  onInit({ config }: Vitest): void {
    this.#isFiltered = config.testNamePattern !== undefined
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>, _: ReadonlyArray<unknown>, reason: TestRunEndReason): void {
    const found = modules.flatMap((module) => [...module.children.allSuites()].flatMap(foundIn))
    const missing = Object.keys(PROMISES).filter((promise) => !found.some((each) => each.promise === promise))
    if (this.#isFiltered || missing.length > 0 || reason === 'interrupted') return
    const page = readFileSync(README, 'utf8')
    const before = tableIn(page)
    const table = tableOf(found, before)
    if (table.join('\n') === before.join('\n')) return
    if (process.env['npm_lifecycle_event'] === 'docs:stores') {
      writeFileSync(README, withTable(page, table))
      return
    }
    const lines = table.filter((line) => !before.includes(line))
    process.exitCode = 1
    setImmediate(() =>
      console.log(
        `The README’s table disagrees with this run, which found\n${lines.join('\n')}\nMend what failed, or write it: npm run docs:stores`,
      ),
    )
  }
}

/** What a suite of a promise found; nothing, of other suites. */
function foundIn(suite: TestSuite): Found[] {
  const { kept } = suite.meta()
  if (!kept) return []
  const tests = [...suite.children.allTests()]
  return [{ ...kept, passed: tests.length > 0 && tests.every((test) => test.result().state === 'passed') }]
}
