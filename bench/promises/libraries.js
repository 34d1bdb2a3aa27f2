/**
 * The libraries whose promises are tried. To add one, add a row.
 *
 * `open()` gives what the application needs (`middleware`, `signIn`, `destroy`, `increment`) and the `engine`, the
 * store that it keeps its sessions in: `delayMs` before each write is done, `fails` for writes that fail, the `calls`
 * made, and `dump()`, all that a thief of the store would have. `secretOf(cookie)` is what of a cookie's value has to
 * be secret. All is done as the library's own documentation shows it, without more.
 *
 * @module
 */
import { callbackify } from 'node:util'

export const libraries = [
  { name: 'sojourn', role: 'ours', needs: ['express', 'sojourn', 'sojourn/express'], open: openSojourn },
  {
    name: 'sojourn/express-session',
    role: 'drop-in',
    needs: ['express', 'sojourn/express-session'],
    open: () => openExpressSession('sojourn/express-session'),
  },
  {
    name: 'express-session',
    role: 'peer',
    needs: ['express', 'express-session'],
    open: () => openExpressSession('express-session'),
  },
]

async function openSojourn() {
  const { createSessions, memoryStore } = await import('sojourn')
  const { session } = await import('sojourn/express')
  const engine = newEngine()
  const inner = memoryStore()
  const store = { ...inner }
  for (const method of ['load', 'create', 'save', 'touch', 'remove', 'removeAll', 'revokedAt']) {
    const writes = ['create', 'save', 'touch', 'remove', 'removeAll'].includes(method)
    store[method] = async (...args) => {
      await called(engine, method, writes)
      return inner[method](...args)
    }
  }
  engine.dump = async () => {
    const all = []
    for await (const entry of inner.scan({ now: Date.now() })) all.push(entry)
    return JSON.stringify(all)
  }
  return {
    engine,
    middleware: session(createSessions({ store })),
    signIn: async (req, user) => void (req.session.user = user),
    destroy: (req) => req.session.destroy(),
    increment: (req) => req.session.update((data) => (data.views = (data.views ?? 0) + 1)),
    secretOf: (cookie) => cookie.split('.')[1],
  }
}

/** express-session, or what stands in for it: each over its own MemoryStore. */
async function openExpressSession(library) {
  const { default: session } = await import(library)
  const engine = newEngine()
  const store = new session.MemoryStore()
  for (const method of ['get', 'set', 'touch', 'destroy']) {
    const inner = store[method].bind(store)
    store[method] = (...args) => {
      const callback = args.pop()
      callbackify(called)(engine, method, method !== 'get', (error) =>
        error ? callback(error) : inner(...args, callback),
      )
    }
  }
  engine.dump = async () => JSON.stringify(store.sessions)
  return {
    engine,
    middleware: session({ store, secret: 'a secret of the bench', resave: false, saveUninitialized: false }),
    signIn: async (req, user) => void (req.session.user = user),
    destroy: (req) =>
      new Promise((resolve, reject) => req.session.destroy((error) => (error ? reject(error) : resolve()))),
    increment: async (req) => (req.session.views = (req.session.views ?? 0) + 1),
    secretOf: (cookie) => /s(?::|%3A)([^.]+)/.exec(cookie)[1],
  }
}

function newEngine() {
  return { delayMs: 0, fails: false, calls: [], dump: undefined }
}

async function called(engine, method, writes) {
  engine.calls.push(method)
  if (writes && engine.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, engine.delayMs))
  if (writes && engine.fails) throw new Error('The store is down, for this script')
}
