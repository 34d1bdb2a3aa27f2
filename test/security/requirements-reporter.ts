/**
 * Ends a run as a failure when a test that the page of requirements names did not pass: it failed, was left out of its
 * file, or no longer has the words by which it is named. Looks at the files that ran whole. Suites that want for a
 * server are left out on a machine that has none, and never in CI.
 */
import { relative } from 'node:path'
import type { Reporter, TestModule, TestRunEndReason, Vitest } from 'vitest/node'
import { requirements } from './requirements/index.ts'
import { unproven } from './requirements/unproven.ts'

export default class RequirementsReporter implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>, _: ReadonlyArray<unknown>, reason: TestRunEndReason): void {
    if (!this.#vitest || this.#vitest.config.testNamePattern || reason === 'interrupted') return
    const root = `${this.#vitest.config.root}/test`
    const passed = new Map(
      modules.map((module) => [relative(root, module.moduleId).replace(/\.test\.ts$/, ''), namesIn(module)]),
    )
    const missing = unproven(requirements, passed)
    if (missing.length === 0) return
    process.exitCode = 1
    console.error(`\nRequirements without their tests:\n${missing.join('\n')}`)
  }
}

// --- internal ---

function namesIn({ children }: TestModule): string[] {
  const skipped = process.env['CI'] ? [] : children.allTests('skipped')
  return [...children.allTests('passed'), ...skipped].map(({ fullName }) => fullName)
}
