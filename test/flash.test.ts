import { describe, expect, it } from 'vitest'
import { createSessions, flash, memoryStore, type Session, takeFlash } from '../src/index.ts'

type Data = { _flash?: unknown; visits?: number }

const sessions = createSessions<Data>({ store: memoryStore() })

/** A browser: what it was told to keep, it sends. */
async function visit<R>(
  cookie: string | null,
  handler: (session: Session<Data>) => Promise<R> | R,
): Promise<{ result: R; cookie: string | null }> {
  const session = await sessions.open({ cookie, secure: true })
  const result = await handler(session)
  const { headers } = await sessions.commit(session)
  const set = headers.find(([name]) => name === 'Set-Cookie')?.[1].split(';')[0]
  return { result, cookie: set ?? cookie }
}

describe('flash', () => {
  it('is shown once, in the order in which it was said', async () => {
    const { cookie } = await visit(null, (session) => {
      flash(session, 'notice', 'first')
      flash(session, 'notice', { second: 2 })
      flash(session, 'error', 'other')
    })
    expect((await visit(cookie, (session) => takeFlash(session, 'notice'))).result).toEqual(['first', { second: 2 }])
    expect((await visit(cookie, (session) => takeFlash(session, 'notice'))).result).toEqual([])
    expect((await visit(cookie, (session) => takeFlash(session, 'error'))).result).toEqual(['other'])
  })

  it('is shown to exactly one of many parallel requests', async () => {
    const { cookie } = await visit(null, (session) => flash(session, 'notice', 'once'))
    const opened = await Promise.all(Array.from({ length: 20 }, () => sessions.open({ cookie, secure: true })))
    const taken = await Promise.all(opened.map((session) => takeFlash(session, 'notice')))
    expect(taken.flat()).toEqual(['once'])
  })

  it('is kept from both of two parallel requests', async () => {
    const { cookie } = await visit(null, (session) => void (session.visits = 1))
    const [one, two] = await Promise.all([
      sessions.open({ cookie, secure: true }),
      sessions.open({ cookie, secure: true }),
    ])
    flash(one, 'notice', 'one')
    flash(two, 'notice', 'two')
    await Promise.all([sessions.commit(one), sessions.commit(two)])
    const { result } = await visit(cookie, (session) => takeFlash(session, 'notice'))
    expect(new Set(result)).toEqual(new Set(['one', 'two']))
  })

  it('can be taken in the request that said it, before anything is stored', async () => {
    const { result, cookie } = await visit(null, (session) => {
      flash(session, 'notice', 'now')
      return takeFlash(session, 'notice')
    })
    expect(result).toEqual(['now'])
    expect(cookie).toBeNull()
  })

  it('is nothing in a session that ended meanwhile', async () => {
    const { cookie } = await visit(null, (session) => flash(session, 'notice', 'late'))
    const session = await sessions.open({ cookie, secure: true })
    await sessions.revoke(session.id)
    expect(await takeFlash(session, 'notice')).toEqual([])
  })

  it('says farewell after a logout, in a new session', async () => {
    const { cookie } = await visit(null, (session) => void (session.visits = 1))
    const session = await sessions.open({ cookie, secure: true })
    await session.destroy()
    flash(sessions.current(session), 'notice', 'Goodbye')
    const { headers } = await sessions.commit(session)
    const next = headers.find(([name]) => name === 'Set-Cookie')![1].split(';')[0]!
    expect(next.slice(0, 33)).not.toBe(cookie!.slice(0, 33))
    expect((await visit(next, (again) => takeFlash(again, 'notice'))).result).toEqual(['Goodbye'])
  })
})
