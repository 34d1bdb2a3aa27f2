/**
 * Third-party stores under both libraries: who is signed in under the one is signed in under the other, and the same
 * conversations go the same way.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Application } from './_application.ts'
import { CONVERSATIONS } from './_conversations.ts'
import { differences } from './_difference.ts'
import { unintended } from './_intended.ts'
import { DROP_IN, EXPRESS_SESSION, type Handle, type Library } from './_libraries.ts'
import { type Opened, STORES, viewOf } from './_stores.ts'

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

/** All but those that are about a store of their own; of the many alike, so many that any two options meet. */
const OF_ANY_STORE = CONVERSATIONS.filter(({ open, isOneOfMany }) => !open && !isOneOfMany)

describe.each(Object.entries(STORES))('%s', (_, open) => {
  let opened: Opened
  const applications: Application[] = []
  beforeAll(async () => void (opened = await open()), 60_000)
  afterAll(() => opened.close())
  afterEach(async () => void (await Promise.all(applications.splice(0).map((each) => each.close()))))

  const on = async (library: Library, jar = new Map<string, string>()): Promise<Application> => {
    const options = { rolling: true, cookie: { maxAge: 600_000 } }
    const application = await Application.of(library, { options, open: () => viewOf(opened.store) })
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

  it.each(OF_ANY_STORE.map((conversation) => [conversation.name, conversation] as const))('%s', async (_, each) => {
    // The hour is right, for stores that have a clock of their own, and stands still for both libraries.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    onTestFinished(() => void vi.useRealTimers())
    const found = await differences({ ...each, open: () => viewOf(opened.store) })
    expect(unintended(found, false)).toEqual([])
  })
})
