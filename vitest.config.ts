import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // What it draws as a secret is looked for in all that a test file puts out.
    setupFiles: ['test/security/secrecy/setup.ts'],
    // One word of truth at the end of every run: `N passed, N failed`; no requirement without its tests; and no table
    // of promises that the tests have not found.
    reporters: [
      process.env['CI'] ? 'dot' : 'default',
      './test/security/requirements-reporter.ts',
      './test/table-reporter.ts',
      './test/totals-reporter.ts',
    ],
    // A hanging promise is a defect these tests look for; it must not take the whole run with it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    unstubEnvs: true,
  },
})
