/**
 * The defence against forged requests: a page elsewhere that submits a form to us, with our visitor's cookie.
 *
 * Browsers tell where a request comes from (`Sec-Fetch-Site`, or `Origin` in older ones): what another site sent is
 * refused. Forms of somebody who is signed in carry a token besides, which only pages of that very session contain.
 * The sign-in form needs none, so that nothing is stored for a visitor who only looks at it.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Gives the guard. `open` lists the paths that need no token: those of forms shown before anybody is signed in. */
export function csrf({ open = [] } = {}) {
  return (req, res, next) => {
    if (SAFE_METHODS.has(req.method)) return next()
    if (!isOurs(req)) return next(refusal('This form was sent from another site.'))
    if (req.session.user && !open.includes(req.path) && !carriesToken(req)) {
      return next(refusal('This form is out of date. Please go back, reload the page and try again.'))
    }
    return next()
  }
}

/** Gives the token for the forms of this session. It changes whenever the session's own token does. */
export function csrfToken(session) {
  return createHmac('sha256', session.binding).update('form token').digest('base64url')
}

function isOurs(req) {
  const site = req.get('Sec-Fetch-Site')
  if (site) return site === 'same-origin' || site === 'none'
  const origin = req.get('Origin')
  return !origin || (URL.canParse(origin) && new URL(origin).host === req.host)
}

function carriesToken(req) {
  const expected = Buffer.from(csrfToken(req.session))
  const given = Buffer.from(String(req.body?.csrf))
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function refusal(message) {
  return Object.assign(new Error(message), { status: 403, expose: true })
}
