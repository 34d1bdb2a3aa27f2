/**
 * How each library is put to use, whatever keeps its sessions.
 *
 * @module
 */
import { neededFor } from '../../engines/index.js'
import { userData } from '../data.js'

/** The fields of a contender on Express: what it runs on and what it needs. */
export function express(store, ...needs) {
  const engine = neededFor(store)
  return { framework: 'express', store, needs: ['express', ...needs, ...engine.needs], programs: engine.programs }
}

/** No session: what the others' handlers would find in one is always there. */
export function bare() {
  const data = userData('u0000000')
  return { data: () => data, signIn: (req, res, fresh, done) => done() }
}

/** As its readme tells: assign, and that is all. */
export async function sojourn(store) {
  const { session } = await import('sojourn/express')
  return {
    middleware: session({ store }),
    data: (req) => req.session,
    signIn(req, res, data, done) {
      Object.assign(req.session, data)
      done()
    },
  }
}

/** As its readme tells: no resave, nothing uninitialized, and a new id at the sign-in. */
export async function expressSession(options, library = 'express-session') {
  const { default: session } = await import(library)
  return {
    middleware: session({
      secret: 'a secret of the bench',
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 86_400_000 },
      ...options,
    }),
    data: (req) => req.session,
    signIn(req, res, data, done) {
      req.session.regenerate((error) => {
        if (error) return done(error)
        Object.assign(req.session, data)
        req.session.save(done)
      })
    },
  }
}

/** The class of a store for express-session, from a package that makes it for whichever is given. */
export async function storeClass(imported) {
  const [{ default: make }, { default: session }] = await Promise.all([imported, import('express-session')])
  return make(session)
}
