import { expect, it } from 'vitest'
import { createSessions, memoryStore } from '../src/index.ts'

it('tells of a session that a full memory store had to end', async () => {
  const sessions = createSessions<{ user?: string; n?: number }>({ store: memoryStore({ maxEntries: 2 }) })
  const evicted: (string | undefined)[] = []
  sessions.on('evicted', ({ id, principal }) => evicted.push(id, principal))
  const begin = async (data: { user?: string; n?: number }): Promise<string> => {
    const session = await sessions.open({ cookie: null, secure: true })
    Object.assign(session, data)
    await sessions.commit(session)
    return session.id
  }
  await begin({ user: 'alice' })
  const anonymous = await begin({ n: 1 })
  await begin({ user: 'bob' })
  expect(evicted).toEqual([anonymous, undefined])
  await begin({ user: 'carol' })
  expect(evicted.slice(2)).toEqual([expect.any(String), expect.stringMatching(/alice|bob/)])
})
