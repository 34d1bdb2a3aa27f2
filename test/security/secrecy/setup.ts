/**
 * Runs before every test file: whatever the library draws as a token's secret, signs a cookie with, or is given as a
 * key, is looked for in every event, error, warning and line of output of that file's process. A test during which it is
 * seen has failed.
 */
import { afterAll, afterEach, vi } from 'vitest'
import { SojournError } from '../../../src/core/errors.ts'
import { Events } from '../../../src/shell/events.ts'
import type { SealingKey } from '../../../src/stores/_seal.ts'
import { keepSecret, search, takeLeaks } from './secrets.ts'
import { printed, watch } from './watch.ts'

vi.mock('../../../src/core/token.ts', async (original) => {
  const token = await original<typeof import('../../../src/core/token.ts')>()
  const drawSecret: typeof token.drawSecret = (random) => keepSecret(token.drawSecret(random))
  return { ...token, drawSecret }
})

vi.mock('../../../src/stores/_seal.ts', async (original) => {
  const seal = await original<typeof import('../../../src/stores/_seal.ts')>()
  const sealer: typeof seal.sealer = (keys, ...purpose) => {
    if (Array.isArray(keys)) (keys as readonly unknown[]).forEach(keepKey)
    return seal.sealer(keys, ...purpose)
  }
  return { ...seal, sealer }
})

vi.mock('../../../src/express-session/signature.ts', async (original) => {
  const signature = await original<typeof import('../../../src/express-session/signature.ts')>()
  const sign: typeof signature.sign = (value, secret) => {
    if (typeof secret === 'string') keepSecret(secret)
    const signed = signature.sign(value, secret)
    keepSecret(signed.slice(value.length + 1))
    return signed
  }
  return { ...signature, sign }
})

watch('an event', Events.prototype, 'emit')
watch('standard output', process.stdout, 'write')
watch('standard error', process.stderr, 'write')
watch('the console', console, 'log', 'info', 'warn', 'error', 'debug', 'trace', 'dir')
watch('a warning', process, 'emitWarning')

// `super()` asks for the constructor above at each call: this one stands between an error and Error.
Object.setPrototypeOf(
  SojournError,
  class extends Error {
    constructor(message?: string, options?: ErrorOptions) {
      super(message, options)
      search('an error', `${message} ${printed(options?.cause)}`)
    }
  },
)

afterEach(report)
afterAll(report)

// --- internal ---

function keepKey(key: unknown): void {
  const { secret } = (key ?? {}) as Partial<SealingKey>
  if (typeof secret === 'string') keepSecret(secret)
  if (!(secret instanceof Uint8Array)) return
  for (const encoding of ['base64', 'base64url', 'hex', 'latin1'] as const)
    keepSecret(Buffer.from(secret).toString(encoding))
}

function report(): void {
  const leaks = takeLeaks()
  if (leaks.length > 0) throw new Error(`A secret was seen in ${[...new Set(leaks)].join(' and in ')}`)
}
