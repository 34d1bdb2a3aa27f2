import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  ConfigError,
  ConflictError,
  CsrfError,
  SignInError,
  SojournError,
  StoreError,
  UsageError,
} from '../../src/core/errors.ts'

const cause = new Error('beneath')

describe('every error', () => {
  it.each([
    [new ConfigError('m', { cause }), 'ConfigError', 'ERR_SOJOURN_CONFIG', 500],
    [new StoreError('m', { cause }), 'StoreError', 'ERR_SOJOURN_STORE', 503],
    [new StoreError('m', { cause, timeout: true }), 'StoreError', 'ERR_SOJOURN_STORE_TIMEOUT', 503],
    [new ConflictError('ERR_SOJOURN_CONFLICT', 'm', { cause }), 'ConflictError', 'ERR_SOJOURN_CONFLICT', 409],
    [new ConflictError('ERR_SOJOURN_GONE', 'm', { cause }), 'ConflictError', 'ERR_SOJOURN_GONE', 409],
    [new SignInError('m', { cause }), 'SignInError', 'ERR_SOJOURN_NOT_RECENT', 401],
    [new CsrfError('cross-site', 'm', { cause }), 'CsrfError', 'ERR_SOJOURN_CSRF', 403],
    [new UsageError('ERR_SOJOURN_DESTROYED', 'm', { cause }), 'UsageError', 'ERR_SOJOURN_DESTROYED', 500],
  ])('has its name, code, status and cause: %s', (error, name, code, status) => {
    expect(error).toMatchObject({ name, code, status, cause, message: 'm' })
    expect(error).toBeInstanceOf(SojournError)
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).toBe(`${name}: m`)
  })

  it('is printed once by its name, and with its code', () => {
    const printed = inspect(new StoreError('the store is down'))
    expect(printed).toMatch(/^StoreError: the store is down\n/)
    expect(printed.match(/StoreError/g)).toHaveLength(1)
    expect(printed).toContain("code: 'ERR_SOJOURN_STORE'")
  })

  it('is not to be shown to visitors: frameworks ask for that', () => {
    expect(new StoreError('m').expose).toBe(false)
    expect(Object.keys(new StoreError('m'))).toEqual(['code', 'status'])
  })

  it('has no cause that nobody gave', () => {
    expect(Object.hasOwn(new ConfigError('m'), 'cause')).toBe(false)
  })
})
