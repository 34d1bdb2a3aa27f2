/**
 * The guard against forged requests: `app.use(csrf(sessions))`, and no page of another site can act for our visitors.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type Middleware, tell } from './adapters/_middleware.ts'
import {
  isSecure,
  requestedHost,
  type TrustFunction,
  trustFunction,
  trustOf,
  type TrustProxy,
} from './adapters/_proxy.ts'
import { isSafeMethod, judgeSource, originsOf, type Source, type Trusted } from './core/csrf.ts'
import { ConfigError, CsrfError, type CsrfReason, UsageError } from './core/errors.ts'
import { drawFormToken, fitsFormToken } from './core/form-token.ts'
import { refuseUnknown } from './core/option-checks.ts'
import type { Session, SessionData } from './core/session.ts'
import type { Manager, Sessions } from './sessions.ts'

/** What the guard can be told. */
export interface CsrfOptions {
  /** Other origins whose pages may send requests, as browsers spell them: `https://app.example`. Default none. */
  origins?: readonly string[]
  /** Whether pages of neighbouring hosts of the same site may. Default false: they may be in other hands. */
  allowSameSite?: boolean
  /**
   * What becomes of a request that neither says where it comes from nor has a form's token: `refuse` (default), or
   * `allow`, for clients that are no browsers. Every browser of the last years tells.
   */
  onUnknown?: 'refuse' | 'allow'
  /** Whether forms of somebody signed in need their token even if the browser vouches for them. Default false. */
  requireToken?: boolean
  /** The proxies to believe, where there is no Express to ask for its "trust proxy". Default false: none. */
  trustProxy?: TrustProxy
}

/**
 * Gives the guard: a middleware for Express, Connect and a bare `node:http` server, mounted after `session(sessions)`.
 *
 * A request that may change something is let through when the browser says that a page of ours sent it. Where the
 * browser says nothing, a form's token decides: {@link csrfToken}, in the header `X-CSRF-Token` or in the field `_csrf`
 * of a body that was parsed before. What is refused is a `CsrfError`, status 403, for the error handlers.
 *
 * @throws ConfigError when the options cannot work
 * @example
 * ```ts
 * app.use(session(sessions))
 * app.use(csrf(sessions))
 * ```
 */
export function csrf<T extends object = SessionData>(sessions: Sessions<T>, options: CsrfOptions = {}): Middleware {
  const manager = managerOf(sessions)
  checkOptions(options)
  const { origins = [], allowSameSite = false, onUnknown = 'refuse', requireToken = false, trustProxy } = options
  const trusted: Trusted = { origins: new Set(origins), sameSite: allowSameSite }
  const ownTrust = trustProxy === undefined ? undefined : trustFunction(trustProxy)

  const refusal = (request: Guarded): CsrfReason | undefined => {
    const verdict = judgeSource(
      sourceOf(request, () => trustOf(request, ownTrust)),
      trusted,
    )
    if (verdict !== 'ours' && verdict !== 'unknown') return verdict
    const doubted = verdict === 'unknown' && onUnknown === 'refuse'
    if (!doubted && !(requireToken && isSignedIn(request))) return undefined
    const given = givenToken(request)
    if (fitsFormToken(given, manager.formBindings(sessionOf(request)))) return undefined
    return doubted && given === undefined ? 'unknown' : 'token'
  }

  return (request, response, next) => {
    let failure: Error | undefined
    try {
      const reason = isSafeMethod(request.method) ? undefined : refusal(request)
      failure = reason && new CsrfError(reason, MESSAGES[reason])
    } catch (error) {
      failure = error as Error
    }
    if (failure) tell(failure, response, next)
    else next()
  }
}

/**
 * Gives a token for a form that is shown to this session. Another one at each call; each holds until the session's
 * own token changes, at a sign-in say.
 *
 * A session that is not stored has none that will hold; the browser's word decides for its forms.
 *
 * @example
 * ```ts
 * `<input type="hidden" name="_csrf" value="${csrfToken(req.session)}">`
 * ```
 */
export function csrfToken(session: Pick<Session, 'binding'>): string {
  return drawFormToken(session.binding, randomBytes)
}

// --- internal ---

type Guarded = IncomingMessage & { session?: unknown; body?: unknown }

const MESSAGES: Record<CsrfReason, string> = {
  'cross-site': 'A page of another site sent this request; if it is one of yours, list its origin in csrf({ origins })',
  'same-site':
    'A page of a neighbouring host sent this request; list its origin in csrf({ origins }), or trust them all with allowSameSite',
  origin:
    'The Origin header names another origin than the host that was asked for; list it in csrf({ origins }), or tell of the proxy that changes the host (Express: app.set("trust proxy", 1))',
  unknown:
    'Nothing tells where this request comes from; send the Origin header or a token of csrfToken(), or set onUnknown to "allow" where no browser calls',
  token:
    "The form's token is missing or of another session, or the session's own token has changed since; show the form again",
}

function sourceOf(request: Guarded, trust: () => TrustFunction): Source {
  return {
    fetchSite: request.headers['sec-fetch-site'],
    origin: request.headers.origin,
    own: () => originsOf(requestedHost(request, trust), isSecure(request, trust)),
  }
}

function isSignedIn(request: Guarded): boolean {
  return (sessionOf(request) as Session).authenticatedAt !== null
}

function sessionOf({ session }: Guarded): object {
  if (session) return session
  throw new UsageError(
    'ERR_SOJOURN_UNSUPPORTED',
    'csrf() found no session on the request; mount session(sessions) before it',
  )
}

/** Never from the address, which is kept in histories and logs. */
function givenToken({ headers, body }: Guarded): unknown {
  return headers['x-csrf-token'] ?? (body as { _csrf?: unknown } | undefined)?._csrf
}

const NAMES: ReadonlySet<string> = new Set<keyof CsrfOptions>([
  'origins',
  'allowSameSite',
  'onUnknown',
  'requireToken',
  'trustProxy',
])

function checkOptions(options: CsrfOptions): void {
  refuseUnknown('option of csrf()', options, NAMES)
  for (const origin of options.origins ?? []) {
    if (URL.canParse(origin) && new URL(origin).origin === origin && origin !== 'null') continue
    throw new ConfigError(`"${origin}" is no origin; give scheme, host and port alone, for example https://app.example`)
  }
  const { onUnknown } = options
  if (onUnknown !== undefined && onUnknown !== 'refuse' && onUnknown !== 'allow')
    throw new ConfigError(`onUnknown is "${String(onUnknown)}"; give "refuse" or "allow"`)
}

function managerOf<T extends object>(sessions: Sessions<T>): Manager<T> {
  if (typeof (sessions as Partial<Manager<T>> | undefined)?.formBindings === 'function') return sessions as Manager<T>
  throw new ConfigError('csrf() was given something that is no manager; give what createSessions() returned')
}
