/** What browsers and applications say to each other: one script, for both libraries. */
import { createHmac, createSecretKey } from 'node:crypto'
import type { Ask, Parts } from './_application.ts'
import type { AnyStore, Handle } from './_libraries.ts'

export interface Step extends Ask {
  readonly handle: Handle
}

export interface Conversation extends Parts {
  readonly name: string
  /** Whether any two of its options meet in other conversations too. */
  readonly isOneOfMany?: boolean
  readonly steps: Readonly<Record<string, Step | Handle>>
}

const nothing: Handle = (_, response) => response.end('nothing')
const read: Handle = (request, response) => response.end(JSON.stringify(request.session ?? null))
const count: Handle = (request, response) => {
  request.session['n'] = Number(request.session['n'] ?? 0) + 1
  response.end(`n=${String(request.session['n'])}`)
}
const json: Handle = (request, response) => {
  request.session['user'] = { name: 'ada' }
  response.setHeader('Content-Type', 'application/json')
  response.setHeader('Content-Length', '2')
  response.end('{}')
}
const redirect: Handle = (request, response) => {
  request.session['seen'] = ['a', 'b']
  response.writeHead(302, { Location: '/there' })
  response.end()
}
const streamed: Handle = (request, response) => {
  request.session['first'] = true
  response.write('one ')
  response.write('two ')
  response.end('three')
}
const saved: Handle = (request, response, next) => {
  request.session['saved'] = 1
  void request.session.save((error) => (error ? next(error) : response.end('saved')))
}
const reloaded: Handle = (request, response, next) => {
  request.session['lost'] = 1
  void request.session.reload((error) =>
    error ? next(error) : response.end(`lost=${String(request.session['lost'])}`),
  )
}
const regenerated: Handle = (request, response, next) => {
  void request.session.regenerate((error) => (error ? next(error) : response.end(JSON.stringify(request.session))))
}
const signedIn: Handle = (request, response, next) => {
  void request.session.regenerate((error) => {
    if (error) return next(error)
    request.session['user'] = 'ada'
    void request.session.save((failure) => (failure ? next(failure) : response.end('signed in')))
  })
}
const destroyed: Handle = (request, response, next) => {
  void request.session.destroy((error) => (error ? next(error) : response.end(typeof request.session)))
}
const unset: Handle = (request, response) => {
  request.session = null as never
  response.end('unset')
}
const deleted: Handle = (request, response) => {
  delete (request as { session?: unknown }).session
  response.end('deleted')
}
const touched: Handle = (request, response) => {
  response.end(String(request.session.touch() === request.session))
}
const remembered: Handle = (request, response) => {
  request.session.cookie.maxAge = 1_200_000
  response.end('remembered')
}
const tooMuch: Handle = (request, response) => {
  request.session['n'] = 100
  response.end('too much')
}
const outlived: Handle = (request, response) => {
  request.session.cookie.maxAge = -60_000
  response.end('outlived')
}
const bogus: Handle = (request, response) => {
  request.session['n'] = -1
  response.setHeader('Set-Cookie', ['theme=dark', 'lang=en'])
  response.end('cookies')
}

/** A whole life: every way for a session to be changed, kept and ended. */
const LIFE: Conversation['steps'] = {
  'a first look': read,
  'a look again': nothing,
  'a first change': count,
  'a second change': count,
  'a read': read,
  'an answer of known length': json,
  'a redirect': redirect,
  'a stream': streamed,
  'an explicit save': saved,
  'a reload': reloaded,
  'a touch': touched,
  'cookies of its own': bogus,
  'a longer life': remembered,
  'a change in that': count,
  'a regeneration': regenerated,
  'a read of the new one': read,
  'a sign-in': signedIn,
  'a read when signed in': read,
  'an unset': unset,
  'a read after the unset': read,
  'a deletion': deleted,
  'a read after the deletion': read,
  'a change after the deletion': count,
  'a destruction': destroyed,
  'a read after the destruction': read,
  'a head': { handle: count, method: 'HEAD' },
  'a post': { handle: count, method: 'POST', body: 'x=1' },
}

