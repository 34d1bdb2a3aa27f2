/** A connection over TLS counts as secure by itself, whatever is said of proxies. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer, get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Certificate, makeCertificate } from '../servers/certificate.ts'
import { SECRET } from './_application.ts'
import { type AnyRequest, DROP_IN, EXPRESS_SESSION, type Library } from './_libraries.ts'

let folder: string
let certificate: Certificate
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-tls-'))
  certificate = makeCertificate(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What the cookie of a session says of itself behind its value; none when there is no cookie. */
async function attributes(library: Library, options: object): Promise<string[]> {
  const { certFile, keyFile, ca } = certificate
  const session = library({ secret: SECRET, resave: false, saveUninitialized: false, ...options })
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (request, response) => {
    session(request, response, () => {
      ;(request as AnyRequest).session['user'] = 'ada'
      response.end('welcome')
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [answer] = (await once(get({ host: '127.0.0.1', port, ca, agent: false }), 'response')) as [IncomingMessage]
  await once(answer.resume(), 'end')
  return (answer.headers['set-cookie'] ?? []).map((line) => line.replace(/^[^;]*; /, ''))
}

describe.each([
  ['express-session', EXPRESS_SESSION, {}],
  ['the drop-in', DROP_IN, {}],
  ['the drop-in with strictCompat', DROP_IN, { strictCompat: true }],
] as const)('over TLS, with %s', (_, library, mode) => {
  describe.each([undefined, true, false])('with proxy %s', (proxy) => {
    it('a secure cookie is sent', async () => {
      const options = { ...mode, proxy, cookie: { secure: true } }
      expect(await attributes(library, options)).toEqual(['Path=/; HttpOnly; Secure'])
    })

    it('auto is for a secure connection', async () => {
      const options = { ...mode, proxy, cookie: { secure: 'auto', sameSite: 'auto' } }
      expect(await attributes(library, options)).toEqual(['Path=/; HttpOnly; Secure; SameSite=None'])
    })
  })
})
