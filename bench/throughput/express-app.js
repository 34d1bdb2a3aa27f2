/**
 * The application that every contender on Express serves: the same routes and the same answers, so that what differs
 * is the session alone.
 *
 * @module
 */
import express from 'express'
import { userData } from './data.js'

/**
 * @param library how a contender does it: `middleware` (none for bare Express), `data(req)`, `signIn(req, res, data,
 *   done)`, and `save(req)` where a change does not store itself
 */
export function expressApp({ middleware, data, signIn, save }) {
  const app = express()
  app.disable('x-powered-by')
  if (middleware) app.use(middleware)

  app.get('/public', (req, res) => {
    res.json({ user: 'nobody', views: 0 })
  })

  app.get('/read', (req, res) => {
    const { user, views = 0 } = data(req)
    res.json({ user: user?.id ?? 'nobody', views })
  })

  app.get('/write', (req, res) => {
    const session = data(req)
    session.views = (session.views ?? 0) + 1
    save?.(req)
    res.json({ user: session.user?.id ?? 'nobody', views: session.views })
  })

  app.post('/session', (req, res, next) => {
    const fresh = userData(req.query.user, Number(req.query.bytes ?? 0))
    signIn(req, res, fresh, (error) => (error ? next(error) : res.json({ user: fresh.user.id, views: 0 })))
  })

  return app
}
