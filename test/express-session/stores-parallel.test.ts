/** Third-party stores under the drop-in when requests run in parallel. */
import { afterAll, beforeAll, describe } from 'vitest'
import { describeRaces, ENDINGS, OWN_ENDINGS } from './_races.ts'
import { type Opened, STORES, viewOf, WRITES_AT_TOUCH } from './_stores.ts'

describe.each(Object.entries(STORES))('%s', (name, open) => {
  let opened: Opened
  beforeAll(async () => void (opened = await open()), 60_000)
  afterAll(() => opened.close())

  describeRaces(() => viewOf(opened.store), WRITES_AT_TOUCH.includes(name) ? OWN_ENDINGS : ENDINGS)
})
