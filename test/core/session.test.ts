import { describe, expect, it, vi } from 'vitest'
import {
  assignData,
  createSession,
  portOf,
  refuseWrites,
  replaceData,
  type Session,
  type SessionPort,
} from '../../src/core/session.ts'
import type { TestData } from '../support/scene.ts'

const METHODS = ['save', 'reload', 'destroy', 'regenerate', 'update', 'touch', 'limit'] as const
const FACTS = ['id', 'isNew', 'binding', 'createdAt', 'authenticatedAt', 'expiresAt'] as const
const RESERVED = [...METHODS, ...FACTS, 'constructor', '__proto__']

function fakePort(): SessionPort {
  return {
    id: 'the-id',
    isNew: true,
    binding: 'the-binding',
    createdAt: 1,
    authenticatedAt: null,
    expiresAt: 2,
    save: vi.fn(async () => {}),
    reload: vi.fn(async () => {}),
    destroy: vi.fn(async () => {}),
    regenerate: vi.fn(),
    update: vi.fn(async (fn: (data: object) => unknown) => fn({})) as SessionPort['update'],
    touch: vi.fn(),
    limit: vi.fn(),
    now: vi.fn(() => 0),
  }
}

function made(data: TestData = {}): { session: Session<TestData>; port: SessionPort } {
  const port = fakePort()
  return { port, session: createSession<TestData>(port, data) }
}

describe('a session object', () => {
  it('has its data as own enumerable properties, and nothing else', () => {
    const { session } = made({ user: { id: 'alice' }, views: 1 })
    expect(Object.keys(session)).toEqual(['user', 'views'])
    expect({ ...session }).toEqual({ user: { id: 'alice' }, views: 1 })
    expect(JSON.stringify(session)).toBe('{"user":{"id":"alice"},"views":1}')
    const seen: string[] = []
    for (const key in session) seen.push(key)
    expect(seen).toEqual(['user', 'views'])
  })

  it('gives the facts of its port', () => {
    const { session, port } = made()
    for (const fact of FACTS) expect(session[fact]).toBe(port[fact])
  })

  it('is known by its port, and nothing else is', () => {
    const { session, port } = made()
    expect(portOf(session)).toBe(port)
    for (const other of [undefined, null, 5, 'text', {}, { ...session }, Object.create(session)])
      expect(portOf(other)).toBeUndefined()
  })

  it.each(RESERVED)('leaves the data key %s out', (key) => {
    const { session } = made(JSON.parse(`{"${key}":{"admin":true},"a":1}`) as TestData)
    expect(Object.keys(session)).toEqual(['a'])
    expect((session as { admin?: boolean }).admin).toBeUndefined()
    expect(typeof session.save).toBe('function')
  })

  it.each(RESERVED)('is an error to assign %s to, which names the key', (key) => {
    const { session } = made()
    const refused = expect.objectContaining({
      name: 'UsageError',
      code: 'ERR_SOJOURN_RESERVED_KEY',
      message: expect.stringContaining(`"${key}"`) as string,
    })
    expect(() => Reflect.set(session, key, 'x')).toThrow(refused)
    expect(() => Object.assign(session, { [key]: 'x' })).toThrow(refused)
    expect(portOf(session)).toBeDefined()
  })

  it.each(['toString', 'hasOwnProperty', 'valueOf', 'then', 'cookie', 'prototype', 'toJSON', 'flash'])(
    'takes %s for a key of its data like others',
    (key) => {
      const { session } = made({ [key]: 'x' })
      expect(session[key]).toBe('x')
      session[key] = 'y'
      expect({ ...session }).toEqual({ [key]: 'y' })
    },
  )

  it('can have all its data replaced', () => {
    const { session } = made({ a: 1, b: 2 })
    replaceData(session, JSON.parse('{"b":3,"c":4,"save":5}') as TestData)
    expect({ ...session }).toEqual({ b: 3, c: 4 })
    assignData(session, { d: 5 })
    expect({ ...session }).toEqual({ b: 3, c: 4, d: 5 })
  })
})

