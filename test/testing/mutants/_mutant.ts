/** What a mutant is, and the few ways in which many of them are made. */
import type { StoredSession } from '../../../src/core/store.ts'
import { referenceEngine, type Engine, type FullStore } from '../reference-store.ts'

/** The reference store with one thing broken. */
export interface Mutant {
  /** The bug. */
  name: string
  /** The names of the cases that must find it. */
  caughtBy: readonly string[]
  /** Called once for an engine; what it gives is called for each handle and gives the methods that are broken. */
  breaks: (engine: Engine) => (sound: FullStore) => Partial<FullStore>
}

/** Gives what opens handles on a new engine, all of them with the bug; of processes that die after so many commands. */
export function open({ breaks }: Mutant): (commands?: number) => FullStore {
  const engine = referenceEngine()
  const broken = breaks(engine)
  return (commands) => {
    const sound = engine.open(commands)
    return { ...sound, ...broken(sound) }
  }
}

/** Lets others go on, as a store does that needs several round trips for one operation. */
export async function pause(): Promise<void> {
  for (let i = 0; i < 4; i++) await Promise.resolve()
}

/** Breaks what create and save write. */
export function writing(change: (session: StoredSession) => StoredSession): Mutant['breaks'] {
  return () => (sound) => ({
    create: (id, session, call) => sound.create(id, change(session), call),
    save: (id, session, ifVersion, call) => sound.save(id, change(session), ifVersion, call),
  })
}

/** Breaks what load gives. */
export function loading(change: (session: StoredSession) => StoredSession): Mutant['breaks'] {
  return () => (sound) => ({
    async load(id, call) {
      const session = await sound.load(id, call)
      return session && change(session)
    },
  })
}

/** Breaks the ids by which the five verbs find a session. */
export function naming(key: (id: string) => string): Mutant['breaks'] {
  return () => (sound) => ({
    load: (id, call) => sound.load(key(id), call),
    create: (id, session, call) => sound.create(key(id), session, call),
    save: (id, session, ifVersion, call) => sound.save(key(id), session, ifVersion, call),
    touch: (id, expiresAt, call) => sound.touch(key(id), expiresAt, call),
    remove: (id, call) => sound.remove(key(id), call),
  })
}

/** Breaks which sessions list takes for a principal's. */
export function listing(belongs: (session: StoredSession, principal: string) => boolean): Mutant['breaks'] {
  return () => (sound) => ({
    async *list(principal, call) {
      for await (const [id, session] of sound.scan(call)) if (belongs(session, principal)) yield [id, session]
    },
  })
}

/** Gives a text as a database without regard for case, accents and composition compares it. */
export function folded(text: string): string {
  return text
    .normalize('NFD')
    .replaceAll(/[\u0300-\u036f\u200b]/g, '')
    .toLowerCase()
}

/** Tells whether a text matches an SQL pattern, as LIKE does. */
export function isLike(text: string, pattern: string): boolean {
  const escaped = pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('%', '.*').replaceAll('_', '.')}$`, 's').test(text)
}
