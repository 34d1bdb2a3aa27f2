/** A handler whose first look at its session stands within the call that sends: `response.end(session.views = 1)`. */
import compression from 'compression'
import { describe, expect, it } from 'vitest'
import { FRAMEWORKS, type Req, type Res, stage } from './_stage.ts'

const count = (req: Req): string => String((req.session['views'] = 1))

/** JavaScript finds the method first, and evaluates what is given to it then. */
const WAYS: Record<string, (req: Req, res: Res) => void> = {
  end: (req, res) => void res.end(count(req)),
  write: (req, res) => {
    res.write(count(req))
    res.end()
  },
  writeHead: (req, res) => void res.writeHead(200, { 'X-Views': count(req) }).end('1'),
}

const MOUNTS: Record<string, { before?: unknown[]; after?: unknown[] }> = {
  'with no layer': {},
  'with a layer before the session': { before: [compression()] },
  'with a layer after the session': { after: [compression()] },
}

describe.each(FRAMEWORKS)('on %s', (framework) => {
  describe.each(Object.keys(MOUNTS))('%s', (mount) => {
    it.each(Object.keys(WAYS))('%s waits for the store all the same', async (way) => {
      const { store, wire, dataOf } = await stage({ framework, ...MOUNTS[mount], handler: WAYS[way]! })
      const creating = store.hold('create')
      const client = wire({})
      await creating.reached
      expect(client.rest).toBe('')
      creating.open()
      const reply = await client.reply()
      expect(reply).toMatchObject({ status: 200, text: '1' })
      expect(await dataOf(reply.cookie)).toEqual({ views: 1 })
    })
  })
})
