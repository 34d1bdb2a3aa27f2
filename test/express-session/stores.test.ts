/**
 * Third-party stores under both libraries: who is signed in under the one is signed in under the other, and the same
 * conversations go the same way.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Gate } from '../support/gate.ts'
import type { Answer } from '../support/wire.ts'
import { Application } from './_application.ts'
import { CONVERSATIONS } from './_conversations.ts'
import { differences } from './_difference.ts'
import { unintended } from './_intended.ts'
import { type AnyRequest, DROP_IN, EXPRESS_SESSION, type Handle, type Library } from './_libraries.ts'
import { set, standing } from './_races.ts'
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
/** Its time was up a minute ago, which a touch tells the store: no test has to wait for that. */
const outlive: Handle = ({ session }, response) => {
  session.cookie.maxAge = -60_000
  response.end('outlived')
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

  it.each([
    ['express-session', EXPRESS_SESSION],
    ['the drop-in', DROP_IN],
  ])("a session whose time is up is nobody's with %s", async (_, library) => {
    const application = await on(library)
    await application.ask(signIn)
    expect((await application.ask(read)).body).toBe('["ada",null]')
    expect((await application.ask(outlive)).body).toBe('outlived')
    expect((await application.ask(read)).body).toBe('[null,null]')
    expect(application.errors).toEqual([])
  })

  it.each(OF_ANY_STORE.map((conversation) => [conversation.name, conversation] as const))('%s', async (_, each) => {
    // The hour is right, for stores that have a clock of their own, and stands still for both libraries.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    onTestFinished(() => void vi.useRealTimers())
    const found = await differences({ ...each, open: () => viewOf(opened.store) })
    expect(unintended(found, false)).toEqual([])
  })

  // The last: after it the store is of no use to others.
  it('an answer is given to every request when the store fails, and nothing is left unhandled', async () => {
    const unhandled: unknown[] = []
    const hear = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', hear)
    onTestFinished(() => void process.off('unhandledRejection', hear))
    const application = await on(DROP_IN)
    await application.ask(signIn)
    const changes = [() => undefined, set('changed'), ({ session }: AnyRequest) => session.destroy()]
    const gates = changes.map(() => new Gate())
    const asked = gates.map((gate, at) => application.ask(standing(gate, changes[at])))
    await Promise.all(gates.map(({ reached }) => reached))
    await opened.fail()
    const answers: Answer[] = []
    for (const [at, gate] of gates.entries()) {
      gate.open()
      answers.push(await asked[at]!)
    }
    answers.push(await application.ask(read), await application.ask(count, { cookie: null }))
    await turn()
    // A touch that fails is told behind the response.
    expect(answers.map(({ status }) => status)).toEqual([200, 500, 500, 500, 500])
    expect(application.errors).toHaveLength(answers.length)
    expect(unhandled).toEqual([])
  })
})
