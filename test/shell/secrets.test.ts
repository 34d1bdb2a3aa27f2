import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { DAY, HOUR, rejection, scene, settled } from '../support/scene.ts'
import { warnings } from '../support/warnings.ts'

/** Everything that text can be made of. */
const printed = (value: unknown): string => inspect(value, { depth: Infinity, showHidden: true })

describe('a token', () => {
  it('is in no event, error, warning, store or printed session of a long and troubled life', async () => {
    const secrets = new Set<string>()
    const seen: unknown[] = []
    const raised = await warnings(async () => {
      const app = scene({ rotateEvery: 3600, onTokenReuse: 'destroy', rotateOn: (data) => data['role'] })
      app.sessions.on('created', () => {
        throw new Error('a listener throws')
      })
      const visitor = app.visitor({ secure: false })
      const note = (): void => void secrets.add(visitor.secret)
      const attempt = async (handler: Parameters<typeof visitor.visit>[0]): Promise<void> => {
        const failed = await visitor.visit(handler).catch((error: unknown) => error)
        seen.push(failed instanceof Error ? failed : undefined)
        note()
      }
      await attempt((session) => (session['theme'] = 'dark'))
      const old = visitor.copy()
      await attempt((session) => (session.user = { id: 'alice' }))
      await attempt((session) => (session['role'] = 'admin'))
      await attempt((session) => (session['large'] = 'x'.repeat(70_000)))
      await attempt((session) => (session['n'] = 1n))
      for (const method of ['load', 'save'] as const) {
        app.store.fail(method)
        await attempt((session) => (session['views'] = method))
      }
      app.clock.advance(HOUR)
      const late = visitor.copy()
      await attempt((session) => seen.push(printed(session), session.id, session.binding))
      await attempt(() => {})
      const slow = await visitor.open()
      slow['late'] = true
      await attempt((session) => session.regenerate())
      seen.push(await rejection(slow.save()), await rejection(slow.reload()))
      app.clock.advance(HOUR / 4)
      await old.visit()
      await late.visit()
      const both = app.visitor({ secure: false })
      await both.visit((session) => (session.user = { id: 'bob' }))
      secrets.add(both.secret)
      both.cookie = `${both.cookie}; ${visitor.cookie}`
      await both.visit()
      for (const [id, row] of app.rows) seen.push(id, row)
      app.clock.advance(DAY)
      await attempt(() => {})
      await settled()
      seen.push(app.events, [...app.rows])
      expect(new Set(app.events.map(({ type }) => type))).toEqual(
        new Set([
          'created',
          'signed-in',
          'rotated',
          'store-error',
          'conflict',
          'dropped-write',
          'bad-token',
          'ambiguous-cookie',
        ]),
      )
    })
    secrets.delete('')
    expect(secrets.size).toBeGreaterThanOrEqual(5)
    expect(raised.length).toBeGreaterThan(0)
    const text = printed([seen, raised])
    for (const secret of secrets) {
      expect(text).not.toContain(secret)
      expect(text).not.toContain(secret.slice(0, 20))
    }
  })

  it('is not to be guessed from another: no two share anything', async () => {
    const app = scene()
    const tokens = new Set<string>()
    for (let count = 0; count < 500; count++) {
      const visitor = app.visitor()
      await visitor.visit((session) => (session['a'] = 1))
      const [id = '', secret = ''] = visitor.token.split('.')
      tokens.add(id).add(secret)
      for (let at = 0; at + 8 <= secret.length; at += 8) tokens.add(secret.slice(at, at + 8))
    }
    expect(tokens.size).toBe(500 * 7)
  })

  it('is drawn from the random source that was given, and nowhere else', async () => {
    let drawn = 0
    const random = (size: number): Uint8Array => new Uint8Array(size).fill(++drawn)
    const app = scene({ random })
    const visitor = app.visitor()
    await visitor.visit((session) => (session['a'] = 1))
    const bytes = visitor.token.split('.').map((part) => Buffer.from(part, 'base64url'))
    expect(bytes.map(({ length }) => length)).toEqual([16, 32])
    for (const part of bytes) expect(new Set(part).size).toBe(1)
  })

  it('is not made when the random source fails: the request does', async () => {
    const broken = new Error('no entropy')
    const app = scene({
      random: () => {
        throw broken
      },
    })
    expect(await rejection(app.visitor().visit((session) => (session['a'] = 1)))).toBe(broken)
    expect(app.rows.size).toBe(0)
  })
})
