import { expect, it } from 'vitest'
import { createSessions, memoryStore } from '../../src/index.ts'
import { fakeClock } from '../../src/testing/index.ts'

type Data = Record<string, unknown>

it('writes nothing over data that another process keeps and this one cannot read', async () => {
  const store = memoryStore()
  const newer = {
    encode: (data: object) => `new ${JSON.stringify(data)}`,
    decode: (text: string) => JSON.parse(text.replace(/^new /, '')) as object,
  }
  const [here, there] = [createSessions<Data>({ store }), createSessions<Data>({ store, codec: newer })]
  const first = await here.open({ cookie: null, secure: true })
  first['n'] = 1
  const { headers } = await here.commit(first)
  const cookie = headers[0]![1].split(';')[0]!
  const [mine, theirs] = [await here.open({ cookie, secure: true }), await there.open({ cookie, secure: true })]
  theirs['theirs'] = true
  await there.commit(theirs)
  mine['mine'] = true
  expect(await here.commit(mine)).toMatchObject({ plan: 'dropped' })
  expect((await there.read(mine.id))?.data).toEqual({ n: 1, theirs: true })
})

it('keeps no sign-in of which it could not be learnt whether it was revoked', async () => {
  const store = memoryStore()
  const sessions = createSessions<Data>({ store })
  const failing = createSessions<Data>({
    store: Object.assign(Object.create(store) as typeof store, {
      revokedAt: () => {
        throw new Error('down')
      },
    }),
  })
  const session = await failing.open({ cookie: null, secure: true })
  session['user'] = 'alice'
  await expect(failing.commit(session)).rejects.toMatchObject({ code: 'ERR_SOJOURN_STORE' })
  for await (const info of sessions.list('alice')) expect(info).toBeUndefined()
})

it('goes on storing a session whose data are nested as deep as a hostile body can be', async () => {
  const sessions = createSessions<Data>({ clock: fakeClock() })
  const session = await sessions.open({ cookie: null, secure: true })
  session['deep'] = JSON.parse('['.repeat(3000) + ']'.repeat(3000))
  await session.save()
  session['n'] = 1
  await session.save()
  expect((await sessions.read(session.id))?.data['n']).toBe(1)
})
