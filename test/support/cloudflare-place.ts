/** Places on Cloudflare for the promises: one workerd for the test file, in which the store itself runs. */
import type { Store, StoreCall } from '../../src/core/store.ts'
import { startWorkerd, type Workerd } from '../servers/workerd.ts'
import type { OpenStore } from './stores.ts'

type Kind = 'objects' | 'd1' | 'kv'

/** What each kind can do beside the five verbs. */
const FURTHER = {
  objects: ['removeAll', 'revokedAt', 'list'],
  d1: ['removeAll', 'revokedAt', 'prune', 'list', 'scan'],
  kv: [],
} as const

export function openCloudflarePlace(kind: Kind): () => Promise<OpenStore> {
  return async () => {
    server ??= startWorkerd()
    return { store: storeIn(await server, kind), close: async () => {} }
  }
}

/** It ends with the process. */
let server: Promise<Workerd> | undefined

/** The store in the Worker, called from here: each call is a request to it. */
function storeIn(worker: Workerd, kind: Kind): Store {
  const ask = async (method: string, args: readonly unknown[]): Promise<unknown> => {
    const body = JSON.stringify({ method, args: args.map(withoutSignal) })
    const answer = await worker.ask(`${kind}/call`, { method: 'POST', body })
    if (!answer.ok) throw new Error(await answer.text())
    return (await answer.json()) ?? undefined
  }
  const store: Record<string, unknown> = {}
  for (const method of ['load', 'create', 'save', 'touch', 'remove', ...FURTHER[kind]]) {
    store[method] =
      method === 'list' || method === 'scan'
        ? async function* (...args: unknown[]) {
            yield* (await ask(method, args)) as unknown[]
          }
        : (...args: unknown[]) => ask(method, args)
  }
  return store as unknown as Store
}

/** A signal ends with the process that has it. */
function withoutSignal(arg: unknown): unknown {
  return typeof arg === 'object' ? { ...(arg as Partial<StoreCall>), signal: undefined } : arg
}
