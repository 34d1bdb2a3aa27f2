/** Bugs of expiry. */
import type { StoreCall } from '../../../src/core/store.ts'
import type { Mutant } from './_mutant.ts'

const LOAD = 'a session can be loaded until the last millisecond of its life, and not after'
const AHEAD = 'a caller whose clock runs ahead ends nobody’s session'
const BEHIND = 'a caller whose clock runs behind finds what has expired five minutes ago'
const LIST = 'list leaves out what has expired, and only by the caller’s clock'
const SCAN = 'scan leaves out what has expired, and only by the caller’s clock'
const CREATE = 'create takes the id of an expired session, and not a millisecond earlier'

/** A call at an instant at which nothing has expired. */
const long = (call: StoreCall): StoreCall => ({ ...call, now: 0 })

const byMachine = (call: StoreCall): StoreCall => ({ ...call, now: Date.now() })

export const expiryMutants: readonly Mutant[] = [
  {
    name: 'load gives what has expired',
    caughtBy: [LOAD],
    breaks: () => (sound) => ({ load: (id, call) => sound.load(id, long(call)) }),
  },
  {
    name: 'load still gives a session at the instant of its expiry',
    caughtBy: [LOAD],
    breaks: () => (sound) => ({ load: (id, call) => sound.load(id, { ...call, now: call.now - 1 }) }),
  },
  {
    name: 'expiry is judged by the machine’s clock',
    caughtBy: [LOAD, BEHIND, 'an expired session cannot be saved', 'an expired session cannot be touched', CREATE],
    breaks: () => (sound) => ({
      load: (id, call) => sound.load(id, byMachine(call)),
      create: (id, session, call) => sound.create(id, session, byMachine(call)),
      save: (id, session, ifVersion, call) => sound.save(id, session, ifVersion, byMachine(call)),
      touch: (id, expiresAt, call) => sound.touch(id, expiresAt, byMachine(call)),
    }),
  },
  {
    name: 'save revives what has expired',
    caughtBy: ['an expired session cannot be saved'],
    breaks: () => (sound) => ({
      save: (id, session, ifVersion, call) => sound.save(id, session, ifVersion, long(call)),
    }),
  },
  {
    name: 'save of what has expired is a conflict',
    caughtBy: ['an expired session cannot be saved'],
    breaks: () => (sound) => ({
      async save(id, session, ifVersion, call) {
        const saved = await sound.save(id, session, ifVersion, call)
        const expired = saved === 'gone' ? await sound.load(id, long(call)) : undefined
        return expired ? { conflict: expired } : saved
      },
    }),
  },
  {
    name: 'touch revives what has expired',
    caughtBy: ['an expired session cannot be touched'],
    breaks: () => (sound) => ({ touch: (id, expiresAt, call) => sound.touch(id, expiresAt, long(call)) }),
  },
  {
    name: 'create ignores expiry',
    caughtBy: [CREATE, 'of many creates at once under the id of an expired session, one wins'],
    breaks: () => (sound) => ({ create: (id, session, call) => sound.create(id, session, long(call)) }),
  },
  {
    name: 'create takes an id a millisecond too early',
    caughtBy: [CREATE],
    breaks: () => (sound) => ({
      create: (id, session, call) => sound.create(id, session, { ...call, now: call.now + 1 }),
    }),
  },
  {
    name: 'the engine’s own expiry stays as create set it',
    caughtBy: ['a session lives as long as its latest expiry says, after touch and save alike'],
    breaks: () => {
      const ends = new Map<string, number>()
      return (sound) => ({
        create(id, session, call) {
          ends.set(id, session.expiresAt)
          return sound.create(id, session, call)
        },
        load: (id, call) => (call.now < (ends.get(id) ?? 0) ? sound.load(id, call) : undefined),
      })
    },
  },
  {
    name: 'a session ends by a timer, and the timer overflows',
    caughtBy: ['an expiry a year ahead is not cut short'],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        create(id, session, call) {
          const lifeMs = session.expiresAt - call.now
          // What setTimeout itself makes of it, but for the warning.
          if (lifeMs > 2 ** 31 - 1) setTimeout(() => sessions.delete(id), 1)
          return sound.create(id, session, call)
        },
      }),
  },
  {
    name: 'load deletes what it finds expired',
    caughtBy: [AHEAD],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        load(id, call) {
          if ((sessions.get(id)?.expiresAt ?? 0) <= call.now) sessions.delete(id)
          return sound.load(id, call)
        },
      }),
  },
  {
    name: 'touch deletes what it finds expired',
    caughtBy: [AHEAD],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        touch(id, expiresAt, call) {
          if ((sessions.get(id)?.expiresAt ?? 0) <= call.now) sessions.delete(id)
          return sound.touch(id, expiresAt, call)
        },
      }),
  },
  {
    name: 'save deletes what it finds expired',
    caughtBy: [AHEAD],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        save(id, session, ifVersion, call) {
          if ((sessions.get(id)?.expiresAt ?? 0) <= call.now) sessions.delete(id)
          return sound.save(id, session, ifVersion, call)
        },
      }),
  },
  {
    name: 'the engine’s own expiry does not wait',
    caughtBy: [BEHIND],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        load(id, call) {
          if ((sessions.get(id)?.expiresAt ?? 0) <= Date.now()) sessions.delete(id)
          return sound.load(id, call)
        },
      }),
  },
  {
    name: 'remove spares what has expired',
    caughtBy: ['a removal by a clock that runs ahead is still a removal'],
    breaks: () => (sound) => ({
      async remove(id, call) {
        if (await sound.load(id, call)) await sound.remove(id, call)
      },
    }),
  },
  {
    name: 'list gives what has expired',
    caughtBy: [LIST],
    breaks: () => (sound) => ({ list: (principal, call) => sound.list(principal, long(call)) }),
  },
  {
    name: 'list tidies away what it finds expired',
    caughtBy: [LIST],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        list(principal, call) {
          for (const [id, { expiresAt }] of sessions) if (expiresAt <= call.now) sessions.delete(id)
          return sound.list(principal, call)
        },
      }),
  },
  {
    name: 'scan gives what has expired',
    caughtBy: [SCAN],
    breaks: () => (sound) => ({ scan: (call) => sound.scan(long(call)) }),
  },
  {
    name: 'scan tidies away what it finds expired',
    caughtBy: [SCAN],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        scan(call) {
          for (const [id, { expiresAt }] of sessions) if (expiresAt <= call.now) sessions.delete(id)
          return sound.scan(call)
        },
      }),
  },
  {
    name: 'removeAll counts what has expired',
    caughtBy: ['removeAll does not count what has expired'],
    breaks: () => (sound) => ({ removeAll: (principal, but, call) => sound.removeAll(principal, but, long(call)) }),
  },
]
