/** Schemas of zod, valibot and arktype, and shapes of before a deploy, through the manager. */
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { createSessions, type Options, type Session, type StandardSchema, type Upgrade } from '../src/index.ts'
import { rejection, scene, type Scene, type TestData } from './support/scene.ts'
import type { Visitor } from './support/visitor.ts'

interface Shape {
  user?: { id: string; roles: string[] } | undefined
  views?: number | undefined
}

// The same shape three times. `views` was a text once, and `user` only a name.
const schemas: Record<string, StandardSchema<Shape>> = {
  zod: z.object({
    user: z.object({ id: z.string(), roles: z.array(z.string()) }).optional(),
    views: z.number().optional(),
  }),
  valibot: v.object({
    user: v.optional(v.object({ id: v.string(), roles: v.array(v.string()) })),
    views: v.optional(v.number()),
  }),
  arktype: type({ 'user?': { id: 'string', roles: 'string[]' }, 'views?': 'number' }),
}

/** What was stored before the deploy of today's schema. */
async function stored(data: object, options: Options<TestData> = {}): Promise<[Scene, Visitor<TestData>]> {
  const before = scene()
  const visitor = await before.known(data as TestData)
  const after = before.beside(options)
  const returning = after.visitor()
  returning.cookie = visitor.cookie
  return [after, returning]
}

const alice = { user: { id: 'alice', roles: ['admin'] }, views: 1 }

describe.each(Object.entries(schemas))('a schema of %s', (_, standard) => {
  const options = { schema: standard as StandardSchema<never> }

  it('passes on load and on commit what is of its shape', async () => {
    const [app, visitor] = await stored(alice, options)
    expect({ ...(await visitor.open()) }).toEqual(alice)
    expect((await visitor.visit()).plan).toBe('nothing')
    expect((await visitor.visit((session) => (session['views'] = 2))).plan).toBe('save')
    expect({ ...(await visitor.open()) }).toEqual({ ...alice, views: 2 })
    expect(app.takeTold()).toEqual([])
  })

  it('makes others anonymous on load, with an event, and leaves what is stored alone', async () => {
    const [app, visitor] = await stored({ user: 'alice' }, options)
    const before = new Map(app.rows)
    for (let visits = 0; visits < 2; visits++) {
      const { plan, headers, session } = await visitor.visit((session) => session.user)
      expect({ plan, headers, ...session }).toEqual({ plan: 'nothing', headers: [['Vary', 'Cookie']] })
      expect(app.takeTold()).toEqual(['unreadable'])
    }
    expect(app.rows).toEqual(before)
  })

  it('makes others an error at the commit that names the path, and nothing is stored', async () => {
    const app = scene(options)
    const failed = app.visitor().visit((session) => Object.assign(session, { user: { id: 'alice', roles: ['a', 5] } }))
    expect(await rejection(failed)).toMatchObject({
      code: 'ERR_SOJOURN_UNSUPPORTED',
      message: expect.stringContaining('user.roles.1: ') as string,
    })
    expect(app.rows.size).toBe(0)
  })

  it('has its shape from before migrated, which is no change that a read would store', async () => {
    const upgrade: Upgrade = ({ user, views }) => ({ user: { id: user, roles: [] }, views: Number(views) })
    const [app, visitor] = await stored({ user: 'alice', views: '7' }, { ...options, upgrade })
    const before = new Map(app.rows)
    expect({ ...(await visitor.open()) }).toEqual({ user: { id: 'alice', roles: [] }, views: 7 })
    expect((await visitor.visit((session) => session.user)).plan).toBe('nothing')
    expect(app.rows).toEqual(before)
    expect((await visitor.visit((session) => (session['views'] = 8))).plan).toBe('save')
    expect([...app.rows.values()].map(({ body }) => JSON.parse(body.split('\n')[1]!) as unknown)).toEqual([
      { user: { id: 'alice', roles: [] }, views: 8 },
    ])
    expect(app.takeTold()).toEqual([])
  })
})

