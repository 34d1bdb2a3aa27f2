/** A real browser for a test, or a clear word that there is none. */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { it } from 'vitest'

const executablePath = '/usr/bin/chromium'
const leftOut = !existsSync(executablePath) && !process.env['CI']

/** Runs a test in Chromium. Without one it is left out with a notice; in CI it fails. */
export function itInChromium(name: string, test: (browser: Browser) => Promise<void>): void {
  if (leftOut) console.warn(`Not tried, for want of ${executablePath} (Debian: apt-get install chromium): ${name}`)
  it.skipIf(leftOut)(name, async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run']
    args.push('--disable-background-networking', '--disable-component-update', '--disable-sync')
    const browser = await chromium.launch({ executablePath, args })
    try {
      await test(browser)
    } finally {
      await browser.close()
    }
  })
}