/** Every combination of what decides whether to store, to touch and to send. */
const COMBINATIONS: readonly Conversation[] = [false, true].flatMap((resave) =>
  [false, true].flatMap((saveUninitialized) =>
    [false, true].flatMap((rolling) =>
      (['keep', 'destroy'] as const).flatMap((unset) =>
        [undefined, 600_000].map((maxAge) => ({
          name: `resave ${String(resave)}, saveUninitialized ${String(saveUninitialized)}, rolling ${String(rolling)}, unset ${unset}, maxAge ${String(maxAge)}`,
          // Any two options meet in all their values in the eight others.
          isOneOfMany:
            rolling !== (resave !== saveUninitialized) || (unset === 'keep') !== (resave !== (maxAge === undefined)),
          options: { resave, saveUninitialized, rolling, unset, cookie: { maxAge } },
          steps: LIFE,
        })),
      ),
    ),
  ),
)

const forwarded = (proto: string): string[] => [`X-Forwarded-Proto: ${proto}`]
const ROUND: Conversation['steps'] = { 'a first change': count, 'a second change': count, 'a read': read }

const ID = 'C'.repeat(32)
const SECRETS = { new: 'the new secret', old: 'the old secret', other: "another's secret" }

/** The `Cookie` header of a browser that has the session of this id, signed by this secret. */
const signed = (secret: string): string => {
  const mac = createHmac('sha256', secret).update(ID).digest('base64').replace('=', '')
  return `connect.sid=${encodeURIComponent(`s:${ID}.${mac}`)}`
}
const signer: Handle = (request, response) => {
  const found = Object.entries(SECRETS).find(([, secret]) => signed(secret) === request.headers.cookie)
  response.end(`signed by ${found?.[0] ?? 'none'}`)
}
const signedBy = (secret: string): Step => ({ handle: count, cookie: signed(secret) })