describe('a shape from before a deploy', () => {
  const options = { schema: schemas['zod'] as StandardSchema<never> }
  const upgrade: Upgrade = (data) =>
    typeof data['user'] === 'string' ? { ...data, user: { id: data['user'], roles: [] } } : undefined

  it('is merged with what a parallel request stored in today’s', async () => {
    const [app, visitor] = await stored({ user: 'alice', views: 1 }, { ...options, upgrade })
    const [one, two] = [await visitor.open(), await visitor.copy().open()]
    one['views'] = 2
    two.user = { id: 'alice', roles: ['admin'] }
    await app.sessions.commit(two)
    await app.sessions.commit(one)
    expect({ ...(await visitor.open()) }).toEqual({ user: { id: 'alice', roles: ['admin'] }, views: 2 })
  })

  it('is migrated for update() within a request and outside of one', async () => {
    const [app, visitor] = await stored({ user: 'alice', views: 1 }, { ...options, upgrade })
    const session = await visitor.open()
    await session.update((data) => void (data['views'] = (data['views'] as number) + 1))
    expect({ ...(await visitor.open()) }).toEqual({ user: { id: 'alice', roles: [] }, views: 2 })

    const [other, another] = await stored({ user: 'alice', views: 1 }, { ...options, upgrade })
    const { id } = await another.open()
    expect((await other.sessions.read(id))?.data).toEqual({ user: { id: 'alice', roles: [] }, views: 1 })
    await other.sessions.update(id, (data) => void (data['views'] = 5))
    expect((await other.sessions.read(id))?.data['views']).toBe(5)
    expect([...app.takeTold(), ...other.takeTold()]).toEqual([])
  })

  it('keeps its owner, its token and its limits', async () => {
    const [app, visitor] = await stored({ user: 'alice', views: 1 }, { ...options, upgrade })
    const { id } = await visitor.open()
    expect(await app.sessions.read(id)).toMatchObject({ info: { principal: 'alice' } })
    expect((await visitor.visit((session) => (session['views'] = 2))).cookie).toBeUndefined()
  })

  it('of which nothing can be made is anonymous, with an event at each request, and begins anew', async () => {
    const [app, visitor] = await stored({ user: 5 }, { ...options, upgrade })
    const [[stale, row]] = [...app.rows] as [[string, unknown]]
    expect({ ...(await visitor.open()) }).toEqual({})
    const { plan, session } = await visitor.visit((session) => (session['views'] = 1))
    expect(plan).toBe('create')
    expect(app.rows.get(stale)).toEqual(row)
    expect(session.id).not.toBe(stale)
    expect({ ...(await visitor.open()) }).toEqual({ views: 1 })
    expect(app.takeTold()).toEqual(['unreadable', 'unreadable', 'created'])
  })

  it('whose upgrade throws is anonymous too, and never an error', async () => {
    const failing: Upgrade = () => {
      throw new TypeError('data.user is not a function')
    }
    const [app, visitor] = await stored({ user: 'alice' }, { ...options, upgrade: failing })
    expect((await visitor.visit((session) => session.user)).plan).toBe('nothing')
    expect(app.takeTold()).toEqual(['unreadable'])
  })

  it('whose upgrade gives more than may be stored is anonymous too', async () => {
    const growing: Upgrade = () => ({ user: { id: 'x'.repeat(200), roles: [] } })
    const [app, visitor] = await stored({ user: 'alice' }, { ...options, upgrade: growing, maxBytes: 100 })
    expect((await visitor.visit((session) => session.user)).plan).toBe('nothing')
    expect(app.takeTold()).toEqual(['unreadable'])
  })
})

describe('the type of a session', () => {
  it('is the schema’s output, or is checked against it', () => {
    const sessions = createSessions({
      schema: z.object({ user: z.object({ id: z.string() }).optional(), views: z.number().default(0) }),
      principal: (data) => data.user?.id,
    })
    expectTypeOf<Awaited<ReturnType<typeof sessions.open>>['views']>().toEqualTypeOf<number | undefined>()
    expectTypeOf<Awaited<ReturnType<typeof sessions.open>>['user']>().toEqualTypeOf<{ id: string } | undefined>()
    createSessions<{ views?: number }>({ schema: v.object({ views: v.optional(v.number()) }) })
    // @ts-expect-error -- the schema gives text where the session has a number
    createSessions<{ views?: number }>({ schema: v.object({ views: v.string() }) })
    expectTypeOf<Session<{ a: 1 }>>().toHaveProperty('a')
  })
})
