import express from 'express'

/** The application, which is the same at each step: it knows `req.session`, as express-session made it. */
export function createApp(session) {
  const app = express()
  app.use(express.urlencoded())
  app.use(session)

  app.get('/', (req, res) => {
    const { user, visits = 0 } = req.session
    if (!user) return res.send(page('Who are you?', LOGIN))
    req.session.visits = visits + 1
    res.send(page(`Hello ${escaped(user.name)}, visit ${visits + 1}`, LOGOUT))
  })

  app.post('/login', (req, res, next) => {
    const name = String(req.body?.name ?? '')
    if (!name) return res.redirect(303, '/')
    // What one has to write with express-session. With Sojourn `req.session.user = { name }` is enough, and this works.
    req.session.regenerate((error) => {
      if (error) return next(error)
      req.session.user = { name }
      req.session.save((error) => (error ? next(error) : res.redirect(303, '/')))
    })
  })

  app.post('/logout', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.redirect(303, '/')))
  })

  return app
}

const LOGIN =
  '<form method="post" action="/login"><label>Name <input name="name" required></label> <button>Sign in</button></form>'
const LOGOUT = '<form method="post" action="/logout"><button>Sign out</button></form>'

function page(title, body) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`
}

function escaped(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
