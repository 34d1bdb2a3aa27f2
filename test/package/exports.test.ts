/** The package as its users get it: built files, names, and what must not be in them. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  exports: Record<string, string | { types: string; default: string }>
  dependencies?: object
  peerDependencies?: object
  optionalDependencies?: object
}
const subpaths = Object.entries(manifest.exports).flatMap(([name, target]) =>
  typeof target === 'string' ? [] : [{ name, ...target }],
)

/** What each public entry exports, types aside. A change here is a change of the public API. */
const PUBLIC: Record<string, string[]> = {
  '.': [
    'ConfigError',
    'ConflictError',
    'CsrfError',
    'SignInError',
    'SojournError',
    'StoreError',
    'UsageError',
    'createSessions',
    'flash',
    'memoryStore',
    'presets',
    'requireRecent',
    'takeFlash',
  ],
  './express': ['session'],
  './express-session': ['Cookie', 'MemoryStore', 'Session', 'Store', 'default', 'module.exports'],
  './postgres': ['migrationSql', 'postgresStore'],
  './mysql': ['migrationSql', 'mysqlStore'],
  './redis': ['redisStore'],
  './sqlite': ['migrationSql', 'sqliteStore'],
  './mongodb': ['mongodbStore'],
  './memcached': ['memcachedStore'],
  './dynamodb': ['dynamodbStore'],
  './cloudflare': ['SojournObject', 'd1Store', 'durableObjectStore', 'migrationSql', 'workersKvStore'],
  './cookie': ['cookieStore'],
  './sealed': ['sealed'],
  './csrf': ['csrf', 'csrfToken'],
  './codec': ['richCodec'],
  './migrate': ['fromConnectStore', 'fromExpressSession', 'migratingStore'],
}

describe('the package', () => {
  it('brings in no driver and no peer: one small library, for its codec', () => {
    expect([manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies]).toEqual([
      { devalue: expect.stringMatching(/^\^/) as string },
      undefined,
      undefined,
    ])
  })

  it('has a built file and its types behind every subpath', () => {
    for (const { types, default: file } of subpaths)
      expect([file, types].filter((path) => !existsSync(`${root}${path}`))).toEqual([])
  })

  it.each(Object.entries(PUBLIC))('exports exactly its public names from %s', async (subpath, names) => {
    const exported = (await import(`sojourn${subpath.slice(1)}`)) as object
    expect(Object.keys(exported).toSorted()).toEqual(names)
  })

  it('can be required from CommonJS', () => {
    const require = createRequire(import.meta.url)
    const { createSessions } = require('sojourn') as typeof import('sojourn')
    expect(createSessions).toBeTypeOf('function')
  })

  it('imports nothing but itself and node, and the codec its library', () => {
    const foreign = readdirSync(`${root}dist`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.js'))
      .flatMap((file) =>
        [
          ...readFileSync(`${root}dist/${file}`, 'utf8').matchAll(/^(?:import|export)\b[^'"]*?from ['"]([^'"]+)['"]/gm),
        ].map((match) => [file, match[1]!] as const),
      )
      .filter(([, specifier]) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
    expect(foreign).toEqual([['codec.js', 'devalue']])
  })

  it('publishes the built files and no others', () => {
    const packed = JSON.parse(
      execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
        cwd: root,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ) as unknown
    const [{ files }] = (Array.isArray(packed) ? packed : Object.values(packed as object)) as [
      { files: { path: string }[] },
    ]
    const others = files
      .map(({ path }) => path)
      .filter((path) => !/^(?:dist\/.+\.(?:js|d\.ts|map)|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/.test(path))
    expect(others).toEqual([])
  })
})

/** The most bytes, gzipped, that the core with an adapter and the memory store may take. Decision 0004 says why. */
const MOST_BYTES = 28_400

describe('a bundle', () => {
  const made = async (contents: string) =>
    build({
      stdin: { contents, resolveDir: root },
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
    })

  /** The files of the package that end up in a bundle of some of its subpaths. */
  async function bundled(contents: string): Promise<string[]> {
    const result = await made(contents)
    const [output] = Object.values(result.metafile.outputs)
    return Object.entries(output!.inputs).flatMap(([file, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [file.replace(/^.*dist\//, '')] : [],
    )
  }

  it('of the core has no store but the memory store, and no adapter', async () => {
    const files = await bundled(`export { createSessions } from 'sojourn'`)
    expect(files.filter((file) => /^(?:stores\/(?!_?memory)|adapters\/|testing\/)/.test(file))).toEqual([])
    // Nor what nobody asked for.
    expect(files.filter((file) => /^(?:presets|recent|flash)\./.test(file))).toEqual([])
  })

  it('of the core, an adapter and the memory store does not grow unnoticed', async () => {
    const { outputFiles } = await made(
      `export { createSessions, memoryStore } from 'sojourn'; export { session } from 'sojourn/express'`,
    )
    const bytes = gzipSync(outputFiles[0]!.contents, { level: 9 }).length
    expect(bytes).toBeLessThanOrEqual(MOST_BYTES)
    // What has shrunk is to stay so: lower the number.
    expect(bytes).toBeGreaterThan(MOST_BYTES * 0.9)
  })

  it('of an adapter has no other adapter and no further store', async () => {
    const files = await bundled(`export { session } from 'sojourn/express'`)
    expect(files.filter((file) => /^(?:stores\/(?!_?memory)|adapters\/(?!express|_)|testing\/)/.test(file))).toEqual([])
  })

  it('of the guard against forged requests has no manager and no store', async () => {
    const files = await bundled(`export { csrf } from 'sojourn/csrf'`)
    expect(files.filter((file) => /^(?:stores|shell|testing)\/|^sessions|^adapters\/[^_]/.test(file))).toEqual([])
  })

  it('of the codec has its library, and no manager', async () => {
    const files = await bundled(`export { richCodec } from 'sojourn/codec'`)
    const others = files.filter((file) => !/^(?:codec|core\/(?:changes|data|errors))\.|devalue|^<stdin>$/.test(file))
    expect([files.some((file) => file.includes('devalue')), others]).toEqual([true, []])
  })

  it.each(Object.keys(PUBLIC).filter((subpath) => subpath !== './codec'))(
    'of %s, whole, has nothing that the codec needs',
    async (subpath) => {
      const files = await bundled(`export * from 'sojourn${subpath.slice(1)}'`)
      expect(files.filter((file) => /^codec\.|node_modules/.test(file))).toEqual([])
    },
  )

  it('of a store has no manager, no adapter and no other store', async () => {
    const files = await bundled(`export { sqliteStore } from 'sojourn/sqlite'`)
    expect(
      files.filter(
        (file) => !/^(?:stores\/(?:_?sqlite|_sql)|core\/(?:errors|store)\.)/.test(file) && file !== '<stdin>',
      ),
    ).toEqual([])
  })
})
