/**
 * Text in, text out: ids, principals and bodies are compared and kept character by character, instants to the
 * millisecond.
 *
 * @module
 */

import { ok, same } from '../_check.ts'
import { storeCase, type StoreCase } from '../_case.ts'
import { bodies, hostileTexts, lookable, lookAlikes } from '../_texts.ts'
import { DAY, next } from '../_workbench.ts'

const EXACT = 'Text in, text out: what comes back is, character for character, what went in.'

export const textCases: readonly StoreCase[] = [
  storeCase({
    name: 'a body comes back character for character',
    rule: EXACT,
    async run({ store, keep, at }) {
      for (const [what, body] of Object.entries(bodies)) {
        const [id, created] = await keep({ body })
        same((await store.load(id, at(0)))?.body, body, `a body with ${what}, after create`)
        await store.save(id, next(created, { body: `${body}${body}` }), 1, at(0))
        same((await store.load(id, at(0)))?.body, `${body}${body}`, `a body with ${what}, after save`)
      }
    },
  }),

  storeCase({
    name: 'a body may be as long as the engine allows, and at least 64 KiB',
    rule: 'A body of 65,536 bytes of data and its metadata is kept whole; a longer one up to `limits.maxBodyBytes`.',
    async run({ store, keep, limits, at }) {
      for (const bytes of new Set([65_536, limits.maxBodyBytes])) {
        for (const character of ['x', '\u{1f600}']) {
          const first = character.repeat(bytes / (character === 'x' ? 1 : 4))
          const second = `y${first.slice(character.length)}`
          const [id, created] = await keep({ body: first })
          ok((await store.load(id, at(0)))?.body === first, `A body of ${bytes} bytes must survive create whole.`)
          await store.save(id, next(created, { body: second }), 1, at(0))
          ok((await store.load(id, at(0)))?.body === second, `A body of ${bytes} bytes must survive save whole.`)
          await store.remove(id, at(0))
        }
      }
    },
  }),

  storeCase({
    name: 'a principal comes back character for character',
    rule: 'A principal is any text of 1 to 256 characters, or null, and comes back as that.',
    async run({ store, keep, newPrincipal, at }) {
      const own = newPrincipal()
      const long = ['x', '\u6f22'].map((character) => own.padEnd(256, character))
      const odd = ['null', 'undefined', '0', '007', 'false', ' padded ', 'A\u030a', '\u{1f600}', lookable(own)]
      for (const principal of [null, ...odd, ...long, ...Object.values(hostileTexts)]) {
        const [id, created] = await keep({ principal })
        same((await store.load(id, at(0)))?.principal, principal, 'the principal after create')
        await store.save(id, next(created, { principal: null }), 1, at(0, { principalBefore: principal }))
        same((await store.load(id, at(0)))?.principal, null, 'the principal after it was taken away')
        await store.save(id, next(next(created), { principal }), 2, at(0, { principalBefore: null }))
        same((await store.load(id, at(0)))?.principal, principal, 'the principal after save')
      }
    },
  }),

  storeCase({
    name: 'ids are told apart character by character',
    rule: 'An id names one session: the same characters, in the same case, no more and no fewer.',
    async run({ store, start, newId, session, at }) {
      for (const like of ['Kk', lookable('')]) {
        const id = `${like}${newId()}`
        const others = lookAlikes(id)
        const kept = session({ body: id })
        await store.create(id, kept, at(0))
        for (const other of others) {
          same(await store.load(other, at(0)), undefined, `load of ${other}, where only ${id} is kept`)
          same(await store.touch(other, start + DAY, at(0)), false, `touch of ${other}, where only ${id} is kept`)
          same(await store.save(other, next(kept), 1, at(0)), 'gone', `save of ${other}, where only ${id} is kept`)
          await store.remove(other, at(0))
          same(await store.load(id, at(0)), kept, `load of ${id} after the removal of ${other}`)
        }
        for (const other of others) {
          same(await store.create(other, session({ body: other }), at(0)), true, `create of ${other} beside ${id}`)
        }
        for (const each of [id, ...others]) same((await store.load(each, at(0)))?.body, each, `what ${each} keeps`)
      }
    },
  }),

  storeCase({
    name: 'a hostile id is only a name',
    rule: 'An id is text (here of up to 100 characters), never a pattern, a path or a piece of a command.',
    async run({ store, start, newId, session, at }) {
      for (const text of Object.values(hostileTexts)) {
        const id = `${text}${newId()}`
        const first = session()
        const second = next(first, { body: 'second' })
        same(await store.create(id, first, at(0)), true, `create of ${id}`)
        same(await store.save(id, second, 1, at(0)), 'saved', `save of ${id}`)
        same(await store.touch(id, start + DAY, at(0)), true, `touch of ${id}`)
        same(await store.load(id, at(0)), { ...second, expiresAt: start + DAY }, `load of ${id}`)
        await store.remove(id, at(0))
        same(await store.load(id, at(0)), undefined, `load of ${id} after its removal`)
      }
    },
  }),

  storeCase({
    name: 'instants come back to the millisecond',
    rule: 'Every instant is an integer of milliseconds since the Unix epoch.',
    async run({ store, start, keep, at }) {
      for (const expiresAt of [start + 10_001, start + 10_999, start + 366 * DAY + 1]) {
        const [id, created] = await keep({ expiresAt })
        same((await store.load(id, at(0)))?.expiresAt, expiresAt, 'the expiry after create')
        await store.touch(id, expiresAt + 1, at(0))
        same((await store.load(id, at(0)))?.expiresAt, expiresAt + 1, 'the expiry after touch')
        await store.save(id, next(created, { expiresAt: expiresAt + 2 }), 1, at(0))
        same((await store.load(id, at(0)))?.expiresAt, expiresAt + 2, 'the expiry after save')
      }
    },
  }),
]
