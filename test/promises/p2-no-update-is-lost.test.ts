/**
 * P2: parallel requests that change different keys of one session both keep their change; the later commit wins where
 * both changed one path; `update` is an atomic read-modify-write.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { StandardSchema } from '../../src/core/data.ts'
import { createSessions } from '../../src/sessions.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import type { App, Free } from '../support/adapters.ts'
import type { Browser } from '../support/client.ts'
import { Barrier, Gate } from '../support/gate.ts'
import { newUser, openWorld, promiseSuite, type World } from '../support/promises.ts'

const TRIALS = 1000
const INCREMENTS = 1000
/** How many write in parallel, in turn. */
const WRITERS = [2, 3, 2, 4, 2, 3, 2, 8]
/** So many sessions at once, so that one's pauses after a conflict are not everybody's. */
const LANES = 4
/** Much of it waits for the engine: on a busy machine that takes its time. */
const PATIENCE_MS = 300_000

/** Where writers wait before they are done: for each other, or for the test. */
const waiting: { barriers: Barrier[]; crowd?: Barrier; gate?: Gate | undefined } = { barriers: [] }

type Change = (data: Free) => void

/** Changes by name, since a handler gets no function over the wire. */
const changes = new Map<string, Change>()

const app: App = {
  routes: {
    'GET /me': ({ session }) => ({ body: { ...session } }),
    'POST /begin': ({ session, body }) => {
      Object.assign(session, body)
      return {}
    },
    /** Assigns, and lets nobody commit before everybody has assigned. */
    'POST /write': async ({ session, query }) => {
      session[query.get('key')!] = Number(query.get('value'))
      await waiting.barriers[Number(query.get('lane'))]!.pass()
      return {}
    },
    'POST /change': async ({ session, query }) => {
      changes.get(query.get('name')!)!(session)
      if (query.has('waits')) await waiting.gate!.pass()
      return { body: { left: { ...session } } }
    },
    /** Looks, and lets nobody count before everybody has looked. */
    'POST /count': async ({ session }) => {
      void session['count']
      await waiting.crowd!.pass()
      const count = await session.update((data) => (data['count'] = Number(data['count'] ?? 0) + 1))
      return { body: { count } }
    },
  },
}

/** Data that are one thing or the other, and not both. */
const schema: StandardSchema<Free> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const { one, other } = value as Free
      return one && other ? { issues: [{ message: 'one and the other' }] } : { value: value as Free }
    },
  },
}

