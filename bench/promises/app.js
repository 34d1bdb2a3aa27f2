/**
 * The application that the scripts visit, the same for every library.
 *
 * @module
 */
import { once } from 'node:events'
import express from 'express'
import { Gates } from './gates.js'

/** Serves a library's application; gives its `port`, its `gates` and `close()`. */
export async function serve(library) {
  const gates = new Gates()
  const server = application(library, gates).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { ...library, gates, port: server.address().port, close: () => closed(server) }
}

function application({ middleware, signIn, destroy, increment }, gates) {
  const app = express()
  app.disable('x-powered-by')
  app.get('/public', (req, res) => res.json({}))
  app.use(middleware)

  app.get('/get', (req, res) => {
    const { cookie: _, ...data } = req.session
    res.json(data)
  })

  // Looks at the session, waits at the gate where there is one, then changes a key.
  app.get('/set', async (req, res) => {
    const { key, value = '1', gate } = req.query
    const session = req.session
    session.seen ??= true
    if (gate) await gates.wait(gate)
    session[key] = value
    res.json({ key, value })
  })

  app.get('/go', (req, res) => {
    req.session.went = req.query.value
    res.redirect('/get')
  })

  app.get('/count', async (req, res) => {
    await increment(req)
    res.json({})
  })

  app.post('/session', async (req, res) => {
    await signIn(req, { id: req.query.user })
    res.json({ ok: true })
  })

  app.post('/logout', async (req, res) => {
    await destroy(req)
    res.json({ ok: true })
  })

  // Express knows an error handler by its four parameters.
  app.use((error, req, res, _next) => {
    if (res.headersSent) return
    res.status(error.status ?? 500).json({ error: error.message })
  })
  return app
}

async function closed(server) {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}
