import { describe, expect, it } from 'vitest'
import { isSafeMethod, judgeSource, originsOf } from '../../src/core/csrf.ts'

const OWN = 'https://shop.example'
const NOBODY = { origins: new Set<string>(), sameSite: false }

function judge(fetchSite: string | undefined, origin: string | undefined, trusted = NOBODY): string {
  return judgeSource({ fetchSite, origin, own: () => [OWN] }, trusted)
}

describe('a method', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE'])('%s changes nothing', (method) => {
    expect(isSafeMethod(method)).toBe(true)
  })

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'PROPFIND', 'get', '', undefined])('%s may', (method) => {
    expect(isSafeMethod(method)).toBe(false)
  })
})

describe('the source of a request', () => {
  it.each<[fetchSite: string | undefined, origin: string | undefined, verdict: string]>([
    ['same-origin', undefined, 'ours'],
    ['same-origin', OWN, 'ours'],
    // A page whose Referrer-Policy keeps its origin secret, even from itself.
    ['same-origin', 'null', 'ours'],
    ['none', undefined, 'ours'],
    ['same-site', undefined, 'same-site'],
    ['same-site', OWN, 'same-site'],
    ['cross-site', undefined, 'cross-site'],
    ['cross-site', OWN, 'cross-site'],
    ['cross-site', 'null', 'cross-site'],
    ['Same-Origin', OWN, 'cross-site'],
    ['same-origin, cross-site', OWN, 'cross-site'],
    ['cross-site, same-origin', OWN, 'cross-site'],
    ['whatever', OWN, 'cross-site'],
    [undefined, OWN, 'ours'],
    ['', OWN, 'ours'],
    [undefined, 'https://evil.example', 'origin'],
    [undefined, 'null', 'origin'],
    [undefined, 'https://shop.example.evil.example', 'origin'],
    [undefined, 'https://evil.example/https://shop.example', 'origin'],
    [undefined, 'https://shop.example/', 'origin'],
    [undefined, 'https://shop.example:444', 'origin'],
    [undefined, 'https://shop.example, https://evil.example', 'origin'],
    [undefined, 'https://evil.example, https://shop.example', 'origin'],
    [undefined, 'http://shop.example', 'origin'],
    [undefined, '', 'unknown'],
    [undefined, undefined, 'unknown'],
    ['', undefined, 'unknown'],
  ])('with Sec-Fetch-Site %j and Origin %j is: %s', (fetchSite, origin, verdict) => {
    expect(judge(fetchSite, origin)).toBe(verdict)
  })

  it.each<[fetchSite: string | undefined, origin: string | undefined, verdict: string]>([
    ['cross-site', 'https://app.example', 'ours'],
    [undefined, 'https://app.example', 'ours'],
    ['cross-site', 'https://evil.example', 'cross-site'],
    ['cross-site', undefined, 'cross-site'],
    ['same-site', undefined, 'same-site'],
    [undefined, 'https://APP.example', 'origin'],
  ])('with one other origin trusted, %j and %j: %s', (fetchSite, origin, verdict) => {
    expect(judge(fetchSite, origin, { origins: new Set(['https://app.example']), sameSite: false })).toBe(verdict)
  })

  it('may be a neighbouring host, where those are trusted', () => {
    const trusted = { origins: new Set<string>(), sameSite: true }
    expect(judge('same-site', 'https://blog.shop.example', trusted)).toBe('ours')
    expect(judge('cross-site', 'https://blog.shop.example', trusted)).toBe('cross-site')
    // Without Sec-Fetch-Site nobody knows where a site ends.
    expect(judge(undefined, 'https://blog.shop.example', trusted)).toBe('origin')
  })

  it('is found without asking for its own host, where Sec-Fetch-Site tells', () => {
    const own = (): never => {
      throw new Error('asked')
    }
    expect(judgeSource({ fetchSite: 'same-origin', origin: OWN, own }, NOBODY)).toBe('ours')
  })
})

describe('the origins of a host', () => {
  it.each<[host: string, secure: boolean, origins: string[]]>([
    ['shop.example', true, ['https://shop.example']],
    ['shop.example', false, ['https://shop.example', 'http://shop.example']],
    ['SHOP.Example:8443', true, ['https://shop.example:8443']],
    ['shop.example:443', true, ['https://shop.example']],
    ['shop.example:80', false, ['https://shop.example:80', 'http://shop.example']],
    ['[::1]:3000', true, ['https://[::1]:3000']],
    ['', false, []],
    ['shop.example@evil.example', true, []],
    ['evil.example/', true, []],
    ['evil.example?shop.example', true, []],
    ['evil.example#', true, []],
    ['evil.example\\', true, []],
    ['a b', true, []],
    ['shop.example:99999', true, []],
  ])('%j, secure %s: %j', (host, secure, origins) => {
    expect(originsOf(host, secure)).toEqual(origins)
  })
})
