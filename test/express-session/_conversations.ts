/** What browsers and applications say to each other: one script, for both libraries. */
import type { Ask, Parts } from './_application.ts'
import type { Handle } from './_libraries.ts'

export interface Step extends Ask {
  readonly handle: Handle
}

export interface Conversation extends Parts {
  readonly name: string
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
  request.session.cookie.maxAge = 120_000
  response.end('remembered')
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
        [undefined, 60_000].map((maxAge) => ({
          name: `resave ${String(resave)}, saveUninitialized ${String(saveUninitialized)}, rolling ${String(rolling)}, unset ${unset}, maxAge ${String(maxAge)}`,
          options: { resave, saveUninitialized, rolling, unset, cookie: { maxAge } },
          steps: LIFE,
        })),
      ),
    ),
  ),
)

export const CONVERSATIONS: readonly Conversation[] = [
  ...COMBINATIONS,
  { name: 'the defaults', options: { resave: undefined, saveUninitialized: undefined }, steps: LIFE },
]
