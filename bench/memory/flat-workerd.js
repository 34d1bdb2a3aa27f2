/**
 * A store in workerd, Cloudflare's runtime, through miniflare: each call is a request to `flat-worker.js`.
 *
 * @module
 */
import { join } from 'node:path'

const WORKER = join(import.meta.dirname, 'flat-worker.js')

/** Gives the calls of the store of that name, whose data lie in a folder. */
export async function inWorkerd(name, folder) {
  const [{ build }, { Miniflare }] = await Promise.all([import('esbuild'), import('miniflare')])
  const bundle = await build({ entryPoints: [WORKER], bundle: true, write: false, format: 'esm', external: ['node:*'] })
  const miniflare = new Miniflare({
    modules: true,
    script: bundle.outputFiles[0].text,
    compatibilityDate: '2026-04-01',
    compatibilityFlags: ['nodejs_compat'],
    durableObjects: { OBJECTS: { className: 'SojournObject', useSQLite: true } },
    d1Databases: ['DB'],
    kvNamespaces: ['KV'],
    defaultPersistRoot: folder,
  })
  const ask = async (...words) => {
    const answer = await miniflare.dispatchFetch(`https://example.org/${[name, ...words].join('/')}`)
    if (!answer.ok) throw new Error(await answer.text())
    return answer.json()
  }
  const names = await ask('open')
  const calls = names.map((call) => [call, (...numbers) => ask(call, ...numbers)])
  return { ...Object.fromEntries(calls), close: () => miniflare.dispose() }
}
