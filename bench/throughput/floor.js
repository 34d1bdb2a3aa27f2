/**
 * The floor: the least that any session library must do. A cookie scan, one lookup, one `JSON.parse`.
 *
 * It has no expiry, no protection of the id, no merge, and a response never waits: not to be used for anything else.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'

const LEAD = 'sid='

/** @param store anything with a Map's `get` and `set`, promises allowed */
export function floor(store) {
  return {
    middleware(req, res, next) {
      req.session = undefined
      const id = idOf(req)
      const found = id === undefined ? undefined : store.get(id)
      if (typeof found?.then !== 'function') return enter(req, found, next)
      found.then((text) => enter(req, text, next), next)
    },
    data: (req) => req.session ?? {},
    save: (req) => store.set(idOf(req), JSON.stringify(req.session)),
    async signIn(req, res, data, done) {
      const id = randomBytes(32).toString('base64url')
      await store.set(id, JSON.stringify(data))
      res.setHeader('Set-Cookie', `${LEAD}${id}; Path=/; HttpOnly; SameSite=Lax`)
      done()
    },
  }
}

function enter(req, text, next) {
  if (text !== undefined) req.session = JSON.parse(text)
  next()
}

function idOf(req) {
  const { cookie } = req.headers
  const at = cookie === undefined ? -1 : cookie.indexOf(LEAD)
  if (at === -1) return undefined
  const end = cookie.indexOf(';', at)
  return cookie.slice(at + LEAD.length, end === -1 ? cookie.length : end)
}
