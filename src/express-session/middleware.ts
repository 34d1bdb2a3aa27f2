/**
 * The middleware: who gets a session, and who goes on without.
 *
 * @module
 */
import type { Middleware } from '../adapters/_middleware.ts'
import { KEEPER } from '../adapters/_methods.ts'
import { GuardedStore } from './guarded-store.ts'
import { type SessionOptions, settingsOf } from './options.ts'
import { matchesPath } from './request.ts'
import { beginSession, type VisitedRequest } from './own-session.ts'
import { Visit } from './visit.ts'

/** @throws TypeError for options that cannot be; ConfigError for a `storeTimeout` that cannot be */
export function session(options?: SessionOptions): Middleware {
  const settings = settingsOf(options)
  const { store, strict } = settings
  const guarded = new GuardedStore(store, settings.maxMs, !strict)
  // Middlewares may share a store: a request's own one gives it its sessions.
  store.generate = (request) => {
    const visit = (request as VisitedRequest)[KEEPER]
    if (visit instanceof Visit) visit.generate()
    else beginSession(request as VisitedRequest, settings)
  }
  let isConnected = true
  store.on('disconnect', () => (isConnected = false))
  store.on('connect', () => (isConnected = true))

  return function session(given, response, next) {
    const request = given as VisitedRequest
    // One session a request: a second middleware, of whatever library, leaves it as it is.
    if (request.session || request[KEEPER] || !isConnected) return next()
    if (!matchesPath(request, settings.cookieOptions(request).path || '/', strict)) return next()
    const secrets = settings.secrets ?? (request.secret ? [request.secret] : undefined)
    if (!secrets) return next(new Error('secret option required for sessions'))
    new Visit(settings, guarded, request, response, next, secrets).open()
  }
}
