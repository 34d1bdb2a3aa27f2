import type { Store } from '../../src/core/store.ts'

/** Makes every call of the contract, those that may fail both ways. Session `kept` and alice's mark are there after. */
export async function everyCall(store: Required<Omit<Store, 'prune' | 'changes'>>): Promise<void> {
  const call = { now: 2_000_000_000_000 }
  const session = { version: 1, expiresAt: call.now + 1000, principal: 'alice', body: 'line\n{}' }
  for (const id of ['kept', 'kept', 'removed']) await store.create(id, session, call)
  await store.load('kept', call)
  for (const version of [2, 3]) await store.save('kept', { ...session, version }, 1, call)
  await store.touch('kept', call.now + 2000, call)
  for (const entries of [store.list('alice', call), store.scan(call)])
    for await (const [id, { principal }] of entries) if (principal !== 'alice') throw new Error(`${id} is a stranger's`)
  await store.remove('removed', { ...call, principalBefore: 'alice' })
  await store.removeAll('alice', { except: 'kept' }, call)
  await store.revokedAt('alice', call)
}
