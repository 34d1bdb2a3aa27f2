/**
 * The stores whose memory is measured. To add one, add a row.
 *
 * | field | |
 * |---|---|
 * | `name`, `role` | as in the table of contenders |
 * | `needs` | what must be installed |
 * | `open` | given how long sessions live (ms), gives `write(number)`, `entries()` and perhaps `sweep()`, for a store that gives nothing back by itself |
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { dataOf, userOf } from './sessions.js'

export const stores = [
  { name: 'a bare Map of strings', role: 'floor', needs: [], open: bareMap },
  { name: 'memoryStore', role: 'ours', needs: ['sojourn'], open: memoryStoreAlone },
  { name: 'memoryStore behind createSessions', role: 'ours', needs: ['sojourn'], open: memoryStoreManaged },
  { name: 'express-session MemoryStore', role: 'peer', needs: ['express-session'], open: expressSessionStore },
]

function bareMap() {
  const map = new Map()
  return {
    write: (number) => void map.set(drawId(), JSON.stringify(dataOf(number))),
    entries: () => map.size,
    sweep: () => map.clear(),
  }
}

/** Records as the manager writes them: its own, with other texts of the same lengths. */
async function memoryStoreAlone(livesMs) {
  const { memoryStore } = await import('sojourn')
  const store = memoryStore()
  const line = await metadataLine(livesMs)
  return {
    write(number) {
      const now = Date.now()
      const [version, , , ...times] = line
      const body = `${[version, randomBytes(32).toString('base64url'), randomBytes(6).toString('base64url'), ...times].join(' ')}\n${JSON.stringify(dataOf(number))}`
      const session = { version: 1, expiresAt: now + livesMs, principal: userOf(number), body }
      store.create(randomBytes(16).toString('base64url'), session, { now })
    },
    entries: () => store.size.entries,
  }
}

/** The fields of the first line of a body, as a manager writes it at a sign-in. */
async function metadataLine(livesMs) {
  const { createSessions, memoryStore } = await import('sojourn')
  const store = memoryStore()
  const sessions = createSessions({ store, ...limits(livesMs) })
  await signIn(sessions, 0)
  for await (const [, { body }] of store.scan({ now: Date.now() })) return body.slice(0, body.indexOf('\n')).split(' ')
}

async function memoryStoreManaged(livesMs) {
  const { createSessions, memoryStore } = await import('sojourn')
  const store = memoryStore()
  const sessions = createSessions({ store, ...limits(livesMs) })
  return { write: (number) => signIn(sessions, number), entries: () => store.size.entries }
}

async function signIn(sessions, number) {
  const session = await sessions.open({ cookie: null, secure: true })
  Object.assign(session, dataOf(number))
  await sessions.commit(session)
}

function limits(livesMs) {
  return { idleTimeout: livesMs / 1000, lifetime: livesMs / 1000 }
}

/** What its middleware gives it: the data and the cookie. It drops what has expired only when it is asked for all. */
async function expressSessionStore(livesMs) {
  const { default: session } = await import('express-session')
  const store = new session.MemoryStore()
  return {
    write(number) {
      const expires = new Date(Date.now() + livesMs)
      store.set(drawId(), {
        cookie: { originalMaxAge: livesMs, expires, httpOnly: true, path: '/' },
        ...dataOf(number),
      })
    },
    entries: () => Object.keys(store.sessions).length,
    sweep: () => new Promise((resolve) => store.length(resolve)),
  }
}

function drawId() {
  return randomBytes(24).toString('base64url')
}
