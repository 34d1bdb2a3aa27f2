/** Bugs of the five verbs. */
import type { StoredSession } from '../../../src/core/store.ts'
import type { Mutant } from './_mutant.ts'

export const verbMutants: readonly Mutant[] = [
  {
    name: 'create keeps nothing',
    caughtBy: ['create keeps a new session, and load gives it back as it was'],
    breaks: () => (sound) => ({
      create: async (id, _session, call) => (await sound.load(id, call)) === undefined,
    }),
  },
  {
    name: 'load answers null for nothing',
    caughtBy: ['load of an id that nobody created is undefined'],
    breaks: () => (sound) => ({
      load: async (id, call) => (await sound.load(id, call)) ?? (null as unknown as undefined),
    }),
  },
  {
    name: 'load throws when there is nothing',
    caughtBy: ['load of an id that nobody created is undefined'],
    breaks: () => (sound) => ({
      async load(id, call) {
        const session = await sound.load(id, call)
        if (!session) throw new Error('no such session')
        return session
      },
    }),
  },
  {
    name: 'create overwrites',
    caughtBy: ['create refuses an id that is taken, and what is there stays'],
    breaks:
      ({ sessions }) =>
      () => ({
        create(id, session) {
          sessions.set(id, { ...session })
          return true
        },
      }),
  },
  {
    name: 'create says true for a taken id',
    caughtBy: ['create refuses an id that is taken, and what is there stays'],
    breaks: () => (sound) => ({
      async create(id, session, call) {
        await sound.create(id, session, call)
        return true
      },
    }),
  },
  {
    name: 'create refuses every id that was ever used',
    caughtBy: ['create takes an id again whose session was removed'],
    breaks: () => {
      const used = new Set<string>()
      return (sound) => ({
        create(id, session, call) {
          if (used.has(id)) return false
          used.add(id)
          return sound.create(id, session, call)
        },
      })
    },
  },
  {
    name: 'save leaves the expiry as it was at create',
    caughtBy: [
      'save replaces version, expiry, principal and body, all at once',
      'instants come back to the millisecond',
    ],
    breaks: changingSave((stored, session) => ({ ...session, expiresAt: stored.expiresAt })),
  },
  {
    name: 'save leaves the principal alone',
    caughtBy: ['save replaces version, expiry, principal and body, all at once'],
    breaks: changingSave((stored, session) => ({ ...session, principal: stored.principal })),
  },
  {
    name: 'save leaves the version alone',
    caughtBy: ['save replaces version, expiry, principal and body, all at once'],
    breaks: changingSave((stored, session) => ({ ...session, version: stored.version })),
  },
  {
    name: 'save never shortens a life',
    caughtBy: ['save may bring the expiry forward'],
    breaks: changingSave((stored, session) => ({
      ...session,
      expiresAt: Math.max(stored.expiresAt, session.expiresAt),
    })),
  },
  {
    name: 'save ignores the version',
    caughtBy: [
      'save onto another version is a conflict, and hands over what is stored now',
      'of many saves at once onto one version, one is saved and the others are handed what it saved',
      'a rotation is never reverted, in whatever order others save and touch',
    ],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        save: (id, session, ifVersion, call) => sound.save(id, session, sessions.get(id)?.version ?? ifVersion, call),
      }),
  },
  {
    name: 'save takes any version that is not older',
    caughtBy: ['save onto another version is a conflict, and hands over what is stored now'],
    breaks: () => (sound) => ({
      async save(id, session, ifVersion, call) {
        const stored = await sound.load(id, call)
        return sound.save(id, session, Math.min(ifVersion, stored?.version ?? 0), call)
      },
    }),
  },
  {
    name: 'a conflict hands over the session as it was at create',
    caughtBy: [
      'save onto another version is a conflict, and hands over what is stored now',
      'a counter that many increment at once misses nothing',
    ],
    breaks: () => {
      const created = new Map<string, StoredSession>()
      return (sound) => ({
        create(id, session, call) {
          created.set(id, { ...session })
          return sound.create(id, session, call)
        },
        async save(id, session, ifVersion, call) {
          const saved = await sound.save(id, session, ifVersion, call)
          return typeof saved === 'object' ? { conflict: created.get(id) ?? saved.conflict } : saved
        },
      })
    },
  },
  {
    name: 'a conflict hands nothing over',
    caughtBy: ['save onto another version is a conflict, and hands over what is stored now'],
    breaks: () => (sound) => ({
      async save(id, session, ifVersion, call) {
        const saved = await sound.save(id, session, ifVersion, call)
        return typeof saved === 'object' ? ({ conflict: undefined } as unknown as typeof saved) : saved
      },
    }),
  },
  {
    name: 'a save in conflict writes the body all the same',
    caughtBy: ['a save in conflict changes nothing'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async save(id, session, ifVersion, call) {
          const saved = await sound.save(id, session, ifVersion, call)
          const stored = sessions.get(id)
          if (typeof saved === 'object' && stored) sessions.set(id, { ...stored, body: session.body })
          return saved
        },
      }),
  },
  {
    name: 'save upserts',
    caughtBy: [
      'save of a session that is not there is gone, and creates nothing',
      'a removed session stays gone, in whatever order others save and touch it',
    ],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        save(id, session, ifVersion, call) {
          if (sessions.has(id)) return sound.save(id, session, ifVersion, call)
          sessions.set(id, { ...session })
          return 'saved'
        },
      }),
  },
  {
    name: 'save onto version 0 creates',
    caughtBy: ['save of a session that is not there is gone, and creates nothing'],
    breaks: () => (sound) => ({
      async save(id, session, ifVersion, call) {
        if (ifVersion > 0) return sound.save(id, session, ifVersion, call)
        return (await sound.create(id, session, call)) ? 'saved' : 'gone'
      },
    }),
  },
  {
    name: 'touch only says that it touched',
    caughtBy: ['touch moves the expiry forward and changes nothing else', 'instants come back to the millisecond'],
    breaks: () => (sound) => ({ touch: async (id, _expiresAt, call) => (await sound.load(id, call)) !== undefined }),
  },
  {
    name: 'touch loses the principal',
    caughtBy: ['touch moves the expiry forward and changes nothing else'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async touch(id, expiresAt, call) {
          const touched = await sound.touch(id, expiresAt, call)
          const stored = sessions.get(id)
          if (stored) stored.principal = null
          return touched
        },
      }),
  },
  {
    name: 'touch bumps the version',
    caughtBy: [
      'touch moves the expiry forward and changes nothing else',
      'a touch between a load and its save is no conflict',
    ],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async touch(id, expiresAt, call) {
          const touched = await sound.touch(id, expiresAt, call)
          const stored = sessions.get(id)
          if (touched && stored) stored.version++
          return touched
        },
      }),
  },
  {
    name: 'touch moves the expiry back',
    caughtBy: ['touch never moves the expiry back, and that is no failure'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async touch(id, expiresAt, call) {
          const touched = await sound.touch(id, expiresAt, call)
          const stored = sessions.get(id)
          if (touched && stored) stored.expiresAt = expiresAt
          return touched
        },
      }),
  },
  {
    name: 'touch is false when there is nothing to move',
    caughtBy: ['touch never moves the expiry back, and that is no failure'],
    breaks: () => (sound) => ({
      async touch(id, expiresAt, call) {
        const stored = await sound.load(id, call)
        return stored !== undefined && stored.expiresAt < expiresAt && sound.touch(id, expiresAt, call)
      },
    }),
  },
  {
    name: 'touch recreates',
    caughtBy: [
      'touch of a session that is not there is false, and creates nothing',
      'a removed session stays gone, in whatever order others save and touch it',
    ],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        touch(id, expiresAt, call) {
          if (!sessions.has(id)) sessions.set(id, { version: 1, expiresAt, principal: null, body: '' })
          return sound.touch(id, expiresAt, call)
        },
      }),
  },
  {
    name: 'remove ends all sessions of the same owner',
    caughtBy: ['remove ends one session and no other'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        remove(id, call) {
          const principal = sessions.get(id)?.principal
          for (const [other, session] of sessions) if (session.principal === principal) sessions.delete(other)
          return sound.remove(id, call)
        },
      }),
  },
  {
    name: 'remove ends only what was never saved',
    caughtBy: ['remove ends one session and no other'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        remove: (id, call) => (sessions.get(id)?.version === 1 ? sound.remove(id, call) : undefined),
      }),
  },
  {
    name: 'remove throws when there is nothing',
    caughtBy: ['removing what is not there is no error'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        remove(id, call) {
          if (!sessions.has(id)) throw new Error('no such session')
          return sound.remove(id, call)
        },
      }),
  },
  {
    name: 'create keeps the very object that it is given',
    caughtBy: ['what goes in and what comes out is not shared'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async create(id, session, call) {
          const created = await sound.create(id, session, call)
          if (created) sessions.set(id, session)
          return created
        },
      }),
  },
  {
    name: 'save keeps the very object that it is given',
    caughtBy: ['what goes in and what comes out is not shared'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        save(id, session, ifVersion, call) {
          const saved = sound.save(id, session, ifVersion, call)
          if (saved === 'saved') sessions.set(id, session)
          return saved
        },
      }),
  },
  {
    name: 'load gives the very object that is kept',
    caughtBy: ['what goes in and what comes out is not shared'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        load: async (id, call) => (await sound.load(id, call)) && sessions.get(id),
      }),
  },
  {
    name: 'a conflict hands over the very object that is kept',
    caughtBy: ['what goes in and what comes out is not shared'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async save(id, session, ifVersion, call) {
          const saved = await sound.save(id, session, ifVersion, call)
          return typeof saved === 'object' ? { conflict: sessions.get(id) ?? saved.conflict } : saved
        },
      }),
  },
]

/** Breaks what a save that succeeds leaves behind. */
function changingSave(change: (stored: StoredSession, session: StoredSession) => StoredSession): Mutant['breaks'] {
  return ({ sessions }) =>
    (sound) => ({
      save(id, session, ifVersion, call) {
        const stored = sessions.get(id)
        return sound.save(id, stored ? change(stored, session) : session, ifVersion, call)
      },
    })
}
