/**
 * What `session()` was given: a manager, the options to make one of, or nothing; and what the adapter itself is told.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { ConfigError } from '../core/errors.ts'
import { refuseUnknown } from '../core/option-checks.ts'
import type { Options } from '../core/options.ts'
import { createSessions, type Manager, type Sessions } from '../sessions.ts'
import { type TrustFunction, trustFunction, type TrustProxy } from './_proxy.ts'

/** What the adapter itself can be told. */
export interface AdapterOptions {
  /** Whether a request counts as activity; give `false` for polling that must not keep a session alive. Default: all do. */
  touch?: (request: IncomingMessage) => boolean
  /** The proxies to believe, where there is no Express to ask for its "trust proxy". Default false: none. */
  trustProxy?: TrustProxy
}

/** The same, checked. */
export interface Settings<T extends object> {
  readonly manager: Manager<T>
  readonly touch: ((request: IncomingMessage) => boolean) | undefined
  /** Undefined where the framework is to be asked. */
  readonly trust: TrustFunction | undefined
}

/** Takes apart what `session()` was given. @throws ConfigError; the message ends with the remedy */
export function settingsOf<T extends object>(
  given: Sessions<T> | (Options<T> & AdapterOptions) = {},
  beside: AdapterOptions = {},
): Settings<T> {
  refuseUnknown('option of the adapter', beside, ADAPTER_NAMES)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw noManager()
  if ('open' in given) return { manager: managerOf(given), ...checked(beside) }
  const { touch, trustProxy, ...options } = given
  return { manager: managerOf(createSessions(options as Options<T>)), ...checked({ touch, trustProxy, ...beside }) }
}

// --- internal ---

const ADAPTER_NAMES: ReadonlySet<string> = new Set<keyof AdapterOptions>(['touch', 'trustProxy'])

function managerOf<T extends object>(manager: Sessions<T>): Manager<T> {
  if (typeof (manager as Partial<Manager<T>>).visit === 'function') return manager as Manager<T>
  throw noManager()
}

function noManager(): ConfigError {
  return new ConfigError(
    'session() was given something that is no manager; give what createSessions() returned, its options, or nothing',
  )
}

function checked({ touch, trustProxy }: { [K in keyof AdapterOptions]: AdapterOptions[K] | undefined }): {
  touch: AdapterOptions['touch']
  trust: TrustFunction | undefined
} {
  if (touch !== undefined && typeof touch !== 'function')
    throw new ConfigError('touch must be a function of the request; give one, or leave it out')
  return { touch, trust: trustProxy === undefined ? undefined : trustFunction(trustProxy) }
}
