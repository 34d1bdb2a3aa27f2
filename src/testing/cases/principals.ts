/**
 * Whose sessions are whose: `list` gives a principal's live sessions, all of them and no others.
 *
 * @module
 */

import { ok, same } from '../_check.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { hostileTexts, lookable, lookAlikes } from '../_texts.ts'
import { HOUR, idsOf, MINUTE, next } from '../_workbench.ts'

const EVERY_ONE = 'list gives every live session of a principal, each once, and no other.'
const BY_RECORD = 'Whose a session is, is what its record says, whatever an index or a hint still says.'
const MANY = 120

export const principalCases: readonly StoreCase[] = [
  storeCase({
    name: 'list gives the sessions of a principal, and nobody else’s',
    rule: EVERY_ONE,
    needs: ['list'],
    async run({ store, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      const own = [await keep({ principal }), await keep({ principal })].map(([id]) => id).sort()
      await keep({ principal: newPrincipal() })
      await keep({ principal: null })
      same(await idsOf(store.list(principal, at(0))), own, 'what list gives')
      same(await idsOf(store.list(newPrincipal(), at(0))), [], 'what list gives of somebody without sessions')
    },
  }),

  storeCase({
    name: 'list gives each session as it is stored now',
    rule: 'list gives what load would give.',
    needs: ['list'],
    async run({ store, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      const [id, first] = await keep({ principal })
      const second = next(first, { body: 'second' })
      await store.save(id, second, 1, at(0, { principalBefore: principal }))
      await store.touch(id, first.expiresAt + HOUR, at(0, { principalBefore: principal }))
      for await (const [, listed] of store.list(principal, at(0))) {
        same(listed, { ...second, expiresAt: first.expiresAt + HOUR }, 'what list gives after save and touch')
        listed.body = 'spoilt'
      }
      same((await store.load(id, at(0)))?.body, 'second', 'the body, after the object that list gave was changed')
    },
  }),

  storeCase({
    name: 'list gives all of very many sessions',
    rule: EVERY_ONE,
    needs: ['list'],
    async run({ store, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      const kept = await Promise.all(Array.from({ length: MANY }, () => keep({ principal })))
      same(await idsOf(store.list(principal, at(0))), kept.map(([id]) => id).sort(), `what list gives of ${MANY}`)
    },
  }),

  storeCase({
    name: 'list tells principals apart character by character',
    rule: 'Principals are compared character by character: no collation, no pattern, no prefix.',
    needs: ['list'],
    async run({ store, keep, newPrincipal, at }) {
      const principal = lookable(newPrincipal())
      const [id] = await keep({ principal })
      const others = lookAlikes(principal)
      for (const other of others) {
        same(await idsOf(store.list(other, at(0))), [], `what list gives of ${other}, where only ${principal} has one`)
      }
      for (const other of others) await keep({ principal: other })
      same(await idsOf(store.list(principal, at(0))), [id], `what list gives of ${principal}, beside others like it`)
    },
  }),

  storeCase({
    name: 'a hostile principal is only a name',
    rule: 'A principal is text, never a pattern, a path or a piece of a command.',
    needs: ['list'],
    async run({ store, start, keep, newPrincipal, at }) {
      for (const text of Object.values(hostileTexts)) {
        const principal = `${text}${newPrincipal()}`
        const [id] = await keep({ principal })
        same(await idsOf(store.list(principal, at(0))), [id], `what list gives of ${principal}`)
      }
      // These are whole names, and others may use them as well.
      for (const principal of ['__proto__', 'constructor', 'null', '*', '%']) {
        const [id] = await keep({ principal, expiresAt: start + MINUTE })
        ok((await idsOf(store.list(principal, at(0)))).includes(id), `The list of ${principal} must have its session.`)
        await store.remove(id, at(0, { principalBefore: principal }))
      }
    },
  }),

  storeCase({
    name: 'a save that changes the principal moves the session to the new one’s list',
    rule: 'The index follows the principal at save: to another, to somebody, and to nobody.',
    needs: ['list'],
    async run({ store, keep, newPrincipal, at }) {
      const [alice, bob] = [newPrincipal(), newPrincipal()]
      const way = [alice, bob, null, alice]
      let [id, session] = await keep()
      for (const principal of way) {
        const principalBefore = session.principal
        session = next(session, { principal })
        await store.save(id, session, session.version - 1, at(0, { principalBefore }))
        for (const somebody of [alice, bob]) {
          const due = somebody === principal ? [id] : []
          same(await idsOf(store.list(somebody, at(0))), due, `what list gives, of ${due.length ? 'the' : 'no'} owner`)
        }
      }
    },
  }),

  storeCase({
    name: 'list is right though nobody said what the principal was before',
    rule: `${BY_RECORD} principalBefore is a help to find the old entry, and may be missing.`,
    needs: ['list'],
    async run({ store, keep, newPrincipal, at }) {
      const [alice, bob] = [newPrincipal(), newPrincipal()]
      const [moved, first] = await keep({ principal: alice })
      const [removed] = await keep({ principal: alice })
      await store.save(moved, next(first, { principal: bob }), 1, at(0))
      await store.remove(removed, at(0))
      same(await idsOf(store.list(alice, at(0))), [], 'what list gives of the former owner')
      same(await idsOf(store.list(bob, at(0))), [moved], 'what list gives of the new owner')
    },
  }),

  storeCase({
    name: 'list still has a session past its former expiry',
    rule: 'The index keeps a session as long as touch and save keep it, and by its record’s own principal.',
    needs: ['list'],
    async run({ store, keep, start, newPrincipal, at }) {
      const principal = newPrincipal()
      const [touched] = await keep({ principal, expiresAt: start + MINUTE })
      const [touchedBlindly] = await keep({ principal, expiresAt: start + MINUTE })
      const [saved, first] = await keep({ principal, expiresAt: start + MINUTE })
      await store.touch(touched, start + HOUR, at(0, { principalBefore: principal }))
      // By a request that loaded the session before it had an owner.
      await store.touch(touchedBlindly, start + HOUR, at(0, { principalBefore: null }))
      await store.save(saved, next(first, { expiresAt: start + HOUR }), 1, at(0, { principalBefore: principal }))
      const listed = await idsOf(store.list(principal, at(HOUR - 1)))
      same(listed, [touched, touchedBlindly, saved].sort(), 'what list gives just before the new expiry')
    },
  }),

  storeCase({
    name: 'a removed session leaves the list',
    rule: EVERY_ONE,
    needs: ['list'],
    async run({ store, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      const [removed] = await keep({ principal })
      const [stays] = await keep({ principal })
      await store.remove(removed, at(0, { principalBefore: principal }))
      same(await idsOf(store.list(principal, at(0))), [stays], 'what list gives after the removal')
    },
  }),

  storeCase({
    name: 'a session that takes the id of an expired one leaves nothing of it in the list',
    rule: BY_RECORD,
    needs: ['list'],
    async run({ store, start, keep, session, newPrincipal, at }) {
      const [before, after] = [newPrincipal(), newPrincipal()]
      const [id] = await keep({ principal: before, expiresAt: start + MINUTE })
      await store.create(id, session({ principal: after }), at(MINUTE))
      same(await idsOf(store.list(before, at(MINUTE))), [], 'what list gives of the former owner')
      same(await idsOf(store.list(after, at(MINUTE))), [id], 'what list gives of the new owner')
    },
  }),

  storeCase({
    name: 'who reads a list may remove meanwhile, and stop early',
    rule: 'list gives every live session even when those already given are removed, and holds nothing back from others.',
    needs: ['list'],
    async run({ store, keep, newPrincipal, at }) {
      const principal = newPrincipal()
      for (let i = 0; i < 5; i++) await keep({ principal })
      for await (const [id] of store.list(principal, at(0))) {
        await store.remove(id, at(0, { principalBefore: principal }))
        break
      }
      same((await idsOf(store.list(principal, at(0)))).length, 4, 'how many are left after the first was removed')
      for await (const [id] of store.list(principal, at(0))) {
        await store.remove(id, at(0, { principalBefore: principal }))
      }
      same(await idsOf(store.list(principal, at(0))), [], 'what is left after each that list gave was removed')
    },
  }),
]
