/** What parallel requests of one browser do to each other through the drop-in, every order made by gates. */
import { afterEach, describe, expect, it } from 'vitest'
import { Gate } from '../support/gate.ts'
import { Application } from './_application.ts'
import { hold } from './_faults.ts'
import { type AnyRequest, type AnyStore, DROP_IN, type Handle, type Library } from './_libraries.ts'

/** Signs browsers in, each at an application of its own, which ends with the test. */
export function applications(open?: () => AnyStore): (options?: object, library?: Library) => Promise<Application> {
  const made: Application[] = []
  afterEach(async () => {
    for (const each of made.splice(0)) {
      await each.close()
      await each.clear()
    }
  })
  return async (options = {}, library = DROP_IN) => {
    const application = await Application.of(library, { options, ...(open && { open }) })
    made.push(application)
    await application.ask((request, response) => {
      Object.assign(request.session, { user: 'ada', list: [1], nested: { a: 1, b: 1 } })
      response.end()
    })
    application.takeCalls()
    return application
  }
}

/** A request that stands in its handler until the gate opens. */
export function standing(gate: Gate, change: (request: AnyRequest) => unknown = () => undefined): Handle {
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

export const set =
  (key: string, value: unknown = true) =>
  (request: AnyRequest): void => {
    request.session[key] = value
  }
export const changing =
  (change: (request: AnyRequest) => unknown): Handle =>
  async (request, response) => {
    await change(request)
    response.end('done')
  }

type Endings = readonly (readonly [name: string, end: (request: AnyRequest) => unknown])[]

/** The ways to end a session that are the session's own. */
export const OWN_ENDINGS: Endings = [
  ['destroy()', (request) => request.session.destroy()],
  ['destroy(callback)', (request) => new Promise((resolve) => void request.session.destroy(resolve))],
  ['regenerate()', (request) => request.session.regenerate()],
  ['unset', (request) => (request.session = null as never)],
]

export const ENDINGS: Endings = [
  ...OWN_ENDINGS,
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

/** Two requests are at the session at once, and go on one after the other. */
export async function both(
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

/** Describes the races over a store; over the library's own unless another is given. */
export function describeRaces(open?: () => AnyStore, endings: Endings = ENDINGS): void {
  const signedIn = applications(open)

  describe.each([false, true])('a session ended while another request is at it, with resave %s', (resave) => {
    describe.each(endings)('by %s', (name, end) => {
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
      const written = new Gate()
      const slow = application.ask(async (request, response) => {
        await standing(gate, set('changed'))(request, response, () => undefined)
        // Its save has its place in the line, behind the end.
        written.open()
      })
      await gate.reached
      const end = hold(application.store, 'destroy')
      const logout = application.ask(changing((request) => request.session.destroy()))
      await end.reached
      gate.open()
      await written.pass()
      end.open()
      await Promise.all([slow, logout])
      expect(await application.stored(id)).toBeUndefined()
    })
  })

  describe('a session ended elsewhere while a request is at it', () => {
    it('stays ended, when that one finds it gone at a save', async () => {
      const application = await signedIn()
      const gate = new Gate()
      const slow = application.ask(standing(gate, (request) => (set('changed')(request), request.session.save())))
      await gate.reached
      await application.clear()
      gate.open()
      expect(await slow).toMatchObject({ status: 200, body: 'done' })
      expect(await application.stored()).toBeUndefined()
      expect(application.takeCalls()).not.toContain(`touch ${application.id}`)
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
    it.each([false, true])('both keep their keys, with resave %s', async (resave) => {
      const application = await signedIn({ resave })
      await both(application, set('a', 1), set('b', 2))
      expect(await application.stored()).toMatchObject({ user: 'ada', a: 1, b: 2 })
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

    it('lose one of two increments, as with express-session', async () => {
      const application = await signedIn()
      const count = ({ session }: AnyRequest): unknown => (session['n'] = Number(session['n'] ?? 0) + 1)
      await both(application, count, count)
      expect(await application.stored()).toMatchObject({ n: 1 })
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
}
