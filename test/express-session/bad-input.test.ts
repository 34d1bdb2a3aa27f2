/** Whatever a client sends and whatever lies in the store: an answer every time, and no browser is shut out by it. */
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { Application } from './_application.ts'
import { type AnySession, DROP_IN, type Handle } from './_libraries.ts'

let application: Application
beforeEach(async () => {
  application = await Application.of(DROP_IN, { options: { cookie: { maxAge: 60_000 }, rolling: true } })
})
afterEach(() => application.close())

const login: Handle = (request, response) => {
  request.session['user'] = 'ada'
  response.end('welcome')
}
const who: Handle = (request, response) => response.end(String(request.session['user']))

/** The signed value that the browser has. */
async function value(): Promise<string> {
  await application.ask(login)
  application.takeCalls()
  return application.jar.get('connect.sid')!
}

describe('a cookie', () => {
  it.each<[name: string, forge: (value: string) => string]>([
    ['that is not signed', (good) => good.slice(4).split('.')[0]!],
    ['that is not signed but looks it', (good) => good.split('.')[0]!],
    ['with a wrong signature', (good) => `${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`],
    ['that was cut short', (good) => good.slice(0, -5)],
    ['that was cut to its mark', () => 's%3A'],
    ['with a signature alone', () => `s%3A.${'A'.repeat(43)}`],
    ['that is empty', () => ''],
    ['with an encoding that is none', (good) => `${good}%ZZ`],
    ['of 60 KB less what a head may be', () => `s%3A${'x'.repeat(8_000)}.${'y'.repeat(4_000)}`],
    ['of another encoding', () => 's%3A%00%0d%0a.%ff'],
  ])('%s is no cookie: the store is not asked', async (_, forge) => {
    const forged = forge(await value())
    const answer = await application.ask(who, { cookie: `connect.sid=${forged}` })
    expect(answer).toMatchObject({ status: 200, body: 'undefined', setCookies: [] })
    expect(application.takeCalls()).toEqual([])
  })

  it.each<[name: string, forge: (value: string) => string]>([
    ['a forged one before the right one', (good) => `connect.sid=forged; connect.sid=${good}`],
    ['the right one before a forged one', (good) => `connect.sid=${good}; connect.sid=s%3Aforged.x`],
    ['the right one twice', (good) => `connect.sid=${good}; connect.sid=${good}`],
    ['the right one in quotes', (good) => `connect.sid="${good}"`],
  ])('%s: the right one counts', async (_, forge) => {
    const answer = await application.ask(who, { cookie: forge(await value()) })
    expect(answer).toMatchObject({ status: 200, body: 'ada' })
  })

  it('among a thousand of its name costs no more than a few', async () => {
    const good = await value()
    const many = Array.from({ length: 1000 }, (_, at) => `connect.sid=${at}`).join(';')
    const answer = await application.ask(who, { cookie: `${many};connect.sid=${good}` })
    expect(answer).toMatchObject({ status: 200, body: 'undefined' })
  })

  it('rightly signed, for a session that is not there, gets a new id', async () => {
    const good = await value()
    application.store.sessions = {}
    await application.ask(login, { cookie: `connect.sid=${good}` })
    expect(application.jar.get('connect.sid')).not.toBe(good)
  })
})

describe('a stored row', () => {
  const cookie = {
    originalMaxAge: 60_000,
    expires: new Date(Date.now() + 60_000).toISOString(),
    httpOnly: true,
    path: '/',
  }

  const nested = (levels: number): string =>
    `{"cookie":${JSON.stringify(cookie)},"user":"eve","deep":${'['.repeat(levels)}${']'.repeat(levels)}}`

  it.each<[name: string, text: string]>([
    ['that is no JSON', '{"cookie":'],
    ['that is a number', '7'],
    ['that is a text', '"text"'],
    ['that is null', 'null'],
    ['that is a list', '[1]'],
    ['without a cookie', '{"user":"eve"}'],
    ['whose cookie is null', '{"cookie":null,"user":"eve"}'],
    ['whose cookie is a text', '{"cookie":"/","user":"eve"}'],
    ['whose cookie ends at no time', JSON.stringify({ cookie: { ...cookie, expires: 'never' } })],
    ['whose cookie lasts no time', JSON.stringify({ cookie: { ...cookie, originalMaxAge: 'long' } })],
    ['whose cookie has an age that is none', JSON.stringify({ cookie: { ...cookie, maxAge: 'long' } })],
    ['whose cookie cannot be sent', JSON.stringify({ cookie: { ...cookie, domain: 'a\r\nSet-Cookie: b' } })],
    ['whose cookie is of no kind', JSON.stringify({ cookie: { ...cookie, sameSite: 'odd' } })],
    ['whose data are nested deeper than may be', nested(1_001)],
    ['whose data are nested without end', nested(100_000)],
  ])('%s is no session: the browser gets a new one, and the next request is as usual', async (_, text) => {
    const before = await value()
    application.store.sessions[application.id] = text
    expect(await application.ask(who)).toMatchObject({ status: 200, body: 'undefined' })
    expect(await application.ask(login)).toMatchObject({ status: 200 })
    expect(application.jar.get('connect.sid')).not.toBe(before)
    expect(await application.ask(who)).toMatchObject({ status: 200, body: 'ada' })
  })

  it('whose data are nested as deep as may be is a session', async () => {
    await value()
    application.store.sessions[application.id] = nested(1_000)
    expect(await application.ask(who)).toMatchObject({ status: 200, body: 'eve' })
    expect(await application.ask(login)).toMatchObject({ status: 200 })
    expect(await application.ask(who)).toMatchObject({ status: 200, body: 'ada' })
  })

  it('with strictCompat is the error that it is with express-session', async () => {
    const strict = await Application.of(DROP_IN, { options: { strictCompat: true } })
    await strict.ask(login)
    strict.store.sessions[strict.id] = '{"user":"eve"}'
    expect(await strict.ask(who)).toMatchObject({
      status: 500,
      body: expect.stringMatching(/Cannot read prop/) as string,
    })
    await strict.close()
  })

  it.each<[name: string, row: string]>([
    ['at its top', `{"cookie":${JSON.stringify(cookie)},"__proto__":{"admin":true},"user":"ada"}`],
    ['in its cookie', `{"cookie":{"__proto__":{"secure":true},"path":"/","httpOnly":true},"user":"ada"}`],
    ['in its data', `{"cookie":${JSON.stringify(cookie)},"user":"ada","data":{"__proto__":{"admin":true}}}`],
  ])('with __proto__ %s changes nothing else', async (_, row) => {
    await value()
    application.store.sessions[application.id] = row
    const answer = await application.ask((request, response) => {
      const { session } = request
      session['seen'] = true
      response.end(
        JSON.stringify([session['user'], session['admin'], session.cookie['secure'], ({} as { admin?: true }).admin]),
      )
    })
    expect(answer).toMatchObject({ status: 200, body: '["ada",null,null,null]' })
    expect(await application.stored()).toMatchObject({ user: 'ada', seen: true })
  })

  it('with the names of methods leaves them their methods', async () => {
    await value()
    const names = { save: 1, id: 'eve', req: 2, touch: 3, constructor: 4, toString: 5 }
    application.store.sessions[application.id] = JSON.stringify({ cookie, ...names, user: 'ada' })
    const { id } = application
    const answer = await application.ask(async (request, response) => {
      request.session['n'] = 1
      await request.session.save()
      response.end(request.session.id)
    })
    expect(answer).toMatchObject({ status: 200, body: id })
  })
})

