/** What parallel requests of one browser do to each other through the drop-in, every order made by gates. */
import { afterEach, describe, expect, it } from 'vitest'
import { Gate } from '../support/gate.ts'
import { Application, SECRET } from './_application.ts'
import { hold } from './_faults.ts'
import { type AnyRequest, DROP_IN, EXPRESS_SESSION, type Handle, type Library } from './_libraries.ts'

const applications: Application[] = []
afterEach(async () => {
  for (const each of applications.splice(0)) await each.close()
})

async function signedIn(options: object = {}, library: Library = DROP_IN): Promise<Application> {
  const application = await Application.of(library, { options })
  applications.push(application)
  await application.ask((request, response) => {
    Object.assign(request.session, { user: 'ada', list: [1], nested: { a: 1, b: 1 } })
    response.end()
  })
  application.takeCalls()
  return application
}

/** A request that stands in its handler until the gate opens. */
function standing(gate: Gate, change: (request: AnyRequest) => unknown = () => undefined): Handle {
  return async (request, response) => {
    await gate.pass()
    await change(request)
    response.end('done')
  }
}

/** A request only reads; and while it does, another one notes that something was paid for. */
async function payWhileReading(application: Application): Promise<void> {
  const gate = new Gate()
  const reading = application.ask(standing(gate))
  await gate.reached
  await application.ask(changing(set('paid')))
  gate.open()
  await reading
}

const set =
  (key: string, value: unknown = true) =>
  (request: AnyRequest): void => {
    request.session[key] = value
  }
const changing =
  (change: (request: AnyRequest) => unknown): Handle =>
  async (request, response) => {
    await change(request)
    response.end('done')
  }

const ENDINGS: readonly (readonly [name: string, end: (request: AnyRequest) => unknown])[] = [
  ['destroy()', (request) => request.session.destroy()],
  ['destroy(callback)', (request) => new Promise((resolve) => void request.session.destroy(resolve))],
  ['regenerate()', (request) => request.session.regenerate()],
  ['unset', (request) => (request.session = null as never)],
  [
    "the store's own destroy()",
    (request) => new Promise((resolve) => request.sessionStore.destroy(request.sessionID, resolve)),
  ],
]

const SLOW: readonly (readonly [name: string, change: ((request: AnyRequest) => unknown) | undefined])[] = [
  ['only reads', undefined],
  ['changes', set('changed')],
  ['saves by itself', (request) => (set('changed')(request), request.session.save())],
  ['changes its cookie', (request) => (request.session.cookie.maxAge = 1000)],
]

describe.each([false, true])('a session ended while another request is at it, with resave %s', (resave) => {
  describe.each(ENDINGS)('by %s', (name, end) => {
    it.each(SLOW)('stays ended, when that one %s', async (_, change) => {
      const application = await signedIn({ resave, unset: 'destroy' })
      const gate = new Gate()
      const { id, cookie } = application
      const slow = application.ask(standing(gate, change), { cookie: cookie! })
      await gate.reached
      await application.ask(changing(end))
      expect(await application.stored(id), name).toBeUndefined()
      gate.open()
      expect(await slow).toMatchObject({ status: 200, body: 'done' })
      expect(await application.stored(id)).toBeUndefined()
    })
  })

  it('stays ended, when the write of the other is under way', async () => {
    const application = await signedIn({ resave })
    const { id } = application
    const write = hold(application.store, 'set')
    const slow = application.ask(changing(set('changed')))
    await write.reached
    const logout = application.ask(changing((request) => request.session.destroy()))
    write.open()
    await Promise.all([slow, logout])
    expect(await application.stored(id)).toBeUndefined()
  })

  it('stays ended, when the other comes to write while the end is under way', async () => {
    const application = await signedIn({ resave })
    const { id } = application
    const gate = new Gate()
    const slow = application.ask(standing(gate, set('changed')))
    await gate.reached
    const end = hold(application.store, 'destroy')
    const logout = application.ask(changing((request) => request.session.destroy()))
    await end.reached
    gate.open()
    await Promise.resolve()
    end.open()
    await Promise.all([slow, logout])
    expect(await application.stored(id)).toBeUndefined()
  })
})

