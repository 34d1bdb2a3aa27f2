import { STATUS_CODES } from 'node:http'
import express from 'express'
import { csrf } from 'sojourn/csrf'
import { session } from 'sojourn/express'
import { errorPage, homePage, sessionsPage, signInPage, usersPage, visitsPage } from './pages.js'

/** The application. It listens nowhere yet; whoever makes it says where, and on which sessions and users. */
export function createApp({ sessions, users, trustProxy = false }) {
  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', trustProxy)

  app.use(securityHeaders)
  app.get('/style.css', (req, res) => res.sendFile('style.css', { root: import.meta.dirname, maxAge: '1h' }))

  app.use(session(sessions))
  app.use(express.urlencoded({ extended: false, limit: '4kb' }))
  app.use(csrf(sessions, { requireToken: true }))

  app.get('/', (req, res) => {
    show(res, homePage(req.session))
  })

  app.get('/session/new', notLoggedIn, (req, res) => {
    show(res, signInPage(req.session, req.query.notice))
  })

  app.post('/session', notLoggedIn, async (req, res) => {
    const user = await users.authenticate(req.body?.name, req.body?.password)
    if (!user) return res.redirect(303, '/session/new?notice=failed')

    req.session.user = user // that is all: the session is kept, its token changes, the cookie is set
    res.redirect(303, '/users') // leaves when the store has it
  })

  app.post('/logout', async (req, res) => {
    await req.session.destroy()
    res.redirect(303, '/session/new?notice=signed-out')
  })

  app.get('/users', loggedIn, async (req, res) => {
    show(res, usersPage(req.session, await users.all()))
  })

  app.get('/visits', async (req, res) => {
    // `req.session.views += 1` would do, but two tabs at once could then count as one; an update counts both.
    await req.session.update((data) => {
      data.views = (data.views ?? 0) + 1
    })
    show(res, visitsPage(req.session))
  })

  app.get('/sessions', loggedIn, async (req, res) => {
    const own = await listOwn(sessions, req.session)
    show(res, sessionsPage(req.session, own, Date.now()))
  })

  app.post('/sessions/revoke-others', loggedIn, async (req, res) => {
    await sessions.revokeAll(req.session.user.id, { except: req.session.id })
    res.redirect(303, '/sessions')
  })

  app.post('/sessions/:id/revoke', loggedIn, async (req, res) => {
    await sessions.revoke(req.params.id, { principal: req.session.user.id }) // one's own, and nobody else's
    res.redirect(303, '/sessions')
  })

  app.use((req, res) => {
    show(res.status(404), errorPage(req.session, 404, 'Page not found'))
  })

  // Express knows an error handler by its four parameters.
  app.use((error, req, res, _next) => {
    const status = error.status >= 400 && error.status < 600 ? error.status : 500
    if (status >= 500) console.error(error)
    show(res.status(status), errorPage(req.session, status, messageFor(error, status)))
  })

  return app
}

function loggedIn(req, res, next) {
  if (req.session.user) next()
  else res.redirect(303, '/session/new?notice=sign-in-first')
}

function notLoggedIn(req, res, next) {
  if (req.session.user) res.redirect(303, '/users')
  else next()
}

/** What a visitor is told of an error: most messages are for us. */
function messageFor(error, status) {
  if (error.code === 'ERR_SOJOURN_CSRF') {
    if (error.reason !== 'token') return 'This form was sent from another site.'
    return 'This form is out of date. Please go back, reload the page and try again.'
  }
  return error.expose ? error.message : STATUS_CODES[status]
}

/** Sends a page that shows something of a session: for one person only, and for now only. */
function show(res, page) {
  res.set('Cache-Control', 'no-store').type('html').send(String(page))
}

function securityHeaders(req, res, next) {
  res.set({
    'Content-Security-Policy':
      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
  })
  next()
}

/** One's own sessions, this one first; undefined on a store that cannot list, such as memcached or the cookie. */
async function listOwn(sessions, { id, user }) {
  const own = []
  try {
    for await (const info of sessions.list(user.id)) own.push(info)
  } catch (error) {
    if (error.code === 'ERR_SOJOURN_UNSUPPORTED') return undefined
    throw error
  }
  return own.sort((a, b) => Number(b.id === id) - Number(a.id === id) || b.lastSeenAt - a.lastSeenAt)
}
