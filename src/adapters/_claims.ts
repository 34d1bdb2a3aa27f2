/**
 * Claims: one application, one manager for each cookie. Two on one cookie would take each other's out of the browser.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { ConfigError } from '../core/errors.ts'

/** What of a manager is claimed. */
interface Claimant {
  /** The cookie's name, domain and path. */
  readonly cookieScope: string
}

interface App {
  /** The application that this one is mounted in. */
  readonly parent?: App
}

const claims = new WeakMap<object, Map<string, object>>()

/**
 * Claims a manager's cookie in the application of a request; where no framework tells of one, nothing is claimed.
 * What a middleware is mounted in cannot be known before its first request.
 *
 * @returns the application, so that the next request need not ask again
 * @throws ConfigError when another manager of the same application has it
 */
export function claimCookie(request: IncomingMessage, manager: Claimant): object | undefined {
  const { app } = request as { app?: App }
  if (!app) return undefined
  const root = rootOf(app)
  const claimed = claims.get(root) ?? new Map<string, object>()
  claims.set(root, claimed)
  const holder = claimed.get(manager.cookieScope) ?? manager
  claimed.set(manager.cookieScope, holder)
  if (holder !== manager) throw sharedCookie()
  return app
}

// --- internal ---

function rootOf(app: App): App {
  return app.parent ? rootOf(app.parent) : app
}

function sharedCookie(): ConfigError {
  return new ConfigError(
    'Two session managers of one application use the same cookie, and each would sign the users of the other out; make one manager and give it to both, or give one of them another cookie.name',
  )
}
