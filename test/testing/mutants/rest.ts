/** Bugs of upkeep, of abandoned calls, and of news. */
import { BROOM_DELAY_MS } from '../../../src/core/store.ts'
import type { FullStore } from '../reference-store.ts'
import type { Mutant } from './_mutant.ts'

const SCAN = 'scan gives every live session once, whosever it is'
const PRUNE = 'prune removes what expired long ago, no more at a time than it may, and tells how many'
const SPARES = 'prune leaves the living, and what expired within the last ten minutes'
const ABANDONED = 'an abandoned call does all or nothing, and the next one is served'
const CLOSED = 'a handle that is closed finishes what it began, and leaves other handles alone'
const TOLD = 'a save and a removal made elsewhere are told'

export const restMutants: readonly Mutant[] = [
  {
    name: 'scan goes by the index and misses those of nobody',
    caughtBy: [SCAN],
    breaks: () => (sound) => ({
      async *scan(call) {
        for await (const entry of sound.scan(call)) if (entry[1].principal !== null) yield entry
      },
    }),
  },
  {
    name: 'scan gives a session twice',
    caughtBy: [SCAN],
    breaks: () => (sound) => ({
      async *scan(call) {
        yield* sound.scan(call)
        yield* sound.scan(call)
      },
    }),
  },
  {
    name: 'scan gives no bodies',
    caughtBy: [SCAN],
    breaks: () => (sound) => ({
      async *scan(call) {
        for await (const [id, session] of sound.scan(call)) yield [id, { ...session, body: '' }]
      },
    }),
  },
  {
    name: 'prune ignores its limit',
    caughtBy: [PRUNE],
    breaks: () => (sound) => ({ prune: (_limit, call) => sound.prune(Infinity, call) }),
  },
  {
    name: 'prune does not say how many',
    caughtBy: [PRUNE],
    breaks: () => (sound) => ({
      async prune(limit, call) {
        await sound.prune(limit, call)
        return 0
      },
    }),
  },
  {
    name: 'prune only says that it removed',
    caughtBy: [PRUNE],
    breaks: () => () => ({ prune: (limit) => limit }),
  },
  {
    name: 'prune removes nothing',
    caughtBy: [PRUNE],
    breaks: () => () => ({ prune: () => 0 }),
  },
  {
    name: 'prune removes the living',
    caughtBy: [SPARES],
    breaks: () => (sound) => ({ prune: (limit) => sound.prune(limit, { now: Infinity }) }),
  },
  {
    name: 'prune does not wait',
    caughtBy: [SPARES],
    breaks: () => (sound) => ({ prune: (limit, call) => sound.prune(limit, { now: call.now + BROOM_DELAY_MS }) }),
  },
  {
    name: 'an abandoned save leaves half of it',
    caughtBy: [ABANDONED],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async save(id, session, ifVersion, call) {
          const stored = sessions.get(id)
          if (stored) stored.body = session.body
          await Promise.resolve()
          call.signal?.throwIfAborted()
          return sound.save(id, session, ifVersion, call)
        },
      }),
  },
  {
    name: 'an abandoned create says that it created',
    caughtBy: [ABANDONED],
    breaks: () => (sound) => ({
      create: (id, session, call) => call.signal?.aborted === true || sound.create(id, session, call),
    }),
  },
  {
    name: 'an abandoned call breaks the store',
    caughtBy: [ABANDONED],
    breaks: () => {
      let broken = false
      return (sound) => ({
        touch(id, expiresAt, call) {
          if (broken) throw new Error('connection closed')
          broken = call.signal?.aborted === true
          return sound.touch(id, expiresAt, call)
        },
      })
    },
  },
  {
    name: 'the record is written before the index, and the call is abandoned between',
    caughtBy: ['a session that an abandoned call left there is listed'],
    breaks: () => {
      const unlisted = new Set<string>()
      return (sound) => ({
        async create(id, session, call) {
          const created = await sound.create(id, session, call)
          unlisted.add(id)
          await Promise.resolve()
          call.signal?.throwIfAborted()
          unlisted.delete(id)
          return created
        },
        async *list(principal, call) {
          for await (const entry of sound.list(principal, call)) if (!unlisted.has(entry[0])) yield entry
        },
      })
    },
  },
  { name: 'nothing is told', caughtBy: [TOLD], breaks: () => () => ({ changes: () => () => {} }) },
  {
    name: 'only saves are told',
    caughtBy: [TOLD],
    breaks:
      ({ sessions }) =>
      () => ({
        remove(id) {
          sessions.delete(id)
        },
      }),
  },
  {
    name: 'removals are told before they are made',
    caughtBy: [TOLD],
    breaks:
      ({ sessions, listeners }) =>
      () => ({
        remove(id) {
          for (const fn of listeners.keys()) fn(id)
          setTimeout(() => sessions.delete(id), 50)
        },
      }),
  },
  {
    name: 'removeAll tells nothing',
    caughtBy: ['each session that removeAll ends elsewhere is told'],
    breaks:
      ({ sessions }) =>
      () => ({
        removeAll(principal) {
          const own = [...sessions].filter(([, session]) => session.principal === principal)
          return own.filter(([id]) => sessions.delete(id)).length
        },
      }),
  },
  {
    name: 'the telling never ends',
    caughtBy: ['nothing is told to who no longer listens'],
    breaks: () => (sound) => ({
      changes(fn) {
        sound.changes(fn)
        return () => {}
      },
    }),
  },
  {
    name: 'the record is written before the index, and the process dies between',
    caughtBy: ['a process that dies between any two commands leaves every live session in its principal’s list'],
    breaks: () => {
      const unlisted = new Set<string>()
      return (sound) => ({
        async create(id, session, call) {
          unlisted.add(id)
          const created = await sound.create(id, session, call)
          sound.command(() => unlisted.delete(id))
          return created
        },
        async *list(principal, call) {
          for await (const entry of sound.list(principal, call)) if (!unlisted.has(entry[0])) yield entry
        },
      })
    },
  },
  {
    name: 'close forgets what is under way, and says that it was saved',
    caughtBy: [CLOSED],
    breaks: () => (sound) => {
      let isClosed = false
      return {
        async save(id, session, ifVersion, call) {
          await Promise.resolve()
          return isClosed ? 'saved' : sound.save(id, session, ifVersion, call)
        },
        close() {
          isClosed = true
        },
      }
    },
  },
  {
    name: 'closing one handle closes all',
    caughtBy: [CLOSED],
    breaks: () => {
      const handles: FullStore[] = []
      return (sound) => {
        handles.push(sound)
        return {
          close() {
            for (const handle of handles) handle.close()
          },
        }
      }
    },
  },
]
