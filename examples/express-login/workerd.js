import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Cloudflare's own runtime, on this machine: its files in `folder`, a database `DB`, a namespace `KV`, and `OBJECTS`.
 *
 * A Durable Object's class is exported by the Worker. Nobody visits this one, so the library's module is all of it.
 */
export async function openWorkerd(folder) {
  const { Miniflare } = await import('miniflare')
  const scriptPath = fileURLToPath(import.meta.resolve('sojourn/cloudflare'))
  return new Miniflare({
    modules: true,
    modulesRoot: dirname(dirname(scriptPath)),
    modulesRules: [{ type: 'ESModule', include: ['**/*.js'] }],
    scriptPath,
    compatibilityDate: '2026-04-01',
    compatibilityFlags: ['nodejs_compat'],
    d1Databases: ['DB'],
    kvNamespaces: ['KV'],
    durableObjects: { OBJECTS: { className: 'SojournObject', useSQLite: true } },
    defaultPersistRoot: folder,
  })
}
