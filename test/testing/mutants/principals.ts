/** Bugs of the principal index. */
import type { Awaitable, Saved, StoreCall, StoredSession } from '../../../src/core/store.ts'
import type { Engine, FullStore } from '../reference-store.ts'
import { folded, isLike, listing, type Mutant } from './_mutant.ts'

const LIST = 'list gives the sessions of a principal, and nobody else’s'
const APART = 'list tells principals apart character by character'
const MOVES = 'a save that changes the principal moves the session to the new one’s list'

export const principalMutants: readonly Mutant[] = [
  {
    name: 'list gives those of nobody as well',
    caughtBy: [LIST],
    breaks: listing((session, principal) => session.principal === principal || session.principal === null),
  },
  {
    name: 'list fails for somebody without sessions',
    caughtBy: [LIST],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        list(principal, call) {
          if ([...sessions.values()].some((session) => session.principal === principal))
            return sound.list(principal, call)
          throw new Error('no such principal')
        },
      }),
  },
  {
    name: 'list gives each session twice',
    caughtBy: [LIST],
    breaks: () => (sound) => ({
      async *list(principal, call) {
        yield* sound.list(principal, call)
        yield* sound.list(principal, call)
      },
    }),
  },
  {
    name: 'list gives sessions as they were at create',
    caughtBy: ['list gives each session as it is stored now'],
    breaks: () => {
      const created = new Map<string, StoredSession>()
      return (sound) => ({
        create(id, session, call) {
          created.set(id, { ...session })
          return sound.create(id, session, call)
        },
        async *list(principal, call) {
          for await (const [id, session] of sound.list(principal, call)) yield [id, { ...(created.get(id) ?? session) }]
        },
      })
    },
  },
  {
    name: 'list gives the very objects that are kept',
    caughtBy: ['list gives each session as it is stored now'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async *list(principal, call) {
          for await (const [id, session] of sound.list(principal, call)) yield [id, sessions.get(id) ?? session]
        },
      }),
  },
  {
    name: 'list stops after the first hundred',
    caughtBy: ['list gives all of very many sessions'],
    breaks: () => (sound) => ({
      async *list(principal, call) {
        let left = 100
        for await (const entry of sound.list(principal, call)) if (left-- > 0) yield entry
      },
    }),
  },
  {
    name: 'list has no regard for case',
    caughtBy: [APART],
    breaks: listing((session, principal) => session.principal?.toLowerCase() === principal.toLowerCase()),
  },
  {
    name: 'list has no regard for accents',
    caughtBy: [APART],
    breaks: listing((session, principal) => folded(session.principal ?? '') === folded(principal)),
  },
  {
    name: 'list has no regard for spaces at the end',
    caughtBy: [APART],
    breaks: listing((session, principal) => session.principal?.trimEnd() === principal.trimEnd()),
  },
  {
    name: 'list goes by prefix',
    caughtBy: [APART],
    breaks: listing((session, principal) => session.principal?.startsWith(principal) === true),
  },
  {
    name: 'list takes a principal for a pattern',
    caughtBy: [APART],
    breaks: listing((session, principal) => isLike(session.principal ?? '', principal)),
  },
  {
    name: 'the index is a plain object',
    caughtBy: ['a hostile principal is only a name'],
    breaks: () => {
      const index: Record<string, Set<string>> = {}
      return (sound) => ({
        create(id, session, call) {
          if (session.principal !== null) (index[session.principal] ??= new Set()).add(id)
          return sound.create(id, session, call)
        },
      })
    },
  },
  {
    name: 'principals are spliced into a statement',
    caughtBy: ['a hostile principal is only a name'],
    breaks: () => (sound) => ({
      list(principal, call) {
        if (principal.includes("'")) throw new Error('syntax error at or near')
        return sound.list(principal, call)
      },
    }),
  },
  {
    name: 'list forgets to move what a save gave to somebody else',
    caughtBy: [MOVES],
    breaks: (engine) => indexed(engine, { moves: () => false }),
  },
  {
    name: 'a session that loses its owner stays in the list',
    caughtBy: [MOVES],
    breaks: (engine) => indexed(engine, { moves: (_call, session) => session.principal !== null }),
  },
  {
    name: 'the index trusts the hint',
    caughtBy: ['list is right though nobody said what the principal was before'],
    breaks: (engine) => indexed(engine, { moves: (call) => call.principalBefore !== undefined }),
  },
  {
    name: 'the index keeps the first expiry',
    caughtBy: ['list still has a session past its former expiry'],
    breaks: () => {
      const ends = new Map<string, number>()
      return (sound) => ({
        create(id, session, call) {
          ends.set(id, session.expiresAt)
          return sound.create(id, session, call)
        },
        async *list(principal, call) {
          for await (const [id, session] of sound.list(principal, call)) {
            if (call.now < (ends.get(id) ?? Infinity)) yield [id, session]
          }
        },
      })
    },
  },
  {
    name: 'touch keeps the index alive only for the principal of the hint',
    caughtBy: ['list still has a session past its former expiry'],
    breaks: ({ sessions }) => {
      const ends = new Map<string, number>()
      return (sound) => ({
        touch(id, expiresAt, call) {
          const stored = sessions.get(id)
          if (stored && stored.principal !== call.principalBefore) ends.set(id, stored.expiresAt)
          return sound.touch(id, expiresAt, call)
        },
        async *list(principal, call) {
          for await (const [id, session] of sound.list(principal, call)) {
            if (call.now < (ends.get(id) ?? Infinity)) yield [id, session]
          }
        },
      })
    },
  },
  {
    name: 'a removed session stays in the list',
    caughtBy: ['a removed session leaves the list'],
    breaks: () => {
      const removed = new Map<string, StoredSession>()
      return (sound) => ({
        async remove(id, call) {
          const session = await sound.load(id, call)
          if (session) removed.set(id, session)
          await sound.remove(id, call)
        },
        async *list(principal, call) {
          yield* sound.list(principal, call)
          for (const entry of removed) if (entry[1].principal === principal) yield entry
        },
      })
    },
  },
  {
    name: 'the index entry of an expired session outlives its id',
    caughtBy: ['a session that takes the id of an expired one leaves nothing of it in the list'],
    breaks: (engine) => indexed(engine, { moves: () => true }),
  },
  {
    name: 'a removal makes list skip the next session',
    caughtBy: ['who reads a list may remove meanwhile, and stop early'],
    breaks:
      ({ sessions }) =>
      () => ({
        async *list(principal, { now }) {
          for (let i = 0; i < sessions.size; i++) {
            const entry = [...sessions][i]
            if (entry && entry[1].principal === principal && entry[1].expiresAt > now) yield entry
          }
        },
      }),
  },
  {
    name: 'list keeps others out until it has been read to the end',
    caughtBy: ['who reads a list may remove meanwhile, and stop early'],
    breaks: () => {
      let reading = false
      return (sound) => ({
        async *list(principal, call) {
          reading = true
          yield* sound.list(principal, call)
          reading = false
        },
        remove(id, call) {
          if (reading) throw new Error('database is locked')
          return sound.remove(id, call)
        },
      })
    },
  },
]