/** One thing otherwise than usual. */
const SINGLE: readonly Conversation[] = [
  { name: 'the defaults', options: { resave: undefined, saveUninitialized: undefined }, steps: LIFE },
  { name: 'a name', options: { name: 'sid.x' }, steps: ROUND },
  { name: 'a name under its old key', options: { key: 'old' }, steps: ROUND },
  { name: 'an id of its own', options: { genid: () => 'A'.repeat(32) }, steps: ROUND },
  ...[undefined, null, 7, {}].map((id) => ({
    name: `an id that is none: ${JSON.stringify(id)}`,
    options: { genid: () => id, saveUninitialized: true },
    steps: ROUND,
  })),
  {
    name: 'every attribute',
    options: {
      cookie: {
        maxAge: 500_000,
        domain: 'example.org',
        httpOnly: false,
        path: '/a',
        sameSite: 'strict',
        partitioned: true,
        priority: 'high',
        signed: true,
      },
    },
    steps: Object.fromEntries(
      Object.entries(ROUND).map(([name, handle]) => [name, { handle: handle as Handle, path: '/a/b?c' }]),
    ),
  },
  ...([true, false, 'lax', 'none'] as const).map((sameSite) => ({
    name: `sameSite ${String(sameSite)}`,
    options: { cookie: { sameSite } },
    steps: ROUND,
  })),
  { name: 'an expiry', options: { cookie: { expires: new Date(4_000_000_000_000) }, rolling: true }, steps: ROUND },
  {
    name: 'a cookie that cannot be written',
    options: { cookie: { domain: 'no domain' } },
    steps: { 'a change': count, 'a redirect': redirect, 'a read': read },
  },
  { name: 'no path', options: { cookie: { path: undefined } }, steps: ROUND },
  {
    name: 'options that a function gives',
    options: { cookie: (request: { url: string }) => ({ maxAge: request.url.length * 600_000, path: '/' }) },
    steps: ROUND,
  },
  {
    name: 'a path that others begin with',
    options: { cookie: { path: '/admin' } },
    steps: {
      'at it': { handle: count, path: '/admin' },
      'under it': { handle: count, path: '/admin/users' },
      'beside it': { handle: read, path: '/administrator' },
      'above it': { handle: read, path: '/' },
      'an address in full': { handle: read, path: 'http://localhost/admin' },
    },
  },
  {
    name: 'a mount, at which the url is cut',
    at: '/admin',
    options: { cookie: { path: '/admin' } },
    steps: {
      'at it': { handle: count, path: '/admin' },
      'under it': { handle: count, path: '/admin/users' },
      'beside it': { handle: (request, response) => response.end(typeof request.session), path: '/users' },
    },
  },
  ...[undefined, true, false].flatMap((proxy) =>
    [true, 'auto' as const].map((secure) => ({
      name: `proxy ${String(proxy)}, secure ${String(secure)}`,
      options: { proxy, cookie: { secure, sameSite: secure === 'auto' ? secure : undefined } },
      trustProxy: true,
      steps: {
        'over http': count,
        'over https': { handle: count, headers: forwarded('https') },
        'by two proxies': { handle: count, headers: forwarded('HTTPS , http') },
        'by two others': { handle: count, headers: forwarded('http, https') },
      },
    })),
  ),
  {
    name: 'cookies that are none of ours',
    steps: {
      ...ROUND,
      unsigned: { handle: read, cookie: 'connect.sid=abc' },
      'wrongly signed': { handle: read, cookie: `connect.sid=s%3Aabc.${'A'.repeat(43)}` },
      'without a signature': { handle: read, cookie: 'connect.sid=s%3Aabc' },
      empty: { handle: read, cookie: 'connect.sid=' },
      'badly encoded': { handle: read, cookie: 'connect.sid=s%3Aabc%ZZ' },
      oversized: { handle: read, cookie: `connect.sid=s%3A${'x'.repeat(8000)}` },
      'in quotes': { handle: read, cookie: 'connect.sid="s%3Aabc.def"' },
    },
  },
  {
    name: 'a secret on the request',
    options: { secret: undefined },
    before: [(request, _, next) => (Object.assign(request, { secret: 'from cookie-parser' }), next())],
    steps: ROUND,
  },
  {
    name: 'a new secret before the old one',
    options: { secret: [SECRETS.new, SECRETS.old], genid: () => ID, rolling: true },
    steps: {
      'a first change': count,
      'signed by the old one': signedBy(SECRETS.old),
      'the next cookie': signer,
      'signed by the new one': signedBy(SECRETS.new),
      'signed by another': { handle: read, cookie: signed(SECRETS.other) },
    },
  },
  ...[Buffer.from(SECRETS.new), createSecretKey(SECRETS.new, 'utf8')].map((secret) => ({
    name: `a secret that is a ${secret.constructor.name}`,
    options: { secret, genid: () => ID, rolling: true },
    steps: {
      'a first change': count,
      'its cookie': signer,
      'signed by the same as a text': signedBy(SECRETS.new),
      'signed by another': { handle: read, cookie: signed(SECRETS.other) },
    },
  })),
  { name: 'no secret', options: { secret: undefined }, steps: { 'any request': read } },
  {
    name: 'cookies that cookie-parser has read',
    before: [
      (request, _, next) => {
        const { cookie } = request.headers
        delete request.headers.cookie
        const value = cookie && decodeURIComponent(cookie.split('=')[1]!)
        Object.assign(request, { cookies: { 'connect.sid': value } })
        next()
      },
    ],
    steps: ROUND,
  },
  {
    name: 'a signed cookie that cookie-parser has read',
    before: [
      (request, _, next) => {
        delete request.headers.cookie
        Object.assign(request, { signedCookies: { 'connect.sid': 'B'.repeat(32) } })
        next()
      },
    ],
    steps: ROUND,
  },
  {
    name: 'a session whose time is up',
    steps: {
      'a first change': count,
      'a touch too late': outlived,
      'a read after that': read,
      'a second change': count,
      'a save too late': (request, response) => {
        request.session['n'] = -1
        outlived(request, response, () => undefined)
      },
      'a read at the end': read,
      'a change of the next one': count,
    },
  },
  awayAndBack(),
  {
    name: 'a store without touch',
    options: { rolling: true, cookie: { maxAge: 600_000 } },
    store: (store) => Object.assign(store, { touch: undefined }),
    steps: ROUND,
  },
  ...(['get', 'touch', 'destroy'] as const).map((method) => ({
    name: `a store that fails at ${method}`,
    steps: {
      'a first change': count,
      'it fails': ((request, response) => {
        request.sessionStore[method] = (_: string, ...rest: unknown[]) => {
          const done = rest.at(-1) as (error: Error) => void
          setImmediate(done, new Error(`${method} failed`))
        }
        response.end('broken')
      }) satisfies Handle,
      'a read': read,
      'a destruction': destroyed,
    },
  })),
  {
    name: 'a store that fails at set',
    open: ({ MemoryStore }) => {
      const store = new MemoryStore()
      const set = store.set.bind(store)
      store.set = (id, session: { n?: number }, done) => {
        if (session.n === 100) setImmediate(done!, new Error('set failed'))
        else set(id, session, done)
      }
      return store
    },
    steps: {
      'a first change': count,
      'a failed save': tooMuch,
      'a read': read,
      'a failed save before a redirect': (request, response) => {
        request.session['n'] = 100
        response.writeHead(302, { Location: '/there' })
        response.end()
      },
      'a save whose failure the handler answers': (request, response) => {
        request.session['n'] = 100
        void request.session.save((error) => response.end((error as Error).message))
      },
      'a second change': count,
      'a failed save of a new session': { handle: tooMuch, cookie: null },
    },
  },
  {
    name: 'a store that calls back at once',
    open: ({ MemoryStore }) => {
      const rows = new Map<string, string>()
      return Object.assign(new MemoryStore(), {
        get: (id: string, found: (error: null, row?: unknown) => void) =>
          found(null, rows.has(id) ? JSON.parse(rows.get(id)!) : null),
        set: (id: string, session: object, done?: () => void) => (rows.set(id, JSON.stringify(session)), done?.()),
        touch: (_: string, __: object, done?: () => void) => done?.(),
        destroy: (id: string, done?: () => void) => (rows.delete(id), done?.()),
      })
    },
    steps: LIFE,
  },
  {
    name: 'a store of files, where none is an error',
    store: (store) => {
      const get = store.get.bind(store)
      store.get = (id, found) =>
        get(id, (error, row) =>
          row ? found(error, row) : found(Object.assign(new Error('no such file'), { code: 'ENOENT' })),
        )
    },
    steps: { ...ROUND, 'a destruction': destroyed, 'a look': read, another: count },
  },
  {
    name: 'a body in every form',
    steps: Object.fromEntries(
      Object.entries<Handle>({
        'nothing at all': (request, response) => (mark(request), response.end()),
        null: (request, response) => (mark(request), response.end(null)),
        'a text with its encoding': (request, response) => (mark(request), response.end('caf\u00e9', 'latin1')),
        'bytes of known length': (request, response) => {
          mark(request)
          response.setHeader('Content-Length', 3)
          response.end(Buffer.from('abc'))
        },
        'a length of none': (request, response) => {
          mark(request)
          response.setHeader('Content-Length', 0)
          response.end()
        },
        'a head in full': (request, response) => {
          mark(request)
          response.writeHead(201, 'Made', { 'Content-Type': 'text/plain', 'Set-Cookie': 'a=1' })
          response.end('made')
        },
        'no content': (request, response) => {
          mark(request)
          response.statusCode = 204
          response.end()
        },
        'an end that comes later': (request, response) => {
          mark(request)
          response.write('a')
          setImmediate(() => response.end('b'))
        },
      }),
    ),
  },
]

export const CONVERSATIONS: readonly Conversation[] = [...COMBINATIONS, ...SINGLE]

/** While its store says that it is away, requests go without a session. */
function awayAndBack(): Conversation {
  let store: AnyStore
  const goes: Handle = (request, response) => {
    store = request.sessionStore
    store.emit('disconnect')
    response.end('gone')
  }
  const comes: Handle = (request, response) => {
    store.emit('connect')
    response.end(typeof request.session)
  }
  const without: Handle = (request, response) => response.end(typeof request.session)
  return {
    name: 'a store that goes away and comes back',
    steps: { before: count, 'it goes': goes, without, 'it comes': comes, after: count, 'a read': read },
  }
}

function mark(request: { session: { [key: string]: unknown } }): void {
  request.session['mark'] = Number(request.session['mark'] ?? 0) + 1
}
