/** What is known to go wrong with express-session, and does not go wrong here. */
import { execFileSync, spawnSync } from 'node:child_process'
import { afterEach, describe, expect, it } from 'vitest'
import { Application, type Parts, SECRET } from './_application.ts'
import { BROKEN, nextCall } from './_faults.ts'
import { type AnyRequest, DROP_IN, EXPRESS_SESSION, type Handle, type Library } from './_libraries.ts'

const applications: Application[] = []
afterEach(async () => {
  for (const each of applications.splice(0)) await each.close()
})

async function application(parts: Parts, library: Library = DROP_IN): Promise<Application> {
  const made = await Application.of(library, parts)
  applications.push(made)
  return made
}

const login: Handle = (request, response) => {
  request.session['user'] = 'ada'
  response.end('welcome')
}
const https = { headers: ['X-Forwarded-Proto: https'] }

describe('with the drop-in', () => {
  it.each([
    ['http', {}, ['Path=/; HttpOnly; SameSite=Lax']],
    ['https', https, ['Path=/; HttpOnly; Secure; SameSite=None']],
  ])('auto works in options that a function gives, over %s', async (_, ask, attributes) => {
    const options = { proxy: true, cookie: () => ({ secure: 'auto', sameSite: 'auto' }) }
    const { setCookies } = await (await application({ options })).ask(login, ask)
    expect(setCookies.map((line) => line.replace(/^[^;]*; /, ''))).toEqual(attributes)
    expect((await (await application({ options }, EXPRESS_SESSION)).ask(login)).setCookies).toEqual([])
  })

  it('a function that gives no options gives none', async () => {
    const made = await application({ options: { cookie: () => undefined } })
    expect((await made.ask(login)).setCookies).toMatchObject([expect.stringMatching(/; Path=\/; HttpOnly$/)])
  })

  it.each([
    ['express-session', EXPRESS_SESSION, 'B'.repeat(32)],
    ['the drop-in', DROP_IN, 'A'.repeat(32)],
  ] as const)('middlewares that share a store keep their own ids and cookies (%s)', async (_, library, id) => {
    const made = await application({ options: { genid: () => 'A'.repeat(32) } }, library)
    library({ secret: SECRET, store: made.store, resave: false, saveUninitialized: false, genid: () => 'B'.repeat(32) })
    await made.ask(login)
    expect(made.id).toBe(id)
  })

  it.each([
    ['express-session', EXPRESS_SESSION, false],
    ['the drop-in', DROP_IN, true],
  ] as const)('a failed load destroys nothing (%s)', async (_, library, isThere) => {
    const made = await application({ options: { unset: 'destroy' } }, library)
    await made.ask(login)
    nextCall(made.store, 'get', (_, done) => void setImmediate(done, BROKEN))
    expect((await made.ask(login)).status).toBe(500)
    expect((await made.stored()) !== undefined).toBe(isThere)
  })

  it('each method gives a promise', async () => {
    const made = await application({})
    await made.ask(async (request, response) => {
      const { session } = request
      session['user'] = 'ada'
      await session.save()
      session['user'] = 'eve'
      await session.reload()
      expect(request.session['user']).toBe('ada')
      const before = request.sessionID
      await request.session.regenerate()
      expect(request.sessionID).not.toBe(before)
      await request.session.destroy()
      expect(request.session).toBeUndefined()
      response.end('ok')
    })
    expect(made.errors).toEqual([])
    expect(made.store.sessions).toEqual({})
  })

  it('a promise that fails and that nobody waits for harms nobody', async () => {
    const made = await application({})
    await made.ask(login)
    const unhandled: unknown[] = []
    const listener = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', listener)
    nextCall(made.store, 'destroy', (_, done) => done(BROKEN))
    await made.ask((request, response) => {
      void request.session.destroy(() => response.end('bye'))
    })
    nextCall(made.store, 'get', (_, done) => done(BROKEN))
    await made.ask((request: AnyRequest, response) => response.end(typeof request.session))
    await new Promise(setImmediate)
    process.off('unhandledRejection', listener)
    expect(unhandled).toEqual([])
  })

  it('what a callback throws is thrown, and no promise swallows it', () => {
    const program = `
      const session = require('sojourn/express-session')
      const request = { headers: {}, url: '/', socket: {} }
      session({ secret: 'a', resave: false, saveUninitialized: false })(request, {}, () => {
        request.session.save(() => { throw new Error('thrown by the callback') })
      })
      process.on('uncaughtException', (error, origin) => console.log(origin, error.message))`
    const said = execFileSync(process.execPath, ['-e', program], { encoding: 'utf8', stdio: 'pipe' })
    expect(said).toBe('uncaughtException thrown by the callback\n')
  })

  it('DEBUG=express-session prints nothing', () => {
    const program = `
      const session = require('sojourn/express-session')
      session({ secret: 'a', resave: false, saveUninitialized: false })({ headers: {}, url: '/' }, {}, () => undefined)`
    const env = { ...process.env, DEBUG: 'express-session' }
    expect(spawnSync(process.execPath, ['--no-warnings', '-e', program], { env, encoding: 'utf8' }).stderr).toBe('')
  })
})
