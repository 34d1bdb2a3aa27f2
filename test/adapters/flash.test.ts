/** connect-flash 0.1 beside `flash` and `takeFlash`: neither takes what the other said. */
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { flash, takeFlash } from '../../src/flash.ts'
import { type Handler, type Req, stage } from './_stage.ts'

const connectFlash = createRequire(import.meta.url)('connect-flash') as () => Handler
type Flashing = Req & { flash: (type?: string, message?: string) => unknown }

const handler: Handler = async (req, res) => {
  const other = req as Flashing
  if (req.url === '/say') {
    other.flash('info', 'theirs')
    flash(req.session, 'info', 'ours')
    return res.end()
  }
  const said = {
    ...(req.url !== '/theirs' && { ours: await takeFlash(req.session, 'info') }),
    ...(req.url !== '/ours' && { theirs: other.flash('info') }),
  }
  return res.end(JSON.stringify(said))
}

describe.each(['express 5', 'express 4', 'connect'] as const)('on %s', (framework) => {
  it.each([
    ['/ours', '/theirs'],
    ['/theirs', '/ours'],
    ['/both', '/both'],
  ])('each message is shown once, asked for at %s and then at %s', async (first, second) => {
    const { ask, dataOf } = await stage({ framework, after: [connectFlash()], handler })
    const { cookie } = await ask('/say')
    const shown = async (path: string): Promise<unknown> => JSON.parse((await ask({ path, cookie })).text)
    const taken = { '/ours': { ours: ['ours'] }, '/theirs': { theirs: ['theirs'] } } as Record<string, object>
    const both = { ours: ['ours'], theirs: ['theirs'] }
    expect(await shown(first)).toEqual(taken[first] ?? both)
    expect(await shown(second)).toEqual(taken[second] ?? { ours: [], theirs: [] })
    expect(await shown('/both')).toEqual({ ours: [], theirs: [] })
    expect(await dataOf(cookie)).toEqual({ flash: {} })
  })
})
