/** What parallel requests of one browser do to each other through the drop-in, over its own store. */
import { describe, expect, it } from 'vitest'
import { Gate } from '../support/gate.ts'
import { SECRET } from './_application.ts'
import { type AnyRequest, DROP_IN, EXPRESS_SESSION } from './_libraries.ts'
import { applications, both, changing, describeRaces, set, standing } from './_races.ts'

describeRaces()

const signedIn = applications()

describe('two requests that change one session at once', () => {
  it('lose one with express-session', async () => {
    const application = await signedIn({}, EXPRESS_SESSION)
    await both(application, set('a', 1), set('b', 2))
    expect(await application.stored()).not.toHaveProperty('a')
  })

  it('lose one with strictCompat, as with express-session', async () => {
    const application = await signedIn({ strictCompat: true })
    await both(application, set('a', 1), set('b', 2))
    expect(await application.stored()).not.toHaveProperty('a')
  })
})

describe('two middlewares over one store', () => {
  it('give each request its own ids and cookies', async () => {
    const application = await signedIn()
    const other = DROP_IN({
      secret: SECRET,
      store: application.store,
      resave: false,
      saveUninitialized: false,
      genid: () => 'B'.repeat(32),
      name: 'other',
    })
    await application.ask(changing(set('a', 1)), { cookie: null })
    expect(application.id).not.toBe('B'.repeat(32))
    expect(other).toBeTypeOf('function')
  })

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
