/** What becomes of sessions, and of those who wait for them, when a memcached goes away, comes back or falls silent. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import type { MemcachedStore, MemcachedStoreOptions } from '../../src/stores/memcached.ts'
import { ask } from '../servers/_ask.ts'
import { until } from '../servers/_process.ts'
import { memcached, type MemcachedServer } from '../servers/memcached.ts'
import { serverSuite } from '../servers/suite.ts'
import { addressOf, call, GREETING, impostor, NOW, opened, started, stored, WELCOME } from './_memcached.ts'

const TIMEOUT = 0.3
const FAILED = { code: 'ERR_SOJOURN_STORE' }
const SILENT = { code: 'ERR_SOJOURN_STORE_TIMEOUT' }

/** How long (ms) an answer took, or a failure. */
async function lasted(work: Promise<unknown>): Promise<number> {
  const start = performance.now()
  await Promise.allSettled([work])
  return performance.now() - start
}

/** Every verb, once. */
function everyVerb(store: MemcachedStore, id: string): Promise<unknown>[] {
  return [
    store.load(id, call),
    store.create(id, stored(), call),
    store.save(id, stored({ version: 2 }), 1, call),
    store.touch(id, NOW + 9e6, call),
    store.remove(id, call),
  ]
}

/** How many commands a server has received: looks, writes that had a chance, and removals. */
async function received({ port }: MemcachedServer): Promise<number> {
  const stats = await ask(port, 'stats')
  const numbers = [...stats.matchAll(/^STAT (?:cmd_get|cmd_set|delete_hits|delete_misses) (\d+)/gm)]
  expect(numbers).toHaveLength(4)
  return numbers.reduce((sum, [, count]) => sum + Number(count), 0)
}

/** Has a server stand still, and waits until it does. */
async function frozen(server: MemcachedServer): Promise<void> {
  server.process.freeze()
  const probe = opened({ servers: addressOf(server), timeout: 0.1 })
  await until('it stands still', () => fails(probe.load('nobody', call)))
}

async function fails(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => false,
    () => true,
  )
}

/** Two servers, a store on them, and an id of the first. */
async function pair(options?: Partial<MemcachedStoreOptions>): Promise<{
  first: MemcachedServer
  second: MemcachedServer
  store: MemcachedStore
  id: string
}> {
  const [first, second] = await Promise.all([started(), started()])
  const store = opened({ servers: [first, second].map(addressOf), timeout: TIMEOUT, ...options })
  for (let n = 0; ; n++) {
    await store.create(`id-${n}`, stored(), call)
    if (/ curr_items [^0]/.test(await ask(first.port, 'stats'))) return { first, second, store, id: `id-${n}` }
  }
}

serverSuite('a memcached that is killed and brought back empty', memcached, () => {
  it('fails what is under way and what comes then, at once, and serves again when it is back', async () => {
    const { first, second, store, id } = await pair({ timeout: 30 })
    await frozen(first)
    const underWay = everyVerb(store, id)
    const failures = Promise.all(underWay.map((each) => expect(each).rejects.toMatchObject(FAILED)))
    const others = await received(second)
    await first.process.kill()
    expect(await lasted(failures)).toBeLessThan(2_000)
    await failures
    for (const late of everyVerb(store, id)) {
      expect(await lasted(late)).toBeLessThan(1_000)
      await expect(late).rejects.toMatchObject(FAILED)
    }
    expect(await received(second)).toBe(others)

    await first.process.start()
    await until('it is connected anew', async () => !(await fails(store.load(id, call))))
    expect(await store.load(id, call)).toBeUndefined()
    expect(await store.save(id, stored({ version: 2 }), 1, call)).toBe('gone')
    expect(await store.touch(id, NOW + 9e6, call)).toBe(false)
  })

  it('counts its CAS values anew, and what was seen before is not taken for what is there now', async () => {
    const server = await started()
    const [store, other] = [opened({ servers: addressOf(server) }), opened({ servers: addressOf(server) })]
    await store.create('id', stored({ body: 'before' }), call)
    await server.process.restart()
    await until('both are connected anew', async () => {
      const looks = await Promise.allSettled([store, other].map(async (each) => each.load('nobody', call)))
      return looks.every(({ status }) => status === 'fulfilled')
    })
    await other.create('id', stored({ body: 'after', version: 7 }), call)
    const late = await store.save('id', stored({ body: 'late', version: 2 }), 1, call)
    expect(late).toEqual({ conflict: stored({ body: 'after', version: 7 }) })
  })
})

