/** Ends a run with one plain line, `N passed, N failed, N skipped`, whatever the other reporters print. */
import type { Reporter, TestModule } from 'vitest/node'

export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<unknown>): void {
    const total = { passed: 0, failed: errors.length, skipped: 0 }
    for (const module of modules) {
      if (module.state() === 'failed' && module.children.size === 0) total.failed++
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state !== 'pending') total[state]++
      }
    }
    // After the other reporters' own summaries.
    setImmediate(() => console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`))
  }
}
