/**
 * The five verbs, each on its own and by one caller.
 *
 * @module
 */

import { same } from '../_check.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { HOUR, MINUTE, next } from '../_workbench.ts'

const INSERT_ONLY =
  'create inserts only: it is false, and keeps nothing, when a session that has not expired holds the id.'
const SWAP = 'save replaces the session under an id only if it is there with the version `ifVersion`.'
const NO_UPSERT = 'There is no upsert: what finds its session gone says so, and never brings it back.'
const FORWARD_ONLY =
  'touch moves the expiry forward, never back, and changes nothing else; it is false when there is no session.'

export const contractCases: readonly StoreCase[] = [
  storeCase({
    name: 'create keeps a new session, and load gives it back as it was',
    rule: 'load gives the session kept under an id.',
    async run({ store, newId, newPrincipal, session, at }) {
      for (const kept of [session(), session({ principal: newPrincipal() })]) {
        const id = newId()
        same(await store.create(id, kept, at(0)), true, 'create under a new id')
        same(await store.load(id, at(0)), kept, 'load after create')
      }
    },
  }),

  storeCase({
    name: 'load of an id that nobody created is undefined',
    rule: 'load is undefined when there is no session; only a failing backend throws.',
    async run({ store, newId, at }) {
      for (const id of [newId(), '__proto__', 'constructor', 'toString']) {
        same(await store.load(id, at(0)), undefined, `load of ${id}`)
      }
    },
  }),

  storeCase({
    name: 'create refuses an id that is taken, and what is there stays',
    rule: INSERT_ONLY,
    async run({ store, start, keep, newPrincipal, session, at }) {
      const [id, kept] = await keep({ body: 'first' })
      const second = session({ body: 'second', principal: newPrincipal(), expiresAt: start + 2 * HOUR })
      same(await store.create(id, second, at(0)), false, 'create under a taken id')
      same(await store.load(id, at(0)), kept, 'load after the refused create')
    },
  }),

  storeCase({
    name: 'create takes an id again whose session was removed',
    rule: INSERT_ONLY,
    async run({ store, keep, session, at }) {
      const [id] = await keep({ body: 'first' })
      await store.remove(id, at(0))
      const second = session({ body: 'second' })
      same(await store.create(id, second, at(0)), true, 'create under an id that is free again')
      same(await store.load(id, at(0)), second, 'load after the second create')
    },
  }),

  storeCase({
    name: 'save replaces version, expiry, principal and body, all at once',
    rule: 'save keeps exactly the session that it is given; its version is one more than `ifVersion`.',
    async run({ store, start, keep, newPrincipal, at }) {
      const [id, first] = await keep()
      const second = next(first, { body: 'second', principal: newPrincipal(), expiresAt: start + 2 * HOUR })
      same(await store.save(id, second, 1, at(0, { principalBefore: null })), 'saved', 'save onto version 1')
      same(await store.load(id, at(0)), second, 'load after the save')
    },
  }),

  storeCase({
    name: 'save may bring the expiry forward',
    rule: 'save keeps exactly the session that it is given; only touch never shortens a life.',
    async run({ store, start, keep, at }) {
      const [id, first] = await keep()
      const shorter = next(first, { expiresAt: start + MINUTE })
      same(await store.save(id, shorter, 1, at(0)), 'saved', 'save with an earlier expiry')
      same(await store.load(id, at(0)), shorter, 'load after the save')
    },
  }),

  storeCase({
    name: 'save onto another version is a conflict, and hands over what is stored now',
    rule: `${SWAP} Otherwise it hands over the stored session.`,
    async run({ store, start, keep, newPrincipal, at }) {
      const [id, first] = await keep()
      const second = next(first, { body: 'second', principal: newPrincipal(), expiresAt: start + 2 * HOUR })
      await store.save(id, second, 1, at(0))
      await store.touch(id, start + 3 * HOUR, at(0))
      const stored = { ...second, expiresAt: start + 3 * HOUR }
      for (const version of [1, 3]) {
        const saved = await store.save(id, { ...first, version: version + 1 }, version, at(0))
        same(saved, { conflict: stored }, `save onto version ${version} of a session with version 2`)
      }
    },
  }),

  storeCase({
    name: 'a save in conflict changes nothing',
    rule: SWAP,
    async run({ store, start, keep, newPrincipal, at }) {
      const [id, first] = await keep()
      const second = next(first, { body: 'second' })
      await store.save(id, second, 1, at(0))
      const late = next(first, { body: 'late', principal: newPrincipal(), expiresAt: start + 2 * HOUR })
      await store.save(id, late, 1, at(0))
      same(await store.load(id, at(0)), second, 'load after a save in conflict')
    },
  }),

  storeCase({
    name: 'save of a session that is not there is gone, and creates nothing',
    rule: NO_UPSERT,
    async run({ store, newId, keep, session, at }) {
      const [removed] = await keep()
      await store.remove(removed, at(0))
      for (const [id, what] of [
        [newId(), 'was never there'],
        [removed, 'was removed'],
      ] as const) {
        same(await store.save(id, next(session()), 1, at(0)), 'gone', `save of a session that ${what}`)
        same(await store.save(id, session(), 0, at(0)), 'gone', `save onto version 0 of a session that ${what}`)
        same(await store.load(id, at(0)), undefined, `load after the save of a session that ${what}`)
      }
    },
  }),

  storeCase({
    name: 'touch moves the expiry forward and changes nothing else',
    rule: FORWARD_ONLY,
    async run({ store, start, keep, newPrincipal, at }) {
      const [id, kept] = await keep({ principal: newPrincipal() })
      same(await store.touch(id, start + 2 * HOUR, at(0)), true, 'touch')
      same(await store.load(id, at(0)), { ...kept, expiresAt: start + 2 * HOUR }, 'load after the touch')
    },
  }),

  storeCase({
    name: 'a touch between a load and its save is no conflict',
    rule: 'touch leaves the version alone: a read that keeps a session alive never costs a writer its change.',
    async run({ store, start, keep, newPrincipal, at }) {
      const [id, kept] = await keep({ principal: newPrincipal() })
      await store.touch(id, start + 2 * HOUR, at(0))
      same(await store.save(id, next(kept), kept.version, at(0)), 'saved', 'save after a touch')
    },
  }),

  storeCase({
    name: 'touch never moves the expiry back, and that is no failure',
    rule: FORWARD_ONLY,
    async run({ store, start, keep, at }) {
      const [id, kept] = await keep()
      for (const expiresAt of [start + MINUTE, kept.expiresAt]) {
        same(await store.touch(id, expiresAt, at(0)), true, 'touch of a live session, to an expiry that is not later')
        same(await store.load(id, at(0)), kept, 'load after that touch')
      }
    },
  }),

  storeCase({
    name: 'touch of a session that is not there is false, and creates nothing',
    rule: NO_UPSERT,
    async run({ store, start, newId, keep, at }) {
      const [removed] = await keep()
      await store.remove(removed, at(0))
      for (const [id, what] of [
        [newId(), 'was never there'],
        [removed, 'was removed'],
      ] as const) {
        same(await store.touch(id, start + 2 * HOUR, at(0)), false, `touch of a session that ${what}`)
        same(await store.load(id, at(0)), undefined, `load after the touch of a session that ${what}`)
      }
    },
  }),

  storeCase({
    name: 'remove ends one session and no other',
    rule: 'remove ends the session, whatever its version.',
    async run({ store, keep, at }) {
      const principal = null
      const [id, first] = await keep({ principal })
      const [otherId, other] = await keep({ principal })
      await store.save(id, next(first), 1, at(0))
      await store.remove(id, at(0))
      same(await store.load(id, at(0)), undefined, 'load after the removal')
      same(await store.load(otherId, at(0)), other, 'load of another session')
    },
  }),

  storeCase({
    name: 'removing what is not there is no error',
    rule: 'remove is idempotent: ending a session that is not there is no error.',
    async run({ store, newId, keep, at }) {
      await store.remove(newId(), at(0))
      const [id] = await keep()
      await store.remove(id, at(0))
      await store.remove(id, at(0))
      same(await store.load(id, at(0)), undefined, 'load after two removals')
    },
  }),

  storeCase({
    name: 'what goes in and what comes out is not shared',
    rule: 'A store keeps text. Changing an object that it was given, or gave, changes nothing that it keeps.',
    async run({ store, newId, session, at }) {
      const id = newId()
      const given = session({ body: 'first' })
      await store.create(id, given, at(0))
      given.body = 'spoilt'
      same((await store.load(id, at(0)))?.body, 'first', 'the body, after the object given to create was changed')

      const saved = next(given, { body: 'second' })
      await store.save(id, saved, 1, at(0))
      saved.body = 'spoilt'
      same((await store.load(id, at(0)))?.body, 'second', 'the body, after the object given to save was changed')

      const loaded = await store.load(id, at(0))
      if (loaded) loaded.body = 'spoilt'
      same((await store.load(id, at(0)))?.body, 'second', 'the body, after the object that load gave was changed')

      const refused = await store.save(id, next(given), 1, at(0))
      if (typeof refused === 'object') refused.conflict.body = 'spoilt'
      same((await store.load(id, at(0)))?.body, 'second', 'the body, after the conflict handed over was changed')
    },
  }),
]