serverSuite('a memcached that stands still and comes back stale', memcached, () => {
  it('fails a removal, which no other server is told of; and after it, the removal can be made', async () => {
    const { first, second, store, id } = await pair()
    await store.create('logged out', stored(), call)
    await store.remove('logged out', call)
    const others = await received(second)
    await frozen(first)
    const removal = store.remove(id, call)
    expect(await lasted(removal)).toBeLessThan(TIMEOUT * 1000 + 1_000)
    await expect(removal).rejects.toMatchObject(SILENT)
    await expect(store.load(id, call)).rejects.toMatchObject({ code: expect.stringMatching(/STORE/) as string })
    expect(await received(second)).toBe(others)

    first.process.thaw()
    await until('it is connected anew', async () => !(await fails(store.remove(id, call))))
    for (const gone of [id, 'logged out']) {
      expect(await store.load(gone, call)).toBeUndefined()
      expect(await store.save(gone, stored({ version: 2 }), 1, call)).toBe('gone')
      expect(await store.touch(gone, NOW + 9e6, call)).toBe(false)
    }
  })

  it('does not bring a session back by a write that was under way when it stood still', async () => {
    const { first, store, id } = await pair()
    const other = opened({ servers: [addressOf(first)] })
    await frozen(first)
    const late = [store.save(id, stored({ version: 2, body: 'late' }), 1, call), store.touch(id, NOW + 9e6, call)]
    await Promise.allSettled(late)
    const removal = other.remove(id, call)
    first.process.thaw()
    await removal
    await ask(first.port, 'mn')
    expect(await other.load(id, call)).toBeUndefined()
  })

  it('takes no more than it may be behind with', async () => {
    const server = await started()
    const store = opened({ servers: addressOf(server), timeout: 30 })
    await store.load('id', call)
    await frozen(server)
    const large = stored({ body: 'x'.repeat(1_000_000) })
    const creations = Array.from({ length: 40 }, (_, n) => store.create(`id-${n}`, large, call))
    for (const late of creations.splice(31)) await expect(late).rejects.toMatchObject(SILENT)
    server.process.thaw()
    expect(await Promise.all(creations)).toEqual(Array.from({ length: 31 }, () => true))
  })
})

