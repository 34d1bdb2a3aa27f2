/** The benchmark: every store has its place in it, and every contender does what is asked of it. No figure is looked at. */
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

interface Contender {
  readonly name: string
  readonly role: string
  readonly store: string
}
interface FlatStore {
  readonly name: string
  readonly engine?: string
  open(folder: string): Promise<FlatCalls>
}
interface FlatCalls {
  write(number: number, expiresAt: number): unknown
  load(number: number): unknown
  save(number: number): unknown
  list?(number: number): unknown
  revokeAll?(number: number): unknown
  close?(): unknown
}
interface Library {
  readonly name: string
  readonly engine: string
}
interface Scenario {
  readonly name: string
  readonly method?: string
  readonly path: string
  readonly cookies: number
}
interface Engines {
  readonly env: NodeJS.ProcessEnv
  stop(): Promise<unknown>
}

const root = new URL('../../', import.meta.url)
const bench = async <M>(path: string): Promise<M> => (await import(new URL(`bench/${path}`, root).href)) as M

const { contenders } = await bench<{ contenders: Contender[] }>('throughput/contenders/index.js')
const { flatStores } = await bench<{ flatStores: FlatStore[] }>('memory/flat-stores.js')
const { libraries } = await bench<{ libraries: Library[] }>('promises/libraries.js')
const { tried } = await bench<{ tried: (script: object, library: Library) => Promise<{ kept: boolean }> }>(
  'promises/promises.js',
)
const { secretAtRest } = await bench<{ secretAtRest: object }>('promises/scripts/secret-at-rest.js')
const { available } = await bench<{ available: <C>(choice: C[]) => Promise<C[]> }>('_available.js')
const { ask, startNode, stop } = await bench<{
  ask: (child: ChildProcess) => Promise<{ port: number }>
  startNode: (core: undefined, script: string, args: string[], options: { env: NodeJS.ProcessEnv }) => ChildProcess
  stop: (child: ChildProcess) => Promise<void>
}>('_processes.js')
const { startEngines } = await bench<{ startEngines: (stores: Iterable<string>) => Promise<Engines> }>(
  'engines/index.js',
)
const { signIn, checkSample } = await bench<{
  signIn: (port: number, scenario: Scenario) => Promise<string[]>
  checkSample: (port: number, scenario: Scenario, cookies: string[], hasSessions: boolean) => Promise<void>
}>('throughput/sessions.js')

/** Who can take part here; in CI that is everybody. */
async function participants<C>(choice: C[]): Promise<C[]> {
  const present = await available(choice)
  if (process.env['CI'] === 'true') expect(present).toEqual(choice)
  return present
}

/** It is made of two others. */
const NO_STORE_OF_ITS_OWN = ['migratingStore']

it('has a place for every store', async () => {
  const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    exports: Record<string, { default: string } | string>
  }
  const built = Object.values(exports).flatMap((target) => (typeof target === 'string' ? [] : [target.default]))
  const modules = await Promise.all(built.map(async (path) => (await import(new URL(path, root).href)) as object))
  const stores = modules.flatMap((module) =>
    Object.keys(module).filter((name) => /^[a-z]\w*Store$|^sealed$/.test(name)),
  )
  const cookies = readFileSync(new URL('bench/cookies/cookies.js', root), 'utf8')
  const places = [...flatStores.map(({ name }) => name), ...(/cookieStore\(/.exec(cookies) ?? [])]

  expect(stores.length).toBeGreaterThan(10)
  const missing = stores.filter((store) => !places.some((place) => place.startsWith(store)))
  expect(missing).toEqual(NO_STORE_OF_ITS_OWN)
})

const SCENARIOS: Scenario[] = [
  { name: 'no cookie', path: '/public', cookies: 0 },
  { name: 'read', path: '/read', cookies: 3 },
  { name: 'write', path: '/write', cookies: 3 },
  { name: 'sign-in', method: 'POST', path: '/session?user=u0000000', cookies: 0 },
]

describe('available', () => {
  it('leaves out what is not here, and not what is broken', async () => {
    const needing = (need: string): { name: string; needs: string[] }[] => [{ name: 'it', needs: [need] }]
    const broken = 'data:text/javascript,throw new Error("broken")'
    expect(await available(needing('node:net'))).toHaveLength(1)
    expect(await available(needing('a-package-that-nobody-has-installed'))).toEqual([])
    await expect(available(needing(broken))).rejects.toThrow('broken')
  })
})

describe('a contender', async () => {
  const present = await participants(contenders)
  let engines: Engines
  beforeAll(async () => {
    engines = await startEngines(new Set(present.map(({ store }) => store)))
  })
  afterAll(() => engines.stop())

  it.each(present)('$name signs in, reads and writes', async ({ name, role }) => {
    const server = fileURLToPath(new URL('bench/throughput/server.js', root))
    const child = startNode(undefined, server, [name], { env: engines.env })
    try {
      const { port } = await ask(child)
      for (const scenario of SCENARIOS) {
        const cookies = await signIn(port, scenario)
        await checkSample(port, scenario, cookies, role !== 'bare')
      }
    } finally {
      await stop(child)
    }
  })
})

/** The engines of some rows, for the tests of one `describe`: whose clients are in this process find them. */
function withEngines(rows: { engine?: string }[]): void {
  let engines: Engines
  beforeAll(async () => {
    engines = await startEngines(new Set(rows.flatMap(({ engine }) => engine ?? [])))
    Object.assign(process.env, engines.env)
  })
  afterAll(() => engines.stop())
}

describe('a store whose calls are timed', async () => {
  // A variable says that the engine is the real one: what stands in for it can be called too.
  const present = await participants(flatStores.map((row) => ({ ...row, variables: [] })))
  withEngines(present)
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-bench-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each(present)('$name: what it can do is done', async ({ open }) => {
    const store = await open(folder)
    try {
      const later = Date.now() + 60_000
      for (const number of [0, 1, 2, 3]) await store.write(number, later)
      expect(await store.load(1)).toBeTruthy()
      await store.save(1)
      if (store.list) expect(await store.list(1)).toBe(4)
      await store.revokeAll?.(1)
    } finally {
      await store.close?.()
    }
  })
})

describe('a library whose promises are tried', async () => {
  const present = await participants(libraries)
  withEngines(present)

  it.each(present)('$name keeps a session, and shows what its store has of it', async (library) => {
    // The drop-in writes what express-session's stores have always been given.
    const { kept } = await tried(secretAtRest, library)
    expect(kept).toBe(/^sojourn(,|$)/.test(library.name))
  })
})
