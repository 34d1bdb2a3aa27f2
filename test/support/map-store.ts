/** The shortest store that keeps the contract: two Maps that a test can look into, and spoil. */
import type { Store, StoreCall, StoredSession } from '../../src/core/store.ts'

type Full = Required<Pick<Store, 'list' | 'removeAll' | 'revokedAt'>>

export interface MapStore extends Omit<Store, keyof Full>, Full {
  readonly rows: Map<string, StoredSession>
  readonly marks: Map<string, number>
}

export function mapStore(): MapStore {
  const rows = new Map<string, StoredSession>()
  const marks = new Map<string, number>()
  const live = (id: string, { now }: StoreCall): StoredSession | undefined => {
    const row = rows.get(id)
    return row && row.expiresAt > now ? row : undefined
  }
  return {
    rows,
    marks,
    load: (id, call) => live(id, call),
    create(id, session, call) {
      if (live(id, call)) return false
      rows.set(id, session)
      return true
    },
    save(id, session, ifVersion, call) {
      const row = live(id, call)
      if (!row) return 'gone'
      if (row.version !== ifVersion) return { conflict: row }
      rows.set(id, session)
      return 'saved'
    },
    touch(id, expiresAt, call) {
      const row = live(id, call)
      if (row) rows.set(id, { ...row, expiresAt: Math.max(row.expiresAt, expiresAt) })
      return row !== undefined
    },
    remove: (id) => void rows.delete(id),
    async *list(principal, call) {
      for (const id of rows.keys()) {
        const row = live(id, call)
        if (row?.principal === principal) yield [id, row]
      }
    },
    removeAll(principal, { except }, call) {
      marks.set(principal, call.now)
      const ids = [...rows.keys()].filter((id) => id !== except && live(id, call)?.principal === principal)
      for (const id of ids) rows.delete(id)
      return ids.length
    },
    revokedAt: (principal) => marks.get(principal),
  }
}
