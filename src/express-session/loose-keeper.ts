/**
 * Carries out what the methods ask for of a session that belongs to no request under way: `store.load` gives such.
 *
 * @module
 */
import { GuardedStore } from './guarded-store.ts'
import type { SessionKeeper } from './session.ts'

export const looseKeeper: SessionKeeper = {
  async save(session) {
    await new GuardedStore(session.req.sessionStore).set(session.id, session)
  },

  async reload({ id, req }) {
    const row = await new GuardedStore(req.sessionStore).read(id)
    if (!row) throw failedToLoad()
    req.sessionStore.createSession?.(req, row)
  },

  async destroy({ id, req }) {
    delete req.session
    await new GuardedStore(req.sessionStore).destroy(id)
  },

  async regenerate({ req }) {
    const store = req.sessionStore
    try {
      await new GuardedStore(store).destroy(req.sessionID)
    } finally {
      // Without one no session can go on, whatever became of the old one.
      store.generate?.(req)
    }
  },
}

export function failedToLoad(): Error {
  return new Error('failed to load session')
}
