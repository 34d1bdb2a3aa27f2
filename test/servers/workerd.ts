/** workerd for the tests, Cloudflare's own runtime, through miniflare: one Worker with an engine of each kind. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'

export interface Workerd {
  /** Asks the Worker of test/servers/_worker.ts. */
  ask(path: string, init?: { method?: string; body?: string; headers?: Record<string, string> }): Promise<Answer>
  stop(): Promise<void>
}

type Answer = Awaited<ReturnType<Miniflare['dispatchFetch']>>

export async function startWorkerd(): Promise<Workerd> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('_worker.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    external: ['node:*'],
  })
  const folder = newFolder()
  const miniflare = new Miniflare({
    modules: true,
    script: outputFiles[0]!.text,
    compatibilityDate: '2026-04-01',
    compatibilityFlags: ['nodejs_compat'],
    durableObjects: { OBJECTS: { className: 'SojournObject', useSQLite: true } },
    d1Databases: ['DB'],
    kvNamespaces: ['KV'],
    defaultPersistRoot: folder,
  })
  return {
    ask: (path, init = {}) => miniflare.dispatchFetch(`https://example.org/${path}`, init),
    async stop() {
      await miniflare.dispose()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** In memory where the system has such a place: each object is a file, and each write is synchronised to its disk. */
function newFolder(): string {
  const folder = mkdtempSync(join(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir(), 'sojourn-workerd-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const SHARED_MEMORY = '/dev/shm'
