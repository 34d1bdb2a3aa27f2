/**
 * Ends a run as a failure when a test that the page of requirements names did not pass: it was skipped, left out of its
 * file, or no longer has the words by which it is named. Looks at the files that ran whole.
 */
import { relative } from 'node:path'
import type { Reporter, TestModule, Vitest } from 'vitest/node'
import { requirements } from './requirements/index.ts'

export default class RequirementsReporter implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    if (!this.#vitest || this.#vitest.config.testNamePattern) return
    const passed = new Map<string, string[]>()
    for (const module of modules) {
      const file = relative(`${this.#vitest.config.root}/test`, module.moduleId).replace(/\.test\.ts$/, '')
      const names = [...module.children.allTests('passed')].map(({ fullName }) => fullName)
      passed.set(file, names)
    }
    const missing = requirements.flatMap(({ id, proofs }) =>
      proofs
        .filter(([file, words]) => passed.get(file)?.some((name) => name.includes(words)) === false)
        .map(([file, words]) => `${id}: no test with these words passed in ${file}: ${words}`),
    )
    if (missing.length === 0) return
    process.exitCode = 1
    console.error(`\nRequirements without their tests:\n${missing.join('\n')}`)
  }
}
