/** Bugs of removeAll and its mark. */
import type { StoredSession } from '../../../src/core/store.ts'
import { pause, type Mutant } from './_mutant.ts'

const ENDS = 'removeAll ends every session of a principal and tells how many'
const EXCEPT = 'removeAll leaves the one session that it is told to'
const APART = 'removeAll and its mark tell principals apart character by character'
const INSTANT = 'revokedAt gives the instant of removeAll, by its caller’s clock'
const LATEST = 'the latest mark stands, and a clock behind does not move it back'
const KEPT = 'a mark is kept for an hour, whatever becomes of the sessions'
const CREATES = 'a sign-in that creates does not slip past removeAll'
const SAVES = 'a sign-in that saves does not slip past removeAll'

export const revocationMutants: readonly Mutant[] = [
  {
    name: 'removeAll spares one',
    caughtBy: [ENDS],
    breaks: () => (sound) => ({
      async removeAll(principal, but, call) {
        for await (const [except] of sound.list(principal, call))
          return sound.removeAll(principal, { except, ...but }, call)
        return sound.removeAll(principal, but, call)
      },
    }),
  },
  {
    name: 'removeAll only marks',
    caughtBy: [ENDS],
    breaks: () => (sound) => ({
      removeAll: (principal, _but, call) => sound.removeAll(principal, {}, { ...call, now: Infinity }),
    }),
  },
  {
    name: 'removeAll ends those of nobody as well',
    caughtBy: [ENDS],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        removeAll(principal, but, call) {
          for (const [id, session] of sessions) if (session.principal === null) sessions.delete(id)
          return sound.removeAll(principal, but, call)
        },
      }),
  },
  {
    name: 'removeAll always says 1',
    caughtBy: [ENDS],
    breaks: () => (sound) => ({
      async removeAll(principal, but, call) {
        await sound.removeAll(principal, but, call)
        return 1
      },
    }),
  },
  {
    name: 'removeAll ends even the one that is to stay',
    caughtBy: [EXCEPT],
    breaks: () => (sound) => ({ removeAll: (principal, _but, call) => sound.removeAll(principal, {}, call) }),
  },
  {
    name: 'removeAll counts the one that stays',
    caughtBy: [EXCEPT],
    breaks: () => (sound) => ({
      removeAll: async (principal, but, call) =>
        (await sound.removeAll(principal, but, call)) + (but.except === undefined ? 0 : 1),
    }),
  },
  {
    name: 'removeAll stops after the first hundred',
    caughtBy: ['removeAll ends all of very many sessions'],
    breaks: () => (sound) => ({
      async removeAll(principal, _but, call) {
        let ended = 0
        for await (const [id] of sound.list(principal, call)) {
          if (ended === 100) break
          await sound.remove(id, call)
          ended++
        }
        return ended
      },
    }),
  },
  {
    name: 'removeAll goes by the principal at create',
    caughtBy: ['removeAll goes by whose a session is now', `${SAVES}, in whatever order`, `${SAVES} at the same time`],
    breaks: ({ sessions, marks }) => {
      const created = new Map<string, StoredSession>()
      return (sound) => ({
        create(id, session, call) {
          created.set(id, { ...session })
          return sound.create(id, session, call)
        },
        removeAll(principal, { except }, { now }) {
          marks.set(principal, now)
          const own = [...created].filter(([id, session]) => session.principal === principal && id !== except)
          return own.filter(([id]) => sessions.delete(id)).length
        },
      })
    },
  },
  {
    name: 'removeAll has no regard for case',
    caughtBy: [APART],
    breaks:
      ({ sessions }) =>
      (sound) => ({
        async removeAll(principal, but, call) {
          const ended = await sound.removeAll(principal, but, call)
          for (const [id, session] of sessions) {
            if (session.principal?.toLowerCase() === principal.toLowerCase()) sessions.delete(id)
          }
          return ended
        },
      }),
  },
  {
    name: 'the mark has no regard for case',
    caughtBy: [APART],
    breaks:
      ({ marks }) =>
      (sound) => ({
        revokedAt: (principal, call) =>
          sound.revokedAt([...marks.keys()].find((key) => key.toLowerCase() === principal.toLowerCase()) ?? '', call),
      }),
  },
  {
    name: 'removeAll does not mark',
    caughtBy: [INSTANT, `${CREATES}, in whatever order`, `${SAVES}, in whatever order`],
    breaks: () => () => ({ revokedAt: () => undefined }),
  },
  {
    name: 'everybody is marked who was never revoked',
    caughtBy: [INSTANT],
    breaks: () => (sound) => ({ revokedAt: async (principal, call) => (await sound.revokedAt(principal, call)) ?? 0 }),
  },
  {
    name: 'removeAll marks by the machine’s clock',
    caughtBy: [INSTANT],
    breaks:
      ({ marks }) =>
      (sound) => ({
        async removeAll(principal, but, call) {
          const ended = await sound.removeAll(principal, but, call)
          marks.set(principal, Date.now())
          return ended
        },
      }),
  },
  {
    name: 'the mark is kept in seconds',
    caughtBy: [INSTANT],
    breaks: () => (sound) => ({
      async revokedAt(principal, call) {
        const mark = await sound.revokedAt(principal, call)
        return mark && Math.floor(mark / 1_000) * 1_000
      },
    }),
  },
  {
    name: 'removeAll marks only who has sessions',
    caughtBy: ['removeAll marks even somebody without sessions'],
    breaks:
      ({ marks }) =>
      (sound) => ({
        async removeAll(principal, but, call) {
          const ended = await sound.removeAll(principal, but, call)
          if (ended === 0) marks.delete(principal)
          return ended
        },
      }),
  },
  {
    name: 'the mark moves back',
    caughtBy: [LATEST],
    breaks:
      ({ marks }) =>
      (sound) => ({
        async removeAll(principal, but, call) {
          const ended = await sound.removeAll(principal, but, call)
          marks.set(principal, call.now)
          return ended
        },
      }),
  },
  {
    name: 'the mark of a clock ahead is not given',
    caughtBy: [LATEST],
    breaks: () => (sound) => ({
      async revokedAt(principal, call) {
        const mark = await sound.revokedAt(principal, call)
        return mark !== undefined && mark <= call.now ? mark : undefined
      },
    }),
  },
  {
    name: 'the first mark stays',
    caughtBy: [LATEST],
    breaks:
      ({ marks }) =>
      (sound) => ({
        async removeAll(principal, but, call) {
          const first = marks.get(principal)
          const ended = await sound.removeAll(principal, but, call)
          if (first !== undefined) marks.set(principal, first)
          return ended
        },
      }),
  },
  {
    name: 'the mark is lost after ten minutes',
    caughtBy: [KEPT],
    breaks: () => (sound) => ({
      async revokedAt(principal, call) {
        const mark = await sound.revokedAt(principal, call)
        return mark !== undefined && call.now - mark < 600_000 ? mark : undefined
      },
    }),
  },
  {
    name: 'the mark goes with the last session',
    caughtBy: [KEPT],
    breaks:
      ({ sessions, marks }) =>
      (sound) => ({
        remove(id, call) {
          const principal = sessions.get(id)?.principal
          if (principal) marks.delete(principal)
          return sound.remove(id, call)
        },
      }),
  },
  {
    name: 'removeAll marks last',
    caughtBy: [
      'who finds a session ended by removeAll finds the mark as well',
      `${CREATES} at the same time`,
      `${SAVES} at the same time`,
    ],
    breaks:
      ({ sessions, marks }) =>
      () => ({
        async removeAll(principal, { except }, { now }) {
          const own = [...sessions].filter(([id, session]) => session.principal === principal && id !== except)
          for (const [id] of own) sessions.delete(id)
          await pause()
          marks.set(principal, now)
          return own.length
        },
      }),
  },
  {
    name: 'removeAll lists, then marks, then removes',
    caughtBy: [`${CREATES} at the same time`, `${SAVES} at the same time`],
    breaks:
      ({ sessions, marks }) =>
      () => ({
        async removeAll(principal, { except }, { now }) {
          const own = [...sessions].filter(([id, session]) => session.principal === principal && id !== except)
          await pause()
          marks.set(principal, now)
          return own.filter(([id]) => sessions.delete(id)).length
        },
      }),
  },
]
