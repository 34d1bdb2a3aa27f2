/**
 * A Worker with the Cloudflare stores. `/<store>` lists the conformance cases, `/<store>/<n>` runs one; `/<store>/call`
 * makes one call of the store, `/<store>/visit` is a visit of a site.
 */
import { createSessions } from '../../src/index.ts'
import { d1Store, durableObjectStore, SojournObject, workersKvStore } from '../../src/stores/cloudflare.ts'
import type { D1Database } from '../../src/stores/_cloudflare-d1.ts'
import type { KvNamespace } from '../../src/stores/_cloudflare-kv.ts'
import type { ObjectNamespace } from '../../src/stores/_cloudflare-objects.ts'
import type { Store } from '../../src/core/store.ts'
import { casesFor } from '../../src/testing/index.ts'

export { SojournObject }

interface Bindings {
  OBJECTS: ObjectNamespace
  DB: D1Database
  KV: KvNamespace
}

const STORES: Record<string, (env: Bindings) => Store | Promise<Store>> = {
  objects: ({ OBJECTS }) => durableObjectStore({ namespace: OBJECTS }),
  async d1({ DB }) {
    const store = d1Store({ database: DB })
    if (!migrated) await store.migrate()
    migrated = true
    return store
  },
  kv: ({ KV }) => workersKvStore({ namespace: KV }),
}

let migrated = false

// oxlint-disable-next-line import/no-default-export -- what a Worker is
export default {
  async fetch(request: Request, env: Bindings): Promise<Response> {
    const [, name = '', at] = new URL(request.url).pathname.split('/')
    const open = (): Store | Promise<Store> => STORES[name]!(env)
    const store = await open()
    if (at === 'visit') return visit(request, store)
    if (at === 'call') return call(store, (await request.json()) as Call).catch(failed)
    const cases = casesFor(store)
    if (at === undefined) return Response.json(cases.map((storeCase) => storeCase.name))
    try {
      await cases[Number(at)]!.run({ open })
      return new Response('passed')
    } catch (error) {
      return new Response(String((error as Error).stack), { status: 500 })
    }
  },
}

interface Call {
  readonly method: keyof Store
  readonly args: unknown[]
}

/** A listing's answer is the list of what it gave; nothing is null. */
async function call(store: Store, { method, args }: Call): Promise<Response> {
  const made = (store[method] as (...args: unknown[]) => unknown).apply(store, args)
  if (method !== 'list' && method !== 'scan') return Response.json((await made) ?? null)
  const listed = []
  for await (const entry of made as AsyncIterable<unknown>) listed.push(entry)
  return Response.json(listed)
}

function failed(error: unknown): Response {
  const { code, message } = error as { code?: string; message: string }
  return Response.json({ code, message }, { status: 500 })
}

/** A visit of a site whose sessions are there: counted, and answered with its cookie. */
async function visit(request: Request, store: Store): Promise<Response> {
  const sessions = createSessions<{ visits?: number }>({ store })
  const session = await sessions.open({ cookie: request.headers.get('cookie'), secure: true })
  session.visits = (session.visits ?? 0) + 1
  const { headers } = await sessions.commit(session)
  return new Response(String(session.visits), { headers })
}
