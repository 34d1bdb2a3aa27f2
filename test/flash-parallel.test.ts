/** One-time messages under parallel requests, to one process and to two that share a store: D15. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createSessions, flash, type Session, type Sessions, takeFlash } from '../src/index.ts'
import { type GatedStore, gatedStore } from './support/gated-store.ts'
import { stores } from './support/stores.ts'
import { Visitor } from './support/visitor.ts'

type Data = Record<string, unknown>

interface Process {
  readonly store: GatedStore
  readonly sessions: Sessions<Data>
  /** A request of the browser with this cookie. */
  open(visitor: Visitor<Data>): Promise<Session<Data>>
}

/** Two processes on one store: each has its own manager, and neither knows of the other. */
async function twoProcesses(name: string): Promise<[Process, Process]> {
  const place = await stores[name]!.open()
  onTestFinished(() => place.close())
  const [one, other] = [1, 2].map((): Process => {
    const store = gatedStore(place.store)
    const sessions = createSessions<Data>({ store })
    return { store, sessions, open: ({ cookie }) => sessions.open({ cookie, secure: true }) }
  })
  return [one!, other!]
}

/** A browser to which something was said once, and which was here before. */
async function told({ sessions }: Process): Promise<Visitor<Data>> {
  const visitor = new Visitor(sessions)
  await visitor.visit((session) => flash(session, 'notice', 'once'))
  return visitor
}

// The others are the same compare-and-swap, tried by the promises.
describe.each(['memory', 'sqlite', 'redis'].filter((name) => name in stores))('on %s', (name) => {
  it('who comes second while the first is about to take gets the message, and the first nothing', async () => {
    const [one, other] = await twoProcesses(name)
    const visitor = await told(one)
    const [slow, fast] = [await one.open(visitor), await other.open(visitor)]
    const saving = one.store.hold('save')
    const slowly = takeFlash(slow, 'notice')
    await saving.reached
    expect(await takeFlash(fast, 'notice')).toEqual(['once'])
    saving.open()
    expect(await slowly).toEqual([])
  })

  it('who comes while the first has taken and does not know it yet gets nothing', async () => {
    const [one, other] = await twoProcesses(name)
    const visitor = await told(one)
    const [slow, fast] = [await one.open(visitor), await other.open(visitor)]
    const answering = one.store.holdAnswer('save')
    const slowly = takeFlash(slow, 'notice')
    await answering.reached
    expect(await takeFlash(fast, 'notice')).toEqual([])
    answering.open()
    expect(await slowly).toEqual(['once'])
  })

  it('of forty requests at once, to both, exactly one gets it, and none after', async () => {
    const processes = await twoProcesses(name)
    const visitor = await told(processes[0])
    const opened = await Promise.all(Array.from({ length: 40 }, (_, at) => processes[at % 2]!.open(visitor)))
    const taken = await Promise.all(
      opened.map(async (session, at) => {
        const messages = await takeFlash(session, 'notice')
        await processes[at % 2]!.sessions.commit(session)
        return messages
      }),
    )
    expect(taken.flat()).toEqual(['once'])
    expect(await takeFlash(await processes[1].open(visitor), 'notice')).toEqual([])
  })

  it('what is said while another takes is kept for the next', async () => {
    const [one, other] = await twoProcesses(name)
    const visitor = await told(one)
    const [taking, saying] = [await one.open(visitor), await other.open(visitor)]
    const saving = one.store.hold('save')
    const taken = takeFlash(taking, 'notice')
    await saving.reached
    flash(saying, 'notice', 'meanwhile')
    await other.sessions.commit(saying)
    saving.open()
    const next = await takeFlash(await other.open(visitor), 'notice')
    expect([...(await taken), ...next].toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
      'meanwhile',
      'once',
    ])
  })
})
