/** What parallel requests of one browser do to each other through the drop-in, over its own store. */
import { describe, expect, it } from 'vitest'
import { Gate } from '../support/gate.ts'
import { SECRET } from './_application.ts'
import { hold } from './_faults.ts'
import { type AnyRequest, type AnySession, DROP_IN, EXPRESS_SESSION } from './_libraries.ts'
import { applications, both, changing, describeRaces, set, standing } from './_races.ts'

describeRaces()

const signedIn = applications()

/** What the drop-in does otherwise on purpose, and does like this when it is told to. */
describe.each([
  ['express-session', EXPRESS_SESSION, {}],
  ['the drop-in with strictCompat', DROP_IN, { strictCompat: true }],
] as const)('%s', (_, library, options) => {
  it('loses one of two changes of one session', async () => {
    const application = await signedIn(options, library)
    await both(application, set('a', 1), set('b', 2))
    expect(await application.stored()).not.toHaveProperty('a')
    expect(await application.stored()).toMatchObject({ b: 2 })
  })

  it.each<[name: string, end: (request: AnyRequest) => unknown]>([
    ['destroy', ({ session }) => new Promise((resolve) => void session.destroy(resolve))],
    ['regenerate', ({ session }) => new Promise((resolve) => void session.regenerate(resolve))],
    ['unset', (request) => (request.session = null as never)],
  ])('brings back a session that was ended by %s', async (_, end) => {
    const application = await signedIn({ ...options, unset: 'destroy' }, library)
    const gate = new Gate()
    const { id, cookie } = application
    const slow = application.ask(standing(gate, set('changed')), { cookie: cookie! })
    await gate.reached
    await application.ask(changing(end))
    expect(await application.stored(id)).toBeUndefined()
    gate.open()
    await slow
    expect(await application.stored(id)).toMatchObject({ user: 'ada', changed: true })
  })

  it('touches while a write is under way', async () => {
    const application = await signedIn(options, library)
    const write = hold(application.store, 'set')
    const slow = application.ask(changing(set('a', 1)))
    await write.reached
    await application.ask(changing(() => undefined))
    expect(application.takeCalls()).toContain(`touch ${application.id}`)
    write.open()
    await slow
  })

  it.each([
    ['destroy', 'destroy'],
    ['save', 'set'],
    ['regenerate', 'destroy'],
  ] as const)('lets a response overtake a %s that its handler began', async (method, asked) => {
    const application = await signedIn(options, library)
    const held = hold(application.store, asked)
    const heard = new Gate()
    const answer = application.ask((request, response) => {
      void request.session[method](() => heard.open())
      response.end('done')
    })
    await held.reached
    expect((await answer).body).toBe('done')
    held.open()
    await heard.pass()
  })
})

/** What the pages on the drop-in say of sessions that come back all the same. */
describe('a destroyed session comes back', () => {
  it('when the end by sessionStore.destroy() falls between the look and the write of a save', async () => {
    const application = await signedIn()
    const write = hold(application.store, 'set')
    const slow = application.ask(changing(set('changed')))
    await write.reached
    await application.ask(
      changing(({ sessionStore, sessionID }) => new Promise((resolve) => sessionStore.destroy(sessionID, resolve))),
    )
    expect(await application.stored()).toBeUndefined()
    write.open()
    await slow
    expect(await application.stored()).toMatchObject({ changed: true })
  })

  it.each([
    ['express-session', EXPRESS_SESSION],
    ['the drop-in', DROP_IN],
  ] as const)('when one that store.load() gave saves after it (%s)', async (_, library) => {
    const application = await signedIn({}, library)
    const loaded = await new Promise<AnySession>((resolve) =>
      application.store.load(application.id, (_, session) => resolve(session!)),
    )
    await application.ask(changing(({ session }) => new Promise((resolve) => void session.destroy(resolve))))
    expect(await application.stored()).toBeUndefined()
    await new Promise((resolve) => void loaded.save(resolve))
    expect(await application.stored()).toMatchObject({ user: 'ada' })
  })
})

describe('two middlewares over one store', () => {
  it('know of each other what they end', async () => {
    const application = await signedIn()
    const same = DROP_IN({ secret: SECRET, store: application.store, resave: false, saveUninitialized: false })
    const gate = new Gate()
    const slow = application.ask(standing(gate, set('changed')))
    await gate.reached
    const request = { headers: { cookie: application.cookie }, url: '/' } as unknown as AnyRequest
    await new Promise((resolve) => same(request, {} as never, resolve))
    await request.session.destroy()
    gate.open()
    await slow
    expect(await application.stored()).toBeUndefined()
  })
})
