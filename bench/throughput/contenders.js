/**
 * Who takes part. To add one, add a row; what it needs and is not there leaves it out, with a line that says so.
 *
 * | field | |
 * |---|---|
 * | `name` | what it is called on the command line and in tables |
 * | `role` | `bare` and `floor` are what others are measured against, `ours`, `peer` |
 * | `framework`, `store` | what it runs on: contenders are compared with those of the same framework and store |
 * | `needs` | the packages that must be installed, or subpaths of `sojourn` that must be built |
 * | `app` | gives, once its packages are loaded, a listener for `http.createServer` |
 *
 * @module
 */
import { expressApp } from './express-app.js'
import { floor } from './floor.js'
import { userData } from './data.js'

export const contenders = [
  {
    name: 'bare',
    role: 'bare',
    framework: 'express',
    store: 'none',
    needs: ['express'],
    app: () => expressApp(bare()),
  },
  {
    name: 'floor',
    role: 'floor',
    framework: 'express',
    store: 'memory',
    needs: ['express'],
    app: () => expressApp(floor(new Map())),
  },
  {
    name: 'sojourn',
    role: 'ours',
    framework: 'express',
    store: 'memory',
    needs: ['express', 'sojourn', 'sojourn/express'],
    async app() {
      const { createSessions, memoryStore } = await import('sojourn')
      return expressApp(await sojourn(createSessions({ store: memoryStore() })))
    },
  },
  {
    name: 'express-session',
    role: 'peer',
    framework: 'express',
    store: 'memory',
    needs: ['express', 'express-session'],
    app: async () => expressApp(await expressSession({})),
  },
]

/** No session: what the others' handlers would find in one is always there. */
function bare() {
  const data = userData('u0000000')
  return { data: () => data, signIn: (req, res, fresh, done) => done() }
}

/** As its readme tells: assign, and that is all. */
async function sojourn(sessions) {
  const { session } = await import('sojourn/express')
  return {
    middleware: session(sessions),
    data: (req) => req.session,
    signIn(req, res, data, done) {
      Object.assign(req.session, data)
      done()
    },
  }
}

/** As its readme tells: no resave, nothing uninitialized, and a new id at the sign-in. */
async function expressSession(options) {
  const { default: session } = await import('express-session')
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
