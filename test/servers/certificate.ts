/** Certificates for the tests' own servers. */
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A server's certificate and key, for localhost and 127.0.0.1, and that of the authority which signed it. */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
  readonly ca: string
}

/** Makes an authority and a certificate in a folder, where a server's own user can read them. */
export function makeCertificate(folder: string): Certificate {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const names = [
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  ]
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=an authority')
  const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key']
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'key',
    '-out',
    'crt',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
    ...names,
    ...signer,
  )
  for (const file of ['key', 'crt']) chmodSync(join(folder, file), 0o644)
  return {
    certFile: join(folder, 'crt'),
    keyFile: join(folder, 'key'),
    ca: readFileSync(join(folder, 'ca.crt'), 'utf8'),
  }
}