describe('a session whose end failed', () => {
  it('goes on', async () => {
    const application = await signedIn()
    const gate = new Gate()
    const slow = application.ask(standing(gate, set('changed')))
    await gate.reached
    const own = application.store.destroy.bind(application.store)
    application.store.destroy = (_, done) => done?.(new Error('no'))
    await application.ask(changing((request) => request.session.destroy().catch(() => undefined)))
    application.store.destroy = own
    gate.open()
    await slow
    expect(await application.stored()).toMatchObject({ user: 'ada', changed: true })
  })
})

describe('a session that is begun anew under the same id', () => {
  it('can be written', async () => {
    const application = await signedIn({ genid: () => 'A'.repeat(32) })
    await application.ask(
      changing(async (request) => {
        await request.session.regenerate()
        request.session['again'] = true
      }),
    )
    expect(await application.stored()).toMatchObject({ again: true })
    expect(await application.stored()).not.toHaveProperty('user')
  })
})

describe('two requests that change one session at once', () => {
  async function both(
    application: Application,
    first: (request: AnyRequest) => unknown,
    second: (request: AnyRequest) => unknown,
  ): Promise<void> {
    const gates = [new Gate(), new Gate()] as const
    const asked = [first, second].map((change, at) => application.ask(standing(gates[at]!, change)))
    await Promise.all(gates.map(({ reached }) => reached))
    for (const [at, gate] of gates.entries()) {
      gate.open()
      await asked[at]
    }
  }

  it.each([false, true])('both keep their keys, with resave %s', async (resave) => {
    const application = await signedIn({ resave })
    await both(application, set('a', 1), set('b', 2))
    expect(await application.stored()).toMatchObject({ user: 'ada', a: 1, b: 2 })
  })

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

  it('both keep what they changed inside one object, and what they deleted', async () => {
    const application = await signedIn()
    await both(
      application,
      ({ session }) => ((session['nested'] as { a: number }).a = 2),
      ({ session }) => (((session['nested'] as { c: number }).c = 3), delete session['list']),
    )
    expect(await application.stored()).toMatchObject({ nested: { a: 2, b: 1, c: 3 } })
    expect(await application.stored()).not.toHaveProperty('list')
  })

  it('give the later one its way where both changed the same', async () => {
    const application = await signedIn()
    await both(application, set('n', 1), set('n', 2))
    expect(await application.stored()).toMatchObject({ n: 2 })
  })

  it('leave alone what only one changed, though the other saves on its own, twice', async () => {
    const application = await signedIn()
    await both(application, set('a', 1), async (request) => {
      request.session['b'] = 1
      await request.session.save()
      request.session['b'] = 2
    })
    expect(await application.stored()).toMatchObject({ a: 1, b: 2 })
  })

  it('do not undo a change by only reading, with resave', async () => {
    const application = await signedIn({ resave: true })
    await payWhileReading(application)
    expect(await application.stored()).toMatchObject({ paid: true })
  })

  it('do not undo a change by a touch that writes the whole session', async () => {
    const application = await signedIn()
    application.store.touch = (id, session, done) => application.store.set(id, session, done)
    await payWhileReading(application)
    expect(await application.stored()).toMatchObject({ paid: true })
  })

  it('do not wait for each other to read', async () => {
    const application = await signedIn()
    const write = hold(application.store, 'set')
    const slow = application.ask(changing(set('a', 1)))
    await write.reached
    expect((await application.ask(changing(() => undefined))).status).toBe(200)
    write.open()
    await slow
  })
})

describe('two middlewares over one store', () => {
  it('give each request its own ids and cookies', async () => {
    const application = await Application.of(DROP_IN, { options: { cookie: { path: '/' } } })
    applications.push(application)
    const other = DROP_IN({
      secret: SECRET,
      store: application.store,
      resave: false,
      saveUninitialized: false,
      genid: () => 'B'.repeat(32),
      name: 'other',
    })
    await application.ask(changing(set('a', 1)))
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