describe('what is no memcached', () => {
  it('accepts and never answers: every call ends within its limit', async () => {
    const store = opened({ servers: await impostor(() => undefined), timeout: TIMEOUT })
    for (const verb of everyVerb(store, 'id')) {
      expect(await lasted(verb)).toBeLessThan(TIMEOUT * 1000 + 1_000)
      await expect(verb).rejects.toMatchObject(SILENT)
    }
  })

  it('never answers, and the manager’s limit is shorter than the store’s: a request ends within the manager’s', async () => {
    const store = opened({ servers: await impostor(() => undefined), timeout: 1 })
    const sessions = createSessions({ store, storeTimeout: 0.2 })
    const cookie = `__Host-sid=${'a'.repeat(21)}A.${'b'.repeat(42)}A`
    const request = sessions.open({ cookie, secure: true })
    expect(await lasted(request)).toBeLessThan(2_000)
    await expect(request).rejects.toMatchObject(SILENT)
    await sessions.close()
  })

  it('is greeted, and falls silent then', async () => {
    const silent = await impostor((socket) => void socket.once('data', () => socket.write(WELCOME)))
    const store = opened({ servers: silent, timeout: TIMEOUT })
    for (const verb of everyVerb(store, 'id')) await expect(verb).rejects.toMatchObject(SILENT)
  })

  it.each([
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['noise', 'x'.repeat(10_000)],
    ['an answer to nothing', `${WELCOME}HD\r\nHD\r\n`],
    ['an old memcached', `${WELCOME}ERROR\r\n`],
    ['what wants a password', 'CLIENT_ERROR unauthenticated\r\n'],
  ])('says otherwise (%s): a failure, and never a session', async (_, answer) => {
    const store = opened({ servers: await impostor((socket) => void socket.write(answer)), timeout: TIMEOUT })
    for (const verb of everyVerb(store, 'id')) {
      await expect(verb).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_SOJOURN_STORE/) as string })
    }
  })

  it('gives the answer to another question: a failure, and never another’s session', async () => {
    const value = `[1,${NOW + 1},"ada"]\nx`
    const address = await impostor((socket) => {
      socket.once('data', () => {
        socket.write(WELCOME)
        socket.on('data', () => socket.write(`VA ${value.length} c5 Oz9\r\n${value}\r\n`))
      })
    })
    await expect(opened({ servers: address }).load('id', call)).rejects.toMatchObject(FAILED)
  })

  it('goes away in the middle of a write: it is not sent again', async () => {
    const heard: string[] = []
    const address = await impostor((socket) => {
      socket.on('data', (chunk) => {
        heard.push(chunk.toString())
        if (chunk.toString() === GREETING) socket.write(WELCOME)
        else socket.destroy()
      })
    })
    const store = opened({ servers: address })
    await expect(store.create('id', stored(), call)).rejects.toMatchObject(FAILED)
    await expect(store.load('id', call)).rejects.toMatchObject(FAILED)
    expect(heard.filter((text) => text.startsWith('ms '))).toHaveLength(1)
  })

  it('closes every connection: it is not besieged', async () => {
    let met = 0
    const address = await impostor((socket) => {
      met++
      socket.destroy()
    })
    const store = opened({ servers: address })
    const start = performance.now()
    let calls = 0
    while (performance.now() - start < 500) {
      calls++
      await expect(store.load('id', call)).rejects.toMatchObject(FAILED)
    }
    expect(calls).toBeGreaterThan(met * 5)
    expect(met).toBeLessThan(8)
  })

  it('sends its answers cut anywhere, and they are understood', async () => {
    const body = 'a\r\nVA 3 c1\r\nEN\r\nb'
    const value = `[1,${NOW + 1},"ada"]\n${body}`
    const address = await impostor((socket) => {
      socket.on('data', (chunk) => {
        const marks = [...chunk.toString().matchAll(/ (O\w+)\r\n/g)].map(([, mark]) => mark)
        const answers = marks.map((mark) => `VA ${value.length} c5 ${mark}\r\n${value}\r\n`).join('')
        void dribble(marks.length > 0 ? answers : WELCOME)
      })
      const dribble = async (text: string): Promise<void> => {
        for (const character of text) {
          socket.write(character)
          await new Promise((resolve) => void setImmediate(resolve))
        }
      }
    })
    const store = opened({ servers: address })
    const session = { version: 1, expiresAt: NOW + 1, principal: 'ada', body }
    expect(await Promise.all([store.load('one', call), store.load('two', call)])).toEqual([session, session])
  })

  it('gives up a call that nobody waits for any more, before it is sent', async () => {
    const heard: string[] = []
    let welcome!: () => void
    const address = await impostor((socket) => {
      socket.on('data', (chunk) => heard.push(chunk.toString()))
      welcome = () => void socket.write(WELCOME)
    })
    const store = opened({ servers: address, timeout: TIMEOUT })
    const abandoned = new AbortController()
    const creation = store.create('id', stored(), { ...call, signal: abandoned.signal })
    await until('it is greeted', () => heard.length > 0)
    abandoned.abort(new Error('nobody waits'))
    welcome()
    await expect(creation).rejects.toThrow('nobody waits')
    expect(heard).toEqual([GREETING])
  })
})

