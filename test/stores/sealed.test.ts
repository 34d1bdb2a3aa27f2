import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/index.ts'
import { sealed } from '../../src/stores/sealed.ts'
import { casesFor } from '../../src/testing/index.ts'

const key = (id: string, byte = 1) => ({
  id,
  secret: Uint8Array.from({ length: 32 }, (_, at) => (at * 7 + byte) % 256),
})
const call = { now: 1_000_000 }
const session = { version: 1, expiresAt: 2_000_000, principal: 'alice', body: 'the line\n{"secret":"data"}' }

describe('a store with sealed bodies', () => {
  const shared = memoryStore()
  it.each(casesFor(sealed(shared, { keys: [key('a')] })))('$name', async (storeCase) => {
    await storeCase.run({ open: () => sealed(shared, { keys: [key('a')] }) })
  })

  it('keeps nothing readable of the body', () => {
    const store = memoryStore()
    void sealed(store, { keys: [key('a')] }).create('one', session, call)
    expect(JSON.stringify(store.load('one', call))).not.toMatch(/secret|data|the line/)
  })

  it('opens no body that was moved under another id', async () => {
    const store = memoryStore()
    const over = sealed(store, { keys: [key('a')] })
    await over.create('one', session, call)
    store.create('two', store.load('one', call)!, call)
    expect(await over.load('one', call)).toEqual(session)
    expect(await over.load('two', call)).toBeUndefined()
  })

  it('opens with every key of the ring, seals with the first, and with none that was retired', async () => {
    const store = memoryStore()
    await sealed(store, { keys: [key('old')] }).create('one', session, call)
    const promoted = sealed(store, { keys: [key('new', 9), key('old')] })
    expect(await promoted.load('one', call)).toEqual(session)
    expect(await sealed(store, { keys: [key('new', 9)] }).load('one', call)).toBeUndefined()
    await promoted.save('one', { ...session, version: 2 }, 1, call)
    expect(await sealed(store, { keys: [key('new', 9)] }).load('one', call)).toMatchObject({ version: 2 })
  })

  it('treats a changed body as absent', async () => {
    const store = memoryStore()
    const over = sealed(store, { keys: [key('a')] })
    await over.create('one', session, call)
    const { body } = store.load('one', call)!
    for (let at = 0; at < body.length; at++) {
      const changed = body.slice(0, at) + (body[at] === 'A' ? 'B' : 'A') + body.slice(at + 1)
      store.create(`changed ${at}`, { ...session, body: changed }, call)
      expect(await over.load(`changed ${at}`, call)).toBeUndefined()
    }
  })
})
