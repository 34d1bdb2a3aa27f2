/** Bugs in a corner that one case alone looks into. */
import { BROOM_DELAY_MS, REVOCATION_MARK_MS, type StoredSession } from '../../../src/core/store.ts'
import type { Engine } from '../reference-store.ts'
import { pause, type Mutant } from './_mutant.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** What a sign-in does that leaves its session at a version. */
const DOES = { 1: 'creates', 2: 'saves' }

export const aloneMutants: readonly Mutant[] = [
  {
    name: 'load finds what every object has',
    caughtBy: ['load of an id that nobody created is undefined'],
    breaks: () => (sound) => ({
      load: (id, call) => (id === 'toString' ? ({} as never) : sound.load(id, call)),
    }),
  },
  {
    name: 'a refused create still moves the session to its own principal',
    caughtBy: ['create refuses an id that is taken, and what is there stays'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async create(id, session, call) {
          const created = await sound.create(id, session, call)
          if (!created) sessions.get(id)!.principal ??= session.principal
          return created
        },
      }),
  },
  {
    name: 'a removal leaves a stone that create trips over',
    caughtBy: ['create takes an id again whose session was removed'],
    breaks: ({ sessions }) => {
      const stones = new Set<string>()
      return (sound) => ({
        create: (id, session, call) => !stones.has(id) && sound.create(id, session, call),
        remove(id, call) {
          if (sessions.has(id)) stones.add(id)
          return sound.remove(id, call)
        },
      })
    },
  },
  {
    name: 'a save that enters the index leaves the expiry alone',
    caughtBy: ['save replaces version, expiry, principal and body, all at once'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async save(id, session, ifVersion, call) {
          const expiresAt = sessions.get(id)?.expiresAt ?? 0
          const saved = await sound.save(id, session, ifVersion, call)
          if (saved === 'saved' && call.principalBefore === null) sessions.get(id)!.expiresAt = expiresAt
          return saved
        },
      }),
  },
  {
    name: 'a save in conflict touches',
    caughtBy: ['a save in conflict changes nothing'],
    breaks: () => (sound) => ({
      async save(id, session, ifVersion, call) {
        const saved = await sound.save(id, session, ifVersion, call)
        if (typeof saved === 'object') await sound.touch(id, session.expiresAt, call)
        return saved
      },
    }),
  },
  {
    name: 'a touch that is not told the principal forgets it',
    caughtBy: ['touch moves the expiry forward and changes nothing else'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async touch(id, expiresAt, call) {
          const touched = await sound.touch(id, expiresAt, call)
          const stored = sessions.get(id)
          if (touched && stored?.version === 1 && call.principalBefore === undefined) stored.principal = null
          return touched
        },
      }),
  },
  {
    name: 'a save that would shorten somebody’s touched session is a conflict',
    caughtBy: ['a touch between a load and its save is no conflict'],
    breaks: ({ sessions }) => {
      const touched = new Set<string>()
      return (sound) => ({
        async touch(id, expiresAt, call) {
          const done = await sound.touch(id, expiresAt, call)
          if (done && sessions.get(id)!.principal !== null) touched.add(id)
          return done
        },
        save(id, session, ifVersion, call) {
          const stored = sessions.get(id)
          const isLate = stored && touched.has(id) && session.expiresAt < stored.expiresAt
          return isLate ? { conflict: { ...stored } } : sound.save(id, session, ifVersion, call)
        },
      })
    },
  },
  {
    name: 'a touch for more than a year is a millisecond short',
    caughtBy: ['instants come back to the millisecond'],
    breaks: () => (sound) => ({
      touch: (id, expiresAt, call) => sound.touch(id, expiresAt - (expiresAt - call.now > 365 * DAY ? 1 : 0), call),
    }),
  },
  {
    name: 'the second touch writes back what the first one saw',
    caughtBy: ['a rotation is never reverted, in whatever order others save and touch'],
    breaks: ({ sessions }) => {
      const seen = new Map<string, StoredSession>()
      return (sound) => ({
        async touch(id, expiresAt, call) {
          const done = await sound.touch(id, expiresAt, call)
          const before = seen.get(id)
          if (done && before) sessions.set(id, { ...before })
          else if (done) seen.set(id, { ...sessions.get(id)! })
          return done
        },
      })
    },
  },
  {
    name: 'touch of what never was is true',
    caughtBy: ['touch of a session that is not there is false, and creates nothing'],
    breaks: (engine) => {
      const known = everKnown(engine)
      return (sound) => ({
        touch: (id, expiresAt, call) => (known.has(id) ? sound.touch(id, expiresAt, call) : id.length === 22),
      })
    },
  },
  {
    name: 'remove of what never was throws',
    caughtBy: ['removing what is not there is no error'],
    breaks: (engine) => {
      const known = everKnown(engine)
      return (sound) => ({
        remove(id, call) {
          if (!known.has(id) && id.length === 22) throw new Error('no such session')
          return sound.remove(id, call)
        },
      })
    },
  },
  {
    name: 'what was saved and is nobody’s takes others of nobody with it',
    caughtBy: ['remove ends one session and no other'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        remove(id, call) {
          const { version = 1, principal = '', body } = sessions.get(id) ?? {}
          for (const [other, { version: first, principal: owner, body: same }] of sessions) {
            if (version > 1 && first === 1 && principal === null && owner === null && body === same)
              sessions.delete(other)
          }
          return sound.remove(id, call)
        },
      }),
  },
  {
    name: 'what expired long ago lives again',
    caughtBy: ['a session can be loaded until the last millisecond of its life, and not after'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        load(id, call) {
          const stored = sessions.get(id)
          return stored && call.now - stored.expiresAt > HOUR ? { ...stored } : sound.load(id, call)
        },
      }),
  },
  {
    name: 'a save of what has expired is a conflict with it',
    caughtBy: ['an expired session cannot be saved'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        save(id, session, ifVersion, call) {
          const stored = sessions.get(id)
          return stored && stored.version !== ifVersion
            ? { conflict: { ...stored } }
            : sound.save(id, session, ifVersion, call)
        },
      }),
  },
  {
    name: 'touch comes in time at the very instant of the expiry',
    caughtBy: ['an expired session cannot be touched'],
    breaks: () => (sound) => ({
      touch: (id, expiresAt, call) => sound.touch(id, expiresAt, { ...call, now: call.now - 1 }),
    }),
  },
  {
    name: 'touch clears away what it finds expired',
    caughtBy: ['a caller whose clock runs ahead ends nobody’s session'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        touch(id, expiresAt, call) {
          const stored = sessions.get(id)
          if (stored && stored.expiresAt <= call.now - MINUTE) sessions.delete(id)
          return sound.touch(id, expiresAt, call)
        },
      }),
  },
  {
    name: 'the engine takes nothing that has expired by its own clock',
    caughtBy: ['a caller whose clock runs behind finds what has expired five minutes ago'],
    breaks: () => (sound) => ({
      create(id, session, call) {
        const agoMs = Date.now() - session.expiresAt
        return agoMs > 2 * MINUTE && agoMs < BROOM_DELAY_MS / 2 ? true : sound.create(id, session, call)
      },
    }),
  },
  {
    name: 'removeAll counts what it sweeps away as well',
    caughtBy: ['removeAll does not count what has expired'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async removeAll(principal, but, call) {
          const expired = [...sessions.values()].filter(
            (session) => session.principal === principal && session.expiresAt <= call.now,
          )
          return (await sound.removeAll(principal, but, call)) + expired.length
        },
      }),
  },
  {
    name: 'create of a new id looks, then writes',
    caughtBy: ['of many creates at once under one id, one wins'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async create(id, session, call) {
          if (sessions.has(id)) return sound.create(id, session, call)
          await pause()
          sessions.set(id, { ...session })
          return true
        },
      }),
  },
  {
    name: 'a conflict hands over what was there when the save came',
    caughtBy: ['of many saves at once onto one version, one is saved and the others are handed what it saved'],
    breaks: () => (sound) => ({
      async save(id, session, ifVersion, call) {
        const before = await sound.load(id, call)
        await pause()
        const saved = await sound.save(id, session, ifVersion, call)
        return typeof saved === 'object' && before ? { conflict: before } : saved
      },
    }),
  },
  {
    name: 'versions have one digit',
    caughtBy: ['a counter that many increment at once misses nothing'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        save(id, session, ifVersion, call) {
          const stored = sessions.get(id)
          return sound.save(id, session, ifVersion > 9 && stored ? stored.version : ifVersion, call)
        },
      }),
  },
  {
    name: 'a save finds what a touch left in the cache, though it was removed',
    caughtBy: ['a removed session stays gone, in whatever order others save and touch it'],
    breaks: (engine) => {
      const touched = new Set<string>()
      return (sound) => ({
        async touch(id, expiresAt, call) {
          const done = await sound.touch(id, expiresAt, call)
          if (done) touched.add(id)
          return done
        },
        async save(id, session, ifVersion, call) {
          if (touched.has(id) && !engine.sessions.has(id) && ifVersion === 1) engine.sessions.set(id, { ...session })
          return sound.save(id, session, ifVersion, call)
        },
      })
    },
  },
  {
    name: 'touch looks, then writes the whole session unless another has been saved',
    caughtBy: ['a removed session stays gone, though others save and touch it at the same time'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async touch(id, expiresAt, call) {
          const stored = await sound.load(id, call)
          if (!stored) return false
          await pause()
          const { version = stored.version } = sessions.get(id) ?? {}
          if (version !== stored.version) return sound.touch(id, expiresAt, call)
          sessions.set(id, { ...stored, expiresAt: Math.max(stored.expiresAt, expiresAt) })
          return true
        },
      }),
  },
  {
    name: 'touch looks, then writes the whole session if there still is one',
    caughtBy: ['a rotation is never reverted, though others save and touch at the same time'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async touch(id, expiresAt, call) {
          const stored = await sound.load(id, call)
          if (!stored) return false
          await pause()
          if (sessions.has(id)) sessions.set(id, { ...stored, expiresAt: Math.max(stored.expiresAt, expiresAt) })
          return true
        },
      }),
  },
  {
    name: 'who never had a session is given those of nobody',
    caughtBy: ['list gives the sessions of a principal, and nobody else’s'],
    breaks: ({ sessions }) => {
      const owners = new Set<string | null>()
      return (sound) => ({
        create(id, session, call) {
          owners.add(session.principal)
          return sound.create(id, session, call)
        },
        async save(id, session, ifVersion, call) {
          owners.add(session.principal)
          return sound.save(id, session, ifVersion, call)
        },
        async *list(principal, call) {
          if (owners.has(principal)) yield* sound.list(principal, call)
          else for (const [id, session] of sessions) if (session.principal === null) yield [id, { ...session }]
        },
      })
    },
  },
  {
    name: 'who signs out by a save stays in the list',
    caughtBy: ['a save that changes the principal moves the session to the new one’s list'],
    breaks: ({ sessions }) => {
      const former = new Map<string, string>()
      return (sound) => ({
        async save(id, session, ifVersion, call) {
          const before = sessions.get(id)?.principal
          if (before && session.principal === null) former.set(id, before)
          return sound.save(id, session, ifVersion, call)
        },
        async *list(principal, call) {
          yield* sound.list(principal, call)
          for (const [id, session] of sessions)
            if (session.principal === null && former.get(id) === principal) yield [id, { ...session }]
        },
      })
    },
  },
  {
    name: 'the old entry stays when nobody says whose it was',
    caughtBy: ['list is right though nobody said what the principal was before'],
    breaks: ({ sessions }) => {
      const former = new Map<string, string>()
      return (sound) => ({
        async save(id, session, ifVersion, call) {
          const before = sessions.get(id)?.principal
          if (before && before !== session.principal && call.principalBefore === undefined) former.set(id, before)
          return sound.save(id, session, ifVersion, call)
        },
        async *list(principal, call) {
          yield* sound.list(principal, call)
          for (const [id, session] of sessions) if (former.get(id) === principal) yield [id, { ...session }]
        },
      })
    },
  },
  {
    name: 'the first list is made of all that ever was',
    caughtBy: ['a removed session leaves the list'],
    breaks: ({ sessions }) => {
      const removed = new Map<string, [string, string]>()
      const listed = new Set<string>()
      return (sound) => ({
        remove(id, call) {
          const { principalBefore } = call
          if (principalBefore && !listed.has(principalBefore) && sessions.has(id))
            removed.set(id, [principalBefore, sessions.get(id)!.body])
          return sound.remove(id, call)
        },
        async *list(principal, call) {
          listed.add(principal)
          yield* sound.list(principal, call)
          for (const [id, [owner, body]] of removed)
            if (owner === principal) yield [id, { version: 1, expiresAt: call.now + HOUR, principal, body }]
        },
      })
    },
  },
  {
    name: 'removeAll marks, and ends the first hundred',
    caughtBy: ['removeAll ends all of very many sessions'],
    breaks:
      ({ marks }) =>
      (sound) => ({
        async removeAll(principal, { except }, call) {
          marks.set(principal, Math.max(call.now, marks.get(principal) ?? 0))
          let ended = 0
          for await (const [id] of sound.list(principal, call)) {
            if (id === except || ended === 100) continue
            await sound.remove(id, call)
            ended++
          }
          return ended
        },
      }),
  },
  {
    name: 'removeAll passes over what has outlived its first expiry',
    caughtBy: ['removeAll goes by whose a session is now'],
    breaks: ({ sessions }) => {
      const first = new Map<string, number>()
      return (sound) => ({
        create(id, session, call) {
          first.set(id, session.expiresAt)
          return sound.create(id, session, call)
        },
        async removeAll(principal, but, call) {
          const spared = [...sessions].filter(
            ([id, session]) => session.principal === principal && (first.get(id) ?? 0) <= call.now,
          )
          const ended = await sound.removeAll(principal, but, call)
          const living = spared.filter(([, session]) => session.expiresAt > call.now)
          for (const [id, session] of living) sessions.set(id, session)
          return ended - living.length
        },
      })
    },
  },
  {
    name: 'a clock that is minutes behind marks nothing',
    caughtBy: ['revokedAt gives the instant of removeAll, by its caller’s clock'],
    breaks:
      ({ marks }) =>
      (sound) => ({
        async removeAll(principal, but, call) {
          const ended = await sound.removeAll(principal, but, call)
          if (call.now < Date.now() - 5 * MINUTE) marks.delete(principal)
          return ended
        },
      }),
  },
  {
    name: 'removeAll says 1 of who never had a session',
    caughtBy: ['removeAll marks even somebody without sessions'],
    breaks: (engine) => {
      const owners = new Set<string | null>()
      return (sound) => ({
        create(id, session, call) {
          owners.add(session.principal)
          return sound.create(id, session, call)
        },
        async removeAll(principal, but, call) {
          const hadOne = owners.has(principal) || [...engine.sessions.values()].some((s) => s.principal === principal)
          return (await sound.removeAll(principal, but, call)) + (hadOne ? 0 : 1)
        },
      })
    },
  },
  {
    name: 'removeAll ends, marks, and ends again what came meanwhile',
    caughtBy: ['who finds a session ended by removeAll finds the mark as well'],
    breaks:
      ({ marks }) =>
      (sound) => ({
        async removeAll(principal, { except }, call) {
          const end = async (): Promise<number> => {
            let ended = 0
            for await (const [id] of sound.list(principal, call)) {
              if (id === except) continue
              await sound.remove(id, call)
              ended++
            }
            return ended
          }
          const ended = await end()
          await pause()
          const mark = marks.get(principal) ?? 0
          marks.set(principal, Math.max(call.now, call.now - mark < REVOCATION_MARK_MS ? mark : 0))
          await pause()
          return ended + (await end())
        },
      }),
  },
  {
    name: 'of what removeAll ends, one is told',
    caughtBy: ['each session that removeAll ends elsewhere is told'],
    breaks:
      ({ sessions, marks }) =>
      (sound) => ({
        async removeAll(principal, { except }, call) {
          marks.set(principal, Math.max(call.now, marks.get(principal) ?? 0))
          const ids: string[] = []
          for await (const [id] of sound.list(principal, call)) if (id !== except) ids.push(id)
          for (const [at, id] of ids.entries()) {
            if (at === 0) await sound.remove(id, call)
            else sessions.delete(id)
          }
          return ids.length
        },
      }),
  },
  ...([1, 2] as const).map((version): Mutant => ({
    name: `what removeAll ended at version ${version} cannot be removed again`,
    caughtBy: [`a sign-in that ${DOES[version]} does not slip past removeAll, in whatever order`],
    breaks: ({ sessions }) => {
      const ended = new Set<string>()
      return (sound) => ({
        async removeAll(principal, but, call) {
          const own = [...sessions].filter(([, each]) => each.principal === principal && each.version === version)
          for (const [id] of own) ended.add(id)
          return sound.removeAll(principal, but, call)
        },
        remove(id, call) {
          if (ended.has(id) && !sessions.has(id)) throw new Error('no such session')
          return sound.remove(id, call)
        },
      })
    },
  })),
  ...([1, 2] as const).map((version): Mutant => ({
    name: `removeAll lists, marks, and looks again only for what has not version ${version}`,
    caughtBy: [`a sign-in that ${DOES[version]} does not slip past removeAll at the same time`],
    breaks:
      ({ marks }) =>
      (sound) => ({
        async removeAll(principal, { except }, call) {
          const listed: string[] = []
          for await (const [id] of sound.list(principal, call)) listed.push(id)
          await pause()
          marks.set(principal, Math.max(call.now, marks.get(principal) ?? 0))
          for await (const [id, session] of sound.list(principal, call)) {
            if (session.version !== version && !listed.includes(id)) listed.push(id)
          }
          const ending = listed.filter((id) => id !== except)
          for (const id of ending) await sound.remove(id, call)
          return ending.length
        },
      }),
  })),
]

/** The ids that ever had a session. */
function everKnown({ sessions }: Engine): Set<string> {
  const known = new Set<string>()
  const { set } = sessions
  sessions.set = (id, session) => {
    known.add(id)
    return set.call(sessions, id, session)
  }
  return known
}