/**
 * Lists from an index beside the sessions, without a look at whose they are.
 *
 * `moves` tells whether a save takes the session out of its former owner's list.
 */
function indexed(
  { sessions }: Engine,
  { moves }: { moves: (call: StoreCall, session: StoredSession) => boolean },
): (sound: FullStore) => Partial<FullStore> {
  const index = new Map<string, Set<string>>()
  /** Enters first, and takes that back when nothing came of the write. */
  const entered = async <V>(
    id: string,
    { principal }: StoredSession,
    done: V,
    write: () => Awaitable<V>,
  ): Promise<V> => {
    const own = principal === null ? undefined : (index.get(principal) ?? new Set())
    const isNew = own?.has(id) === false
    if (own && principal !== null) index.set(principal, own.add(id))
    const answer = await write()
    if (answer !== done && isNew) own.delete(id)
    return answer
  }
  return (sound) => ({
    create: (id, session, call) => entered(id, session, true, () => sound.create(id, session, call)),
    async save(id, session, ifVersion, call) {
      const before = sessions.get(id)?.principal
      const saved = await entered<Saved>(id, session, 'saved', () => sound.save(id, session, ifVersion, call))
      const isMoved = saved === 'saved' && before && before !== session.principal
      if (isMoved && moves(call, session)) index.get(before)?.delete(id)
      return saved
    },
    async *list(principal, call) {
      for (const id of index.get(principal) ?? []) {
        const session = await sound.load(id, call)
        if (session) yield [id, session]
      }
    },
  })
}
