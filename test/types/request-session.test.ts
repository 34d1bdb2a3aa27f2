/** The types of `req.session` as programs see them: ours, those of `@types/express-session`, and both in one program. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
let folder: string

beforeAll(async () => {
  // Within the package, where `sojourn` is its own name.
  await mkdir(`${root}node_modules/.cache`, { recursive: true })
  folder = await mkdtemp(`${root}node_modules/.cache/types-`)
})
afterAll(() => rm(folder, { recursive: true }))

/** Compiles one program, declarations of libraries included; gives what the compiler says. */
async function compile(program: string): Promise<string> {
  const file = `${folder}/program.ts`
  await writeFile(file, program)
  const options = '--ignoreConfig --noEmit --strict --module nodenext --target es2022 --types node --skipLibCheck false'
  const args = [`${root}node_modules/typescript/bin/tsc`, ...options.split(' '), file]
  return promisify(execFile)(process.execPath, args, { cwd: root }).then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  )
}

const PROGRAMS: readonly (readonly [name: string, program: string])[] = [
  [
    'the native adapter',
    `import express from 'express'
     import 'sojourn'
     import { session } from 'sojourn/express'
     declare module 'sojourn' { interface SessionData { user: string } }
     express().use(session(), async (req) => {
       const user: string | undefined = req.session.user
       await req.session.update((data) => data.user === user)
       // @ts-expect-error
       req.session.nothing
       // @ts-expect-error
       req.sessionID
     })`,
  ],
  [
    'the drop-in, with its line for the data',
    `import express from 'express'
     import session, { type SessionData, MemoryStore, Store } from 'sojourn/express-session'
     declare module 'sojourn/express-session' { interface SessionData { user: string } }
     const options: session.SessionOptions = {
       secret: ['a', Buffer.from('b')],
       store: new MemoryStore(),
       genid: (req: express.Request) => req.path,
       cookie: (req: express.Request) => ({ maxAge: 1000, secure: req.secure, sameSite: 'auto' }),
     }
     class Own extends Store {
       get(id: string, found: (error: unknown, row?: SessionData | null) => void) { found(null, null) }
       set(id: string, row: SessionData, done?: (error?: unknown) => void) { done?.() }
       destroy(id: string, done?: (error?: unknown) => void) { done?.() }
     }
     const app = express().use(session(options))
     app.use(session({ secret: 'a', store: new Own(), resave: false, saveUninitialized: false, strictCompat: true }))
     app.use(async (req, res, next) => {
       const user: string | undefined = req.session.user
       req.session.cookie.maxAge = 1000
       req.session.save((error) => next(error))
       await req.session.regenerate()
       await req.session.destroy()
       req.sessionStore.clear?.()
       res.end(req.sessionID + user + session.Cookie.name)
       // @ts-expect-error
       req.session.nothing
     })`,
  ],
  [
    "the drop-in as express-session's types have it",
    `import express from 'express'
     import { RedisStore } from 'connect-redis'
     import session from 'sojourn/express-session'
     declare module 'express-session' { interface SessionData { user: string } }
     declare const store: RedisStore
     express().use(session({ secret: 'a', store }), (req, _, next) => {
       const user: string | undefined = req.session.user
       req.session.regenerate((error) => next(error ?? user))
       req.sessionStore.generate(req)
       // @ts-expect-error
       req.session.nothing
     })`,
  ],
  [
    "the native adapter beside express-session's types",
    `import express from 'express'
     import 'express-session'
     import { session } from 'sojourn/express'
     declare module 'express-session' { interface SessionData { user: string } }
     express().use(session(), (req) => {
       const user: string | undefined = req.session.user
       return req.session.touch().cookie.maxAge === 0 || user
     })`,
  ],
  [
    'the native adapter beside connect-redis and its types, without a word of express-session',
    `import express from 'express'
     import { RedisStore } from 'connect-redis'
     import { fromConnectStore } from 'sojourn/migrate'
     import { session } from 'sojourn/express'
     declare const store: RedisStore
     express().use(session({ store: fromConnectStore(store) }), (req) => req.session.id)`,
  ],
  [
    'both of ours, on the way from one to the other',
    `import express from 'express'
     import 'sojourn'
     import { session } from 'sojourn/express'
     import old from 'sojourn/express-session'
     declare module 'sojourn' { interface SessionData { now: string } }
     declare module 'sojourn/express-session' { interface SessionData { before: string } }
     express().use('/old', old({ secret: 'a' }), async (req) => {
       const before: string | undefined = req.session.before
       await req.session.save()
       return [before, req.session.cookie.maxAge, req.sessionID]
     })
     express().use('/new', session(), async (req) => {
       const now: string | undefined = req.session.now
       await req.session.save()
       return [now, req.session.isNew]
     })`,
  ],
  [
    'all three',
    `import express from 'express'
     import 'express-session'
     import { RedisStore } from 'connect-redis'
     import { session } from 'sojourn/express'
     import dropIn from 'sojourn/express-session'
     declare const store: RedisStore
     express().use(session(), dropIn({ secret: 'a', store }), (req) => req.session.cookie)`,
  ],
]

describe('the compiler', () => {
  it.each(PROGRAMS)('takes %s', async (_, program) => {
    expect(await compile(program)).toBe('')
  })

  it('would complain', async () => {
    expect(await compile(`import 'sojourn/express'; const wrong: Express.Request['session'] = 1`)).toContain('TS2322')
  })
})
