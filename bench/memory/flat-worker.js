/**
 * The Worker in which Cloudflare's stores run: a request is one call, `/d1/load/17`.
 *
 * @module
 */
import { d1Store, durableObjectStore, SojournObject, workersKvStore } from 'sojourn/cloudflare'
import { contract } from './flat-contract.js'

export { SojournObject }

const STORES = {
  d1: ({ DB }) => d1Store({ database: DB }),
  objects: ({ OBJECTS }) => durableObjectStore({ namespace: OBJECTS }),
  kv: ({ KV }) => workersKvStore({ namespace: KV }),
}

// oxlint-disable-next-line import/no-default-export -- what a Worker is
export default {
  async fetch(request, env) {
    const [, name, call, ...numbers] = new URL(request.url).pathname.split('/')
    const store = STORES[name](env)
    if (call === 'open') await store.migrate?.()
    const calls = contract(store)
    const answer = call === 'open' ? Object.keys(calls) : await calls[call](...numbers.map(Number))
    return Response.json(answer ?? null)
  },
}
