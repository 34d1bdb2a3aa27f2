/** Third-party stores under both libraries: who is signed in under the one is signed in under the other. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Application } from './_application.ts'
import { DROP_IN, EXPRESS_SESSION, type Handle, type Library } from './_libraries.ts'
import { type Opened, STORES } from './_stores.ts'

const signIn: Handle = (request, response, next) =>
  request.session.regenerate((error) => {
    if (error) return next(error)
    request.session['user'] = 'ada'
    void request.session.save((failure) => (failure ? next(failure) : response.end('signed in')))
  })
const read: Handle = ({ session }, response) => response.end(JSON.stringify([session['user'], session['n']]))
const count: Handle = ({ session }, response) => {
  session['n'] = Number(session['n'] ?? 0) + 1
  response.end('counted')
}
const reload: Handle = ({ session }, response, next) => {
  session['user'] = 'eve'
  void session.reload((error) => (error ? next(error) : response.end('reloaded')))
}
const destroy: Handle = ({ session }, response, next) =>
  session.destroy((error) => (error ? next(error) : response.end('bye')))

describe.each(Object.entries(STORES))('%s', (_, open) => {
  let opened: Opened
  const applications: Application[] = []
  beforeAll(async () => void (opened = await open()), 60_000)
  afterAll(() => opened.close() as Promise<void>)
  afterEach(async () => void (await Promise.all(applications.splice(0).map((each) => each.close()))))

  const on = async (library: Library, jar = new Map<string, string>()): Promise<Application> => {
    const options = { store: opened.store, rolling: true, cookie: { maxAge: 600_000 } }
    const application = await Application.of(library, { options })
    for (const [name, value] of jar) application.jar.set(name, value)
    applications.push(application)
    return application
  }

  it.each([
    ['from express-session to the drop-in and back', EXPRESS_SESSION, DROP_IN],
    ['from the drop-in to express-session and back', DROP_IN, EXPRESS_SESSION],
  ])('a browser stays signed in %s, until it signs out', async (_, first, second) => {
    const before = await on(first)
    expect((await before.ask(signIn)).body).toBe('signed in')
    const between = await on(second, before.jar)
    expect((await between.ask(read)).body).toBe('["ada",null]')
    expect((await between.ask(count)).setCookies).toHaveLength(1)
    expect((await between.ask(reload)).body).toBe('reloaded')
    const after = await on(first, between.jar)
    expect((await after.ask(read)).body).toBe('["ada",1]')
    expect((await after.ask(destroy)).body).toBe('bye')
    expect((await between.ask(read)).body).toBe('[null,null]')
    expect([before, between, after].flatMap(({ errors }) => errors)).toEqual([])
  })
})