promiseSuite('P2', (setting) => {
  let world: World
  beforeAll(async () => (world = await openWorld(setting, app, { schema })))
  afterAll(() => world.close())
  afterEach(() => {
    waiting.gate = undefined
    changes.clear()
  })

  async function begin(data: object): Promise<Browser> {
    const browser = world.here.browser()
    await browser.post('/begin', data)
    return browser
  }

  async function dataOf(browser: Browser): Promise<unknown> {
    return JSON.parse((await browser.get('/me')).body)
  }

  const trials = setting.rounds(setting.isFirstAdapter ? TRIALS : TRIALS / 5)
  it(
    `keeps all keys of up to ${Math.max(...WRITERS)} parallel writers in two processes, ${trials} times`,
    async () => {
      world.events.length = 0
      const lost = await Promise.all(Array.from({ length: LANES }, (_, lane) => tryOut(trials / LANES, lane)))
      expect(lost).toEqual(Array.from({ length: LANES }, () => 0))
      // They did race: in each trial one process at least found that the other had been faster.
      expect(world.events.filter(({ type }) => type === 'conflict').length).toBeGreaterThanOrEqual(trials)
    },
    PATIENCE_MS,
  )

  /** Lets parallel writers at one session, again and again, and counts the keys that do not have their last value. */
  async function tryOut(times: number, lane: number): Promise<number> {
    const browser = await begin({ begun: true })
    const processes = [world.here.browser(browser.cookie), world.there.browser(browser.cookie)]
    const expected: Free = { begun: true }
    let lost = 0
    for (let trial = 1; trial <= times; trial++) {
      const writers = WRITERS[trial % WRITERS.length]!
      waiting.barriers[lane] = new Barrier(writers)
      const answers = await Promise.all(
        Array.from({ length: writers }, (_, writer) => {
          expected[`key${writer}`] = trial
          return processes[writer % 2]!.post(`/write?key=key${writer}&value=${trial}&lane=${lane}`)
        }),
      )
      for (const { status } of answers) expect(status).toBe(200)
      const data = (await world.here.sessions.read(browser.token.id))?.data
      for (const key of Object.keys(expected)) if (data?.[key] !== expected[key]) lost++
    }
    return lost
  }

  const increments = setting.rounds(INCREMENTS)
  it(
    `counts to exactly ${increments} in as many parallel requests with session.update()`,
    async () => {
      const browser = await begin({ begun: true })
      const processes = [world.here.browser(browser.cookie), world.there.browser(browser.cookie)]
      waiting.crowd = new Barrier(increments)
      const answers = await Promise.all(
        Array.from({ length: increments }, (_, at) => processes[at % 2]!.post('/count')),
      )
      const counts = answers.map(({ body }) => (JSON.parse(body) as { count: number }).count)
      // Each was the one that made the counter what it told.
      expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: increments }, (_, at) => at + 1))
      expect(await dataOf(browser)).toEqual({ begun: true, count: increments })
    },
    PATIENCE_MS,
  )

  describe('brings together', () => {
    const cases: Record<string, { base: Free; first: Change; second: Change; both: Free; secondSees?: Free }> = {
      'different keys inside one object': {
        base: { cart: { apples: 1 } },
        first: (data) => (data['cart'] = { apples: 1, pears: 2 }),
        second: (data) => ((data['cart'] as Free)['plums'] = 3),
        both: { cart: { apples: 1, pears: 2, plums: 3 } },
      },
      'different keys three objects deep': {
        base: { a: { b: { c: { one: 1 } } } },
        first: (data) => ((data['a'] as { b: { c: Free } }).b.c['two'] = 2),
        second: (data) => ((data['a'] as { b: { c: Free } }).b.c['three'] = 3),
        both: { a: { b: { c: { one: 1, two: 2, three: 3 } } } },
      },
      'objects that both made': {
        base: { begun: true },
        first: (data) => (data['settings'] = { colour: 'red' }),
        second: (data) => (data['settings'] = { size: 'large' }),
        both: { begun: true, settings: { colour: 'red', size: 'large' } },
      },
      'a deletion and a change elsewhere': {
        base: { old: 1, kept: 1 },
        first: (data) => delete data['old'],
        second: (data) => (data['new'] = 2),
        both: { kept: 1, new: 2 },
      },
      'a change elsewhere and a deletion': {
        base: { old: 1, kept: 1 },
        first: (data) => (data['new'] = 2),
        second: (data) => delete data['old'],
        both: { kept: 1, new: 2 },
      },
      'deletions of different keys inside one object': {
        base: { cart: { apples: 1, pears: 2, plums: 3 } },
        first: (data) => delete (data['cart'] as Free)['apples'],
        second: (data) => delete (data['cart'] as Free)['pears'],
        both: { cart: { plums: 3 } },
      },
      'arrays, each whole': {
        base: { list: [1, 2], other: [1] },
        first: (data) => (data['list'] = [1, 2, 3]),
        second: (data) => (data['list'] as number[]).push(4),
        both: { list: [1, 2, 4], other: [1] },
      },
      'one path, where the later wins': {
        base: { colour: 'white', cart: { apples: 1 } },
        first(data) {
          data['colour'] = 'red'
          data['cart'] = { apples: 2 }
        },
        second(data) {
          data['colour'] = 'blue'
          data['cart'] = { apples: 3 }
        },
        both: { colour: 'blue', cart: { apples: 3 } },
      },
      'one path that the later deletes': {
        base: { colour: 'white', kept: 1 },
        first: (data) => (data['colour'] = 'red'),
        second: (data) => delete data['colour'],
        both: { kept: 1 },
      },
      'one path that the earlier deleted': {
        base: { colour: 'white', kept: 1 },
        first: (data) => delete data['colour'],
        second: (data) => (data['colour'] = 'red'),
        both: { colour: 'red', kept: 1 },
      },
      'a value and an object in one place': {
        base: { shape: 'round' },
        first: (data) => (data['shape'] = { corners: 4 }),
        second: (data) => (data['shape'] = 'flat'),
        both: { shape: 'flat' },
      },
      'a change and its like': {
        base: { count: 1 },
        first: (data) => (data['count'] = 2),
        second: (data) => (data['count'] = 2),
        both: { count: 2 },
      },
    }

    it.each(Object.keys(cases))('%s', async (name) => {
      const { base, first, second, both } = cases[name]!
      changes.set('first', first).set('second', second)
      for (const process of ['here', 'there'] as const) {
        const browser = await begin(base)
        waiting.gate = new Gate()
        const later = world.here.browser(browser.cookie).post('/change?name=second&waits')
        await waiting.gate.reached
        expect(await world[process].browser(browser.cookie).post('/change?name=first')).toMatchObject({ status: 200 })
        waiting.gate.open()
        expect(await later).toMatchObject({ status: 200 })
        expect(await dataOf(browser), `earlier write ${process}`).toEqual(both)
      }
    })
  })

  it('passes what it brought together through the schema again', async () => {
    changes.set('one', (data) => (data['one'] = true)).set('other', (data) => (data['other'] = true))
    const browser = world.here.browser()
    await browser.post('/begin', { begun: true })
    waiting.gate = new Gate()
    const later = world.here.browser(browser.cookie).post('/change?name=other&waits')
    await waiting.gate.reached
    await world.there.browser(browser.cookie).post('/change?name=one')
    waiting.gate.open()
    expect(await later).toMatchObject({ status: 500, body: '{"code":"ERR_SOJOURN_UNSUPPORTED"}' })
    expect(await dataOf(browser)).toEqual({ begun: true, one: true })
  })

  describe('never mixes two identities:', () => {
    const alice: Free = { user: 'alice', profile: { name: 'Alice', phone: '1' } }
    const bob: Free = { user: 'bob', profile: { name: 'Bob' } }

    it('a visitor’s change that comes after a sign-in is dropped', async () => {
      const user = newUser()
      changes.set('visitor', (data) => (data['profile'] = { name: 'Mallory' }))
      changes.set('sign-in', (data) => Object.assign(data, { user, profile: { name: 'Alice' } }))
      for (const process of ['here', 'there'] as const) {
        const planted = await begin({ cart: 1 })
        const browser = world[process].browser(planted.cookie)
        waiting.gate = new Gate()
        const late = planted.post('/change?name=visitor&waits')
        await waiting.gate.reached
        expect(await browser.post('/change?name=sign-in')).toMatchObject({ status: 200 })
        waiting.gate.open()
        expect(await late).toMatchObject({ status: 200, setCookies: [] })
        expect(await dataOf(browser), process).toEqual({ cart: 1, user, profile: { name: 'Alice' } })
      }
    })

    it.each([
      ['a sign-in', { cart: 1 }, (data: Free) => void (data['profile'] = { phone: '666' })],
      ['a change of user', alice, (data: Free) => void ((data['profile'] as Free)['phone'] = '666')],
    ])('%s takes whole what it assigned, whatever was stored meanwhile', async (_, base, visitors) => {
      changes.set('visitor', visitors)
      changes.set('elsewhere', (data) => (data['cart'] = 2))
      changes.set('sign-in', (data) => Object.assign(data, bob))
      for (const process of ['here', 'there'] as const) {
        const before = await begin(base)
        const browser = world.here.browser(before.cookie)
        waiting.gate = new Gate()
        const signingIn = browser.post('/change?name=sign-in&waits')
        await waiting.gate.reached
        const others = world[process].browser(before.cookie)
        for (const name of ['visitor', 'elsewhere']) {
          expect(await others.post(`/change?name=${name}`)).toMatchObject({ status: 200 })
        }
        waiting.gate.open()
        expect(await signingIn).toMatchObject({ status: 200 })
        expect(await dataOf(browser), process).toEqual({ ...bob, cart: 2 })
      }
    })

    it('of two sign-ins from one visitor each keeps its own', async () => {
      changes.set('alice', (data) => void Object.assign(data, alice))
      changes.set('bob', (data) => Object.assign(data, bob))
      for (const process of ['here', 'there'] as const) {
        const visitor = await begin({ cart: 1 })
        const [one, other] = [world.here.browser(visitor.cookie), world[process].browser(visitor.cookie)]
        waiting.gate = new Gate()
        const slow = one.post('/change?name=alice&waits')
        await waiting.gate.reached
        await other.post('/change?name=bob')
        waiting.gate.open()
        await slow
        expect(await dataOf(one), process).toEqual({ ...alice, cart: 1 })
        expect(await dataOf(other), process).toEqual({ ...bob, cart: 1 })
        expect(await dataOf(visitor), process).toEqual({})
      }
    })
  })
})

describe('no update is lost between processes', () => {
  const PROCESSES = 4
  const EACH = 2000
  const WORKER = fileURLToPath(new URL('_p2-worker.mjs', import.meta.url))

  it(`${PROCESSES} processes on one SQLite file count to exactly ${PROCESSES * EACH}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sojourn-p2-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'sessions.db')
    const store = sqliteStore({ path })
    onTestFinished(() => store.close())
    const sessions = createSessions<{ count?: number }>({ store })
    const session = await sessions.open({ cookie: null, secure: true })
    session.count = 0
    await sessions.commit(session)

    const workers = Array.from({ length: PROCESSES }, () => {
      const child = spawn(process.execPath, [WORKER, path, session.id, String(EACH)], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      return child
    })
    await Promise.all(workers.map((child) => once(child.stdout, 'data')))
    const ended = workers.map((child) => once(child, 'exit'))
    for (const child of workers) child.stdin.end('go\n')
    expect(await Promise.all(ended)).toEqual(workers.map(() => [0, null]))
    expect((await sessions.read(session.id))?.data).toEqual({ count: PROCESSES * EACH })
  })
})
