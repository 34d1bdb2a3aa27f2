/** What a whole application suffers from: the way of a request, over a store with one bug. */
import type { StoredSession } from '../../../src/core/store.ts'
import type { Mutant } from './_mutant.ts'

const SIGN_IN_AFTER_GONE = 'a sign-in whose session is gone signs in all the same, and a write does not'
const IDENTITIES = 'two identities are never mixed in one session'

export const managerMutants: readonly Mutant[] = [
  {
    name: 'a sign-in after gone fails',
    caughtBy: [SIGN_IN_AFTER_GONE],
    breaks: () => (sound) => ({
      async save(id, session, ifVersion, call) {
        const saved = await sound.save(id, session, ifVersion, call)
        if (saved === 'gone') throw new Error('no such row')
        return saved
      },
    }),
  },
  {
    name: 'a sign-in after gone brings the old session back',
    caughtBy: [SIGN_IN_AFTER_GONE],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        save(id, session, ifVersion, call) {
          if (!sessions.has(id)) sessions.set(id, { ...session, version: ifVersion })
          return sound.save(id, session, ifVersion, call)
        },
      }),
  },
  {
    name: 'its own resend is taken for a conflict',
    caughtBy: ['a write that a driver sent twice counts once'],
    breaks: () => (sound) => ({
      async save(id, session, ifVersion, call) {
        const saved = await sound.save(id, session, ifVersion, call)
        if (typeof saved === 'string') return saved
        // The third word of a body is the mark of its write.
        return { conflict: { ...saved.conflict, body: saved.conflict.body.replace(/^(\S+ \S+ )\S+/, '$1########') } }
      },
    }),
  },
  {
    name: 'a token of another manager is one of its own: what sets their principals apart is lost',
    caughtBy: ['a token of another manager opens nothing, and nobody else’s sessions end with one’s own'],
    breaks: () => (sound) => ({
      create: (id, session, call) => sound.create(id, { ...session, principal: bare(session.principal) }, call),
      removeAll: (principal, but, call) => sound.removeAll(bare(principal)!, but, call),
    }),
  },
  {
    name: 'two identities are merged: a later save keeps the data of the one and the principal of the other',
    caughtBy: [IDENTITIES],
    breaks: merging((stored, session) => ({ ...session, version: stored.version + 1, principal: stored.principal })),
  },
  {
    name: 'two identities are merged: a later save keeps the principal of the one and the data of the other',
    caughtBy: [IDENTITIES],
    breaks: merging((stored, session) => ({ ...session, version: stored.version + 1, body: stored.body })),
  },
]

/** Where others were faster, makes one of both instead of a conflict. */
function merging(both: (stored: StoredSession, session: StoredSession) => StoredSession): Mutant['breaks'] {
  return ({ sessions }) =>
    (sound) => ({
      async save(id, session, ifVersion, call) {
        const saved = await sound.save(id, session, ifVersion, call)
        if (typeof saved === 'string') return saved
        sessions.set(id, both(saved.conflict, session))
        return 'saved'
      },
    })
}

function bare(principal: string | null): string | null {
  return principal === null ? null : principal.slice(principal.indexOf('\u001f') + 1)
}