describe('a store that is closed', () => {
  it('has let what was under way come to its end, and takes no more', async () => {
    const address = await impostor((socket) => {
      socket.once('data', () => {
        socket.write(WELCOME)
        socket.on('data', () => setImmediate(() => socket.write('EN\r\n')))
      })
    })
    const store = opened({ servers: address })
    const look = store.load('id', call)
    await store.close()
    expect(await look).toBeUndefined()
    await expect(store.load('id', call)).rejects.toMatchObject(FAILED)
  })
})

serverSuite('what a request costs memcached, by its own count', memcached, () => {
  interface Costs {
    readonly sessions: Sessions<{ user?: string; n?: number }>
    /** Carries a request out, and gives how many commands memcached received for it. */
    spent(cookie: string | null, handler: (session: Record<string, unknown>) => unknown): Promise<[number, string]>
  }

  async function counted(): Promise<Costs> {
    const server = await started()
    let now = NOW
    const sessions = createSessions<{ user?: string; n?: number }>({
      store: opened({ servers: addressOf(server) }),
      clock: () => (now += 1000),
    })
    onTestFinished(() => sessions.close())
    return {
      sessions,
      async spent(cookie, handler) {
        const before = await received(server)
        const session = await sessions.open({ cookie, secure: true })
        await handler(session as unknown as Record<string, unknown>)
        const { headers } = await sessions.commit(session)
        await new Promise((resolve) => void setImmediate(resolve))
        const sent = headers.find(([name]) => name.toLowerCase() === 'set-cookie')?.[1].split(';')[0]
        return [(await received(server)) - before, sent ?? cookie ?? '']
      },
    }
  }

  it('is nothing without a cookie, 1 to read, and 2 to write, to sign in and to sign out', async () => {
    const { spent } = await counted()
    expect((await spent(null, () => undefined))[0]).toBe(0)
    const [created, visitor] = await spent(null, (session) => (session['n'] = 0))
    expect(created).toBe(1)
    const [signedIn, user] = await spent(visitor, (session) => (session['user'] = 'ada'))
    expect(signedIn).toBe(2)
    for (let n = 1; n < 20; n++) expect((await spent(user, (session) => session['user']))[0]).toBe(1)
    for (let n = 1; n < 5; n++) expect((await spent(user, (session) => (session['n'] = n)))[0]).toBe(2)
    const [signedOut] = await spent(user, (session) => (session as { destroy(): Promise<void> }).destroy())
    expect(signedOut).toBe(2)
  })

  it('is 2 for a read whose touch is due', async () => {
    const { sessions, spent } = await counted()
    const [, visitor] = await spent(null, (session) => (session['n'] = 0))
    const session = await sessions.open({ cookie: visitor, secure: true })
    const before = session.expiresAt
    await sessions.commit(session)
    const [cost] = await spent(visitor, (touched) => (touched as { touch(): void }).touch())
    expect(cost).toBe(2)
    expect((await sessions.open({ cookie: visitor, secure: true })).expiresAt).toBeGreaterThan(before)
  })

  it('is one write for a save after a load, whoever asks', async () => {
    const server = await started()
    const store = opened({ servers: addressOf(server) })
    await store.create('id', stored(), call)
    const before = await received(server)
    await store.load('id', call)
    expect(await store.save('id', stored({ version: 2 }), 1, call)).toBe('saved')
    expect(await store.save('id', stored({ version: 3 }), 2, call)).toBe('saved')
    expect(await store.touch('id', NOW + 9e6, call)).toBe(true)
    expect((await received(server)) - before).toBe(4)
  })
})
