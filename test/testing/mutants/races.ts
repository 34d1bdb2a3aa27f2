/** Operations that are not one step: they look first and write later. */
import { pause, type Mutant } from './_mutant.ts'

const AT_THE_SAME_TIME = 'a removed session stays gone, though others save and touch it at the same time'

export const raceMutants: readonly Mutant[] = [
  {
    name: 'create looks, then writes',
    caughtBy: ['of many creates at once under one id, one wins'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async create(id, session, call) {
          if (await sound.load(id, call)) return false
          await pause()
          sessions.set(id, { ...session })
          return true
        },
      }),
  },
  {
    name: 'create clears an expired session away, then writes',
    caughtBy: ['of many creates at once under the id of an expired session, one wins'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async create(id, session, call) {
          if ((sessions.get(id)?.expiresAt ?? Infinity) > call.now) return sound.create(id, session, call)
          await pause()
          sessions.delete(id)
          return sound.create(id, session, call)
        },
      }),
  },
  {
    name: 'save looks, then writes',
    caughtBy: [
      'of many saves at once onto one version, one is saved and the others are handed what it saved',
      'a counter that many increment at once misses nothing',
      AT_THE_SAME_TIME,
      'a rotation is never reverted, though others save and touch at the same time',
    ],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async save(id, session, ifVersion, call) {
          const stored = await sound.load(id, call)
          if (!stored) return 'gone'
          if (stored.version !== ifVersion) return { conflict: stored }
          await pause()
          sessions.set(id, { ...session })
          return 'saved'
        },
      }),
  },
  {
    name: 'touch looks, then writes the whole session back',
    caughtBy: [AT_THE_SAME_TIME, 'a rotation is never reverted, though others save and touch at the same time'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async touch(id, expiresAt, call) {
          const stored = await sound.load(id, call)
          if (!stored) return false
          await pause()
          sessions.set(id, { ...stored, expiresAt: Math.max(stored.expiresAt, expiresAt) })
          return true
        },
      }),
  },
]
