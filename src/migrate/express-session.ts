/**
 * The sessions of express-session, taken over when their browsers come.
 *
 * @module
 */
import { KeyObject } from 'node:crypto'
import { formatClearing, isCookieDomain, isCookieName, isCookiePath, parseCookies } from '../core/cookie.ts'
import { ConfigError } from '../core/errors.ts'
import type { Claim, Predecessor } from '../core/predecessor.ts'
import type { Secret } from '../express-session/signature.ts'
import { absentIfNoFile, answered } from '../stores/_connect-calls.ts'
import type { ConnectStore } from '../stores/connect.ts'
import { readSigned } from './_signed.ts'

/** How express-session was configured. */
export interface FromExpressSession {
  /** Its secret, or several: each of them is tried. */
  secret: Secret | readonly Secret[]
  /** Its store. */
  store: Pick<ConnectStore, 'get' | 'destroy'>
  /** Its cookie's name. Default `connect.sid`. */
  name?: string
  /** The scope of its cookie, by which it is taken away. Default path `/` and no domain. */
  cookie?: { path?: string; domain?: string }
  /** Gives a session's data from an old one's, its `cookie` left out. Synchronous. Default: as they are. */
  data?: (old: Record<string, unknown>) => object
}

/**
 * Gives what `createSessions` takes as `from`: browsers that come with express-session's cookie stay signed in.
 *
 * What the store gives is taken to be alive, whatever its `cookie.expires` says: several stores move only an expiry of
 * their own. The lifetime of a session counts from the moment when it is taken over.
 *
 * @throws ConfigError when something that express-session had is missing; the message ends with the remedy
 * @example
 * ```ts
 * const sessions = createSessions({
 *   store: redisStore({ client }),
 *   from: fromExpressSession({ secret: process.env.SECRET, store: new RedisStore({ client }) }),
 * })
 * ```
 */
export function fromExpressSession(options: FromExpressSession): Predecessor {
  const { store, name = 'connect.sid', cookie: { path = '/', domain } = {}, data = (old) => old } = options
  const secrets = [options.secret].flat() as readonly Secret[]
  checkSecrets(secrets)
  checkStore(store)
  checkCookie(name, path, domain)
  checkData(data)
  const scope = `; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}; HttpOnly`

  return {
    cookieName: name,

    read(header) {
      const claims = new Map<string, Claim>()
      let forged = 0
      for (const value of parseCookies(header, name)) {
        const read = readSigned(value, secrets)
        if (read === 'forged') forged++
        // Of cookies of one session that different secrets signed, the first.
        else if (read && !claims.has(read.id)) claims.set(read.id, read)
      }
      return { claims: [...claims.values()], forged }
    },

    async load(id) {
      const row = await answered('get', (answer) => store.get(id, answer)).catch(noRow)
      if (row === undefined || row === null || row === false) return undefined
      const old = dataOf(row)
      return old ? converted(data, old) : 'unreadable'
    },

    async remove(id) {
      await answered('destroy', (answer) => store.destroy(id, answer)).catch(absentIfNoFile)
    },

    takeAway: (secure) => formatClearing({ name, attributes: secure ? `${scope}; Secure` : scope }),
  }
}

// --- internal ---

/** What is there and is no JSON fails in the store, each time: that is a row which nobody can read, and no failure. */
function noRow(error: unknown): unknown {
  const { cause } = error as Error
  return (cause as Error | undefined)?.name === 'SyntaxError' ? '' : absentIfNoFile(error)
}

/** Gives the data of a row, an object or its JSON; undefined for what express-session did not write. */
function dataOf(row: unknown): Record<string, unknown> | undefined {
  const session = typeof row === 'string' ? parsed(row) : row
  if (!isObject(session) || !isObject(session['cookie'])) return undefined
  const entries = Object.entries(session).filter(([key]) => key !== 'cookie' && key !== '__proto__')
  return Object.fromEntries(entries)
}

function converted(
  data: (old: Record<string, unknown>) => object,
  old: Record<string, unknown>,
): object | 'unreadable' {
  try {
    const kept = data(old) as unknown
    return isObject(kept) ? kept : 'unreadable'
  } catch {
    return 'unreadable' // Some row of many years is other than the application expects: nobody's request fails for it.
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // Not ours.
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ConfigError(`fromExpressSession: ${message}`)
}

function checkSecrets(secrets: readonly unknown[]): void {
  const usable = (secret: unknown): boolean =>
    typeof secret === 'string' ? secret !== '' : isBytes(secret) || secret instanceof KeyObject
  check(
    secrets.length > 0 && secrets.every(usable),
    'secret must be what express-session signs its cookies with, or an array of that; give the same value as there',
  )
}

function isBytes(secret: unknown): boolean {
  return ArrayBuffer.isView(secret) || secret instanceof ArrayBuffer
}

function checkStore(store: unknown): void {
  const missing = (['get', 'destroy'] as const).find(
    (method) => typeof (store as Partial<ConnectStore> | undefined)?.[method] !== 'function',
  )
  check(
    missing === undefined,
    `the store has no ${missing}(); give express-session's own, as in new RedisStore({ client })`,
  )
}

function checkCookie(name: unknown, path: unknown, domain: unknown): void {
  check(isCookieName(name), 'name is no valid cookie name; give the name that express-session had')
  check(isCookiePath(path), 'cookie.path must begin with /; give the path that express-session had')
  check(
    domain === undefined || isCookieDomain(domain),
    'cookie.domain must be a host name; give the one that express-session had',
  )
}

function checkData(data: unknown): void {
  check(typeof data === 'function', 'data must be a function; give one, or leave it out')
}
