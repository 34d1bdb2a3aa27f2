import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { expect, it } from 'vitest'
import { startLogin } from './login-process.ts'

const executablePath = '/usr/bin/chromium'
const isMissing = !existsSync(executablePath)
if (isMissing && !process.env['CI']) console.warn(`No ${executablePath}: the login is not tried in a real browser.`)

it.skipIf(isMissing && !process.env['CI'])('a person signs in, is counted, and signs out in Chromium', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-login-'))
  const login = await startLogin(folder)
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run']
  args.push('--disable-background-networking', '--disable-component-update', '--disable-sync')
  const browser = await chromium.launch({ executablePath, args })
  try {
    const page = await browser.newPage({ viewport: { width: 900, height: 700 } })
    const complaints: string[] = [] // of the content security policy, say
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))

    await page.goto(`${login.origin}/users`)
    await page.getByText('Please sign in').waitFor()
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('enchantress-of-number')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Hello ada, you are signed in.').waitFor()
    expect(new URL(page.url()).pathname).toBe('/users')

    await page.getByRole('link', { name: 'Visits' }).click()
    await page.getByRole('link', { name: 'Visit again' }).click()
    await page.reload()
    expect(await page.getByRole('status').textContent()).toBe('3')

    await page.getByRole('link', { name: 'Your sessions' }).click()
    await page.getByText('Chrome on Linux').waitFor()
    expect(await page.evaluate('document.cookie')).toBe('')
    const [cookie] = await page.context().cookies()

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('You are signed out.').waitFor()
    expect(await page.context().cookies()).toEqual([])

    await page.goBack() // to the list of sessions, which nobody kept a copy of
    await page.getByText('Please sign in').waitFor()
    if (cookie) await page.context().addCookies([cookie])
    await page.goto(`${login.origin}/users`)
    await page.getByText('Please sign in').waitFor()
    expect(complaints).toEqual([])
  } finally {
    await browser.close()
    await login.stop('SIGKILL')
    rmSync(folder, { recursive: true })
  }
})
