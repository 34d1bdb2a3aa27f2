/**
 * The libraries whose promises are tried. To add one, add a row.
 *
 * `open()` gives what the application needs (`middleware`, `signIn`, `destroy`, `increment`) and the `engine`, the
 * store that it keeps its sessions in: `delayMs` before each write is done, `fails` for writes that fail, the `calls`
 * made, `dump()`, all that a thief of the store would have, and `close()`. `secretOf(cookie)` is what of a cookie's
 * value has to be secret. All is done as the library's own documentation shows it, without more.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import { callbackify } from 'node:util'
import { redisClient } from '../engines/clients.js'
import { neededFor } from '../engines/index.js'

export const libraries = [
  { name: 'sojourn', ...on('memory', 'sojourn', 'sojourn/express'), open: () => openSojourn(ownMemory) },
  {
    name: 'sojourn/express-session',
    ...on('memory', 'sojourn/express-session'),
    open: () => openExpressSession('sojourn/express-session', itsMemory),
  },
  {
    name: 'express-session',
    ...on('memory', 'express-session'),
    open: () => openExpressSession('express-session', itsMemory),
  },
  {
    name: 'sojourn, redisStore',
    ...on('redis', 'sojourn', 'sojourn/express', 'sojourn/redis', 'redis6'),
    open: () => openSojourn(ownRedis),
  },
  {
    name: 'sojourn/express-session, connect-redis',
    ...on('redis', 'sojourn/express-session', 'connect-redis', 'redis6'),
    open: () => openExpressSession('sojourn/express-session', connectRedis),
  },
  {
    name: 'express-session, connect-redis',
    ...on('redis', 'express-session', 'connect-redis', 'redis6'),
    open: () => openExpressSession('express-session', connectRedis),
  },
]

function on(engine, ...needs) {
  const needed = neededFor(engine)
  return { engine, needs: ['express', ...needs, ...needed.needs], programs: needed.programs }
}

async function openSojourn(openStore) {
  const { createSessions } = await import('sojourn')
  const { session } = await import('sojourn/express')
  const { store: inner, ...kept } = await openStore()
  const engine = newEngine(kept)
  const store = { ...inner }
  for (const method of ['load', 'create', 'save', 'touch', 'remove', 'removeAll', 'revokedAt']) {
    const writes = ['create', 'save', 'touch', 'remove', 'removeAll'].includes(method)
    store[method] = async (...args) => {
      await called(engine, method, writes)
      return inner[method](...args)
    }
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

/** express-session, or what stands in for it. */
async function openExpressSession(library, openStore) {
  const { default: session } = await import(library)
  const { store, ...kept } = await openStore(session)
  const engine = newEngine(kept)
  for (const method of ['get', 'set', 'touch', 'destroy']) {
    const inner = store[method].bind(store)
    store[method] = (...args) => {
      const callback = args.pop()
      callbackify(called)(engine, method, method !== 'get', (error) =>
        error ? callback(error) : inner(...args, callback),
      )
    }
  }
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

async function ownMemory() {
  const { memoryStore } = await import('sojourn')
  const store = memoryStore()
  const dump = async () => {
    const all = []
    for await (const entry of store.scan({ now: Date.now() })) all.push(entry)
    return JSON.stringify(all)
  }
  return { store, dump, close: async () => {} }
}

/** The library's own MemoryStore. */
async function itsMemory({ MemoryStore }) {
  const store = new MemoryStore()
  return { store, dump: async () => JSON.stringify(store.sessions), close: async () => {} }
}

async function ownRedis() {
  const { redisStore } = await import('sojourn/redis')
  const { client, prefix, ...kept } = await openRedis()
  return { store: redisStore({ client, prefix }), ...kept }
}

async function connectRedis() {
  const { RedisStore } = await import('connect-redis')
  const { client, prefix, ...kept } = await openRedis()
  return { store: new RedisStore({ client, prefix }), ...kept }
}

/** A place of one script's own in the run's Redis. */
async function openRedis() {
  const client = await redisClient()
  const prefix = `${randomUUID()}:`
  const reads = { string: ['GET'], hash: ['HGETALL'], zset: ['ZRANGE', '0', '-1'] }
  const dump = async () => {
    const all = []
    for (const key of await client.keys(`${prefix}*`)) {
      const [command, ...args] = reads[await client.type(key)]
      all.push(key, await client.sendCommand([command, key, ...args]))
    }
    return JSON.stringify(all)
  }
  return { client, prefix, dump, close: () => client.close() }
}

function newEngine({ dump, close }) {
  return { delayMs: 0, fails: false, calls: [], dump, close }
}

async function called(engine, method, writes) {
  engine.calls.push(method)
  if (writes && engine.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, engine.delayMs))
  if (writes && engine.fails) throw new Error('The store is down, for this script')
}