describe("a session's method", () => {
  it.each(['save', 'reload', 'destroy'] as const)(
    '%s asks the port, and answers with a promise or a call',
    async (method) => {
      const { session, port } = made()
      expect(await session[method]()).toBeUndefined()
      const [error] = await called((callback) => session[method](callback))
      expect(error).toBeNull()
      expect(port[method]).toHaveBeenCalledTimes(2)
    },
  )

  it.each(['save', 'reload', 'destroy'] as const)('%s tells of a failure either way', async (method) => {
    const { session, port } = made()
    const failure = new Error('down')
    vi.mocked(port[method]).mockRejectedValue(failure)
    await expect(session[method]()).rejects.toBe(failure)
    expect(await called((callback) => session[method](callback))).toEqual([failure, undefined])
  })

  it('regenerate keeps the data unless it is told otherwise, or called as express-session calls it', async () => {
    const { session, port } = made()
    await session.regenerate()
    await session.regenerate({})
    await session.regenerate({ keep: true })
    await session.regenerate({ keep: false })
    await called((callback) => session.regenerate(callback))
    const kept = { keep: true, authenticated: false }
    const emptied = { keep: false, authenticated: true }
    expect(vi.mocked(port.regenerate).mock.calls).toEqual([[kept], [kept], [kept], [emptied], [emptied]])
  })

  it('regenerate says that somebody has proved who they are when it is told so, and when it empties', async () => {
    const { port, session } = made()
    for (const keep of [true, false]) {
      for (const authenticated of [true, false]) {
        await session.regenerate({ keep, authenticated })
        expect(port.regenerate).toHaveBeenLastCalledWith({ keep, authenticated })
      }
    }
  })

  it('regenerate tells of a failure either way', async () => {
    const { session, port } = made()
    const failure = new Error('ended')
    vi.mocked(port.regenerate).mockImplementation(() => {
      throw failure
    })
    await expect(session.regenerate()).rejects.toBe(failure)
    expect(await called((callback) => session.regenerate(callback))).toEqual([failure, undefined])
  })

  it('update gives what the function gave, either way', async () => {
    const { session } = made()
    expect(await session.update(() => 'result')).toBe('result')
    expect(await called((callback) => session.update(() => 'result', callback))).toEqual([null, 'result'])
  })

  it('touch and limit take a callback too', async () => {
    const { session, port } = made()
    session.touch()
    session.limit({ idleTimeout: 5 })
    expect(await called((callback) => session.touch(callback))).toEqual([null, undefined])
    expect(await called((callback) => session.limit({ lifetime: 5 }, callback))).toEqual([null, undefined])
    expect(port.touch).toHaveBeenCalledTimes(2)
    expect(vi.mocked(port.limit).mock.calls).toEqual([[{ idleTimeout: 5 }], [{ lifetime: 5 }]])
  })

  it('calls back once and later, never before it returns', async () => {
    const { session } = made()
    const callback = vi.fn()
    session.save(callback)
    expect(callback).not.toHaveBeenCalled()
    await called((callback) => session.save(callback))
    expect(callback).toHaveBeenCalledTimes(1)
  })

  it.each(METHODS)('%s called on something else is a TypeError', async (method) => {
    const { session } = made()
    const loose = async (): Promise<unknown> => (session[method] as (this: object) => unknown).call({})
    await expect(loose()).rejects.toMatchObject({ name: 'TypeError' })
  })
})

describe('a session that refuses writes', () => {
  it('throws the error at every assignment, and has its facts and methods still', async () => {
    const { session } = made()
    const down = new Error('the store is down')
    refuseWrites(session, down)
    expect(() => (session.user = { id: 'alice' })).toThrow(down)
    expect(() => Object.assign(session, { a: 1 })).toThrow(down)
    expect(() => Object.defineProperty(session, 'a', { value: 1 })).toThrow(TypeError)
    expect(Object.keys(session)).toEqual([])
    expect(session.user).toBeUndefined()
    expect(session.id).toBe('the-id')
    await session.save()
  })
})

// --- helpers ---

function called(run: (callback: (error: unknown, result?: unknown) => void) => void): Promise<[unknown, unknown]> {
  return new Promise((resolve) => run((error, result) => resolve([error, result])))
}