describe('a handler', () => {
  it.each(['save', 'touch', 'reload', 'resetMaxAge'])(
    'that takes the name of %s() for data is answered',
    async (name) => {
      await value()
      const answer = await application.ask((request, response) => {
        Object.assign(request.session, { [name]: 'x', kept: true })
        response.end('ok')
      })
      expect(answer).toMatchObject({ status: 200, body: 'ok' })
      expect(await application.stored()).toMatchObject({ kept: true })
    },
  )

  it('that puts its own save() before ours is heard', async () => {
    await value()
    const calls: string[] = []
    await application.ask((request, response) => {
      const { session } = request
      const own = session.save.bind(session)
      session.save = (done) => {
        calls.push('save')
        return own(done)
      }
      session['n'] = 1
      response.end()
    })
    expect(calls).toEqual(['save'])
    expect(await application.stored()).toMatchObject({ n: 1 })
  })

  it('is heard with the save() that it has put on the prototype of all sessions', async () => {
    await value()
    const { prototype } = DROP_IN.Session as unknown as { prototype: AnySession }
    const { save } = prototype
    onTestFinished(() => void Object.defineProperty(prototype, 'save', { value: save }))
    const calls: string[] = []
    Object.defineProperty(prototype, 'save', {
      value(this: AnySession, done: () => void) {
        calls.push(this.id)
        return save.call(this, done)
      },
    })
    await application.ask(login)
    expect(calls).toEqual([])
    await application.ask((request, response) => {
      request.session['n'] = 1
      response.end()
    })
    expect(calls).toEqual([application.id])
    expect(await application.stored()).toMatchObject({ user: 'ada', n: 1 })
  })

  it('that assigns an object replaces the data, and the id stays', async () => {
    const before = await value()
    await application.ask((request, response) => {
      request.session = { theme: 'dark' } as never
      response.end()
    })
    expect(application.jar.get('connect.sid')).toBe(before)
    expect(await application.stored()).toMatchObject({ theme: 'dark', cookie: { originalMaxAge: 60_000 } })
    expect(await application.stored()).not.toHaveProperty('user')
  })

  it('that nests data deeper than may be gets an error response, and the next request is as usual', async () => {
    await value()
    const answer = await application.ask((request, response) => {
      let deep: unknown[] = []
      for (let levels = 1; levels < 1_001; levels++) deep = [deep]
      request.session['deep'] = deep
      response.end('ok')
    })
    expect(answer).toMatchObject({ status: 500, body: expect.stringMatching(/deeper than 1000 levels/) as string })
    expect(await application.ask(who)).toMatchObject({ status: 200, body: 'ada' })
  })

  it.each<[kind: string, assigned: unknown]>([
    ['string', 'xy'],
    ['number', 7],
    ['boolean', true],
    ['function', () => 1],
    ['list', ['x']],
  ])('that assigns a %s gets an error response, and the session stays as it was', async (kind, assigned) => {
    for (const strictCompat of [false, true]) {
      const other = await Application.of(DROP_IN, { options: { strictCompat } })
      onTestFinished(() => other.close())
      await other.ask(login)
      const answer = await other.ask((request, response) => {
        request.session = assigned as never
        response.end('ok')
      })
      expect(answer).toMatchObject({ status: 500, body: expect.stringContaining(`set to a ${kind}, `) as string })
      expect(await other.ask(who)).toMatchObject({ status: 200, body: 'ada' })
    }
  })

  it('that takes the cookie away gets an error response', async () => {
    await value()
    const answer = await application.ask((request, response) => {
      request.session.cookie = undefined as never
      response.end('ok')
    })
    expect(answer.status).toBe(500)
  })
})
