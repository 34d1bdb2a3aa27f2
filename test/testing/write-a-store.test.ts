import { readFileSync } from 'node:fs'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, it } from 'vitest'
import * as testing from '../../src/testing/index.ts'
import { SCHEMA, sqlStore, type Query } from './example-store.ts'

const page = readFileSync(new URL('../../docs/guide/write-a-store.md', import.meta.url), 'utf8')

describe('the store of the guide keeps every rule', () => {
  const db = new DatabaseSync(':memory:')
  for (const statement of SCHEMA) db.exec(statement)
  const query: Query = async (text, values) => db.prepare(text).all(...values) as Awaited<ReturnType<Query>>
  const open = () => sqlStore({ query })

  for (const c of testing.casesFor(open())) it(c.name, async () => c.run({ open }))

  it('leaves out only what it does not offer', () => {
    const offered = testing.casesFor(open())
    const left = testing.storeCases.filter((c) => !offered.includes(c))
    for (const { needs } of left)
      expect(needs).toSatisfy(() => needs.some((need) => ['scan', 'changes', 'dying', 'close'].includes(need)))
  })
})

describe('the guide', () => {
  it('shows the very store that is tested', () => {
    const tested = readFileSync(new URL('example-store.ts', import.meta.url), 'utf8')
    expect(page).toContain(`\`\`\`ts\n${tested.replace('../../src/core/store.ts', 'sojourn')}\`\`\``)
  })

  it('imports only what sojourn/testing exports', () => {
    const imports = [...page.matchAll(/import \{([^}]*)\} from 'sojourn\/testing'/g)].map(([, names]) => names)
    expect(imports.length).toBeGreaterThan(0)
    for (const name of imports.flatMap((names) => names?.split(',') ?? [])) expect(testing).toHaveProperty(name.trim())
  })

  it('names every feature that a case may need', () => {
    for (const need of new Set(testing.storeCases.flatMap((c) => c.needs))) expect(page).toContain(`\`${need}\``)
  })
})
