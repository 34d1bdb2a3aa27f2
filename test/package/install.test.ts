/** The packed tarball, installed as a user would: beside any major of any client, and bringing in none of them. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

function npm(args: string[], cwd: string): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

describe('the packed tarball', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-install-'))
  let tarball = ''

  beforeAll(() => {
    npm(['pack', '--ignore-scripts', '--pack-destination', folder], root)
    tarball = join(
      folder,
      readdirSync(folder).find((file) => file.endsWith('.tgz'))!,
    )
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each([
    [
      'old majors',
      { redis: '3.1.2', ioredis: '4.28.5', pg: '7.18.2', mysql2: '1.7.0', mongodb: '4.17.2', express: '4.22.3' },
    ],
    [
      'today’s majors',
      { redis: '5.12.1', ioredis: '5.9.3', pg: '8.23.1', mysql2: '3.24.6', mongodb: '6.22.0', express: '5.3.0' },
    ],
  ])('installs beside %s of the clients without a peer conflict, and brings in one small library', (name, clients) => {
    const app = join(folder, name.replaceAll(/\W/g, '-'))
    execFileSync('mkdir', ['-p', app])
    writeFileSync(join(app, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies: clients }))
    npm(['install', tarball, ...QUIET], app)
    const lock = JSON.parse(readFileSync(join(app, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, object>
    }
    const { version, resolved, integrity, license, engines, ...brings } = lock.packages[
      'node_modules/sojourn'
    ] as Record<string, unknown>
    expect([version, resolved, integrity, license, engines].every(Boolean)).toBe(true)
    // No peer, no optional dependency, no binary: what only the codec loads, and that brings in nothing itself.
    expect(brings).toEqual({ dependencies: { devalue: expect.stringMatching(/^\^/) as string } })
    expect(lock.packages['node_modules/devalue']).not.toHaveProperty('dependencies')

    const program =
      "import { createSessions } from 'sojourn'; import { session } from 'sojourn/express'; import { richCodec } from 'sojourn/codec'; console.log(typeof createSessions, typeof session, richCodec.encode({ n: 1n }))"
    expect(execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: app, encoding: 'utf8' })).toBe(
      'function function [{"n":1},["BigInt","1"]]\n',
    )
  })
})
