/** The kit's cases over stores that others wrote for express-session, each on a server or file of its own. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConnectStore, fromConnectStore } from '../../src/stores/connect.ts'
import { casesFor } from '../../src/testing/index.ts'
import { type Opened, STORES } from '../express-session/_stores.ts'

const page = readFileSync(new URL('../../docs/stores/connect.md', import.meta.url), 'utf8')
const nobody: ConnectStore = { get: () => undefined, set: () => undefined, destroy: () => undefined }
const cases = casesFor(fromConnectStore(nobody))

/** The page's row on a store, which names the cases that it does not keep. */
function rowOf(store: string): string {
  const row = page.split('\n').find((line) => line.startsWith(`| ${store} |`))
  if (row === undefined) throw new Error(`docs/stores/connect.md has no row on ${store}`)
  return row
}

describe.each(Object.entries(STORES))('fromConnectStore over %s', (name, open) => {
  const isExcepted = (about: string): boolean => rowOf(name).includes(`“${about}”`)
  let place: Opened
  beforeAll(async () => {
    place = await open()
  })
  afterAll(() => place.close())

  for (const { name: about, run } of cases) {
    const work = () => run({ open: () => fromConnectStore(place.store) })
    if (!isExcepted(about)) it(`passes the case: ${about}`, work)
    else {
      it(`does not keep, as its page says: ${about}`, () =>
        expect(work()).rejects.toMatchObject({ name: 'StoreCaseError' }))
    }
  }
})

it('the page excepts no case that there is not', () => {
  const excepted = Object.keys(STORES).flatMap((store) =>
    [...rowOf(store).matchAll(/“(.+?)”/g)].map(([, name]) => name),
  )
  expect(cases.map(({ name }) => name)).toEqual(expect.arrayContaining(excepted))
})
