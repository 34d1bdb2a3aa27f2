/** The linter's rule that keeps the core pure: what it forbids, tried on files that break it. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

const IMPURE: Record<string, string> = {
  'the clock': 'export const at = Date.now()',
  'the clock by new': 'export const at = new Date()',
  'another clock': 'export const at = performance.now()',
  'the environment': 'export const mode = process.env.NODE_ENV',
  'a global by the way round': 'export const mode = globalThis.process.env',
  'the environment by import': "import process from 'node:process'\nexport const mode = process.env.NODE_ENV",
  'a random source': 'export const id = Math.random()',
  "the platform's random source": 'export const id = crypto.randomUUID()',
  "Node's random source": "import crypto from 'node:crypto'\nexport const id = crypto.randomBytes(16)",
  'the network': "export const page = () => fetch('http://host')",
  'the network by import': "import net from 'node:net'\nexport const line = net.connect(80)",
  'a file': "import { readFileSync } from 'node:fs'\nexport const text = readFileSync('x')",
  'a timer': 'export const wait = (fn) => setTimeout(fn, 1)',
  'the console': "console.log('x')",
  'the shell': "import { Calls } from '../shell/calls.ts'\nexport const calls = Calls",
  'a package': "import express from 'express'\nexport const app = express()",
}

const PURE = `import crypto from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { UsageError } from './errors.ts'
export const all = [crypto.createHash('sha256'), isDeepStrictEqual, UsageError]`

const folder = mkdtempSync(join(tmpdir(), 'sojourn-purity-'))
afterAll(() => rmSync(folder, { recursive: true }))

let reported: Set<string>
beforeAll(() => {
  mkdirSync(join(folder, 'src/core'), { recursive: true })
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
  for (const [what, text] of Object.entries(IMPURE)) writeFileSync(join(folder, fileOf(what)), `${text}\n`)
  writeFileSync(join(folder, fileOf('what only computes')), PURE)
  reported = new Set(report().map(({ filename }) => filename.replaceAll('\\', '/')))
})

function fileOf(what: string): string {
  return `src/core/${what.replaceAll(/\W+/g, '-')}.ts`
}

function report(): { filename: string; code: string }[] {
  const oxlint = join(root, 'node_modules/.bin/oxlint')
  try {
    execFileSync(oxlint, ['--format', 'json'], { cwd: folder, encoding: 'utf8' })
  } catch (error) {
    const { stdout } = error as { stdout: string }
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { filename: string; code: string }[] }
    return diagnostics.filter(({ code }) => code.includes('no-restricted'))
  }
  throw new Error('The linter found nothing at all')
}

it.each(Object.keys(IMPURE))('forbids the core %s', (what) => {
  expect(reported).toContain(fileOf(what))
})

it('allows it itself, and what of Node only computes', () => {
  expect(reported).not.toContain(fileOf('what only computes'))
})
