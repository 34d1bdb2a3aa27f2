import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cookieShape, formatClearing, formatCookie, parseCookies, type ResolvedCookie } from '../../src/core/cookie.ts'
import { forAll, hostileText } from '../support/arbitraries.ts'

const DEFAULTS: ResolvedCookie = { name: 'sid', path: '/', sameSite: 'lax', secure: 'auto', persistent: true }

describe("the cookie's shape", () => {
  it.each<[options: Partial<ResolvedCookie>, https: string, http: string]>([
    [{}, '__Host-sid=v; Path=/; HttpOnly; Secure; SameSite=Lax', 'sid=v; Path=/; HttpOnly; SameSite=Lax'],
    [{ name: 'app' }, '__Host-app=v; Path=/; HttpOnly; Secure; SameSite=Lax', 'app=v; Path=/; HttpOnly; SameSite=Lax'],
    [
      { path: '/admin' },
      '__Secure-sid=v; Path=/admin; HttpOnly; Secure; SameSite=Lax',
      'sid=v; Path=/admin; HttpOnly; SameSite=Lax',
    ],
    [
      { domain: 'example.org' },
      '__Secure-sid=v; Domain=example.org; Path=/; HttpOnly; Secure; SameSite=Lax',
      'sid=v; Domain=example.org; Path=/; HttpOnly; SameSite=Lax',
    ],
    [
      { sameSite: 'strict' },
      '__Host-sid=v; Path=/; HttpOnly; Secure; SameSite=Strict',
      'sid=v; Path=/; HttpOnly; SameSite=Strict',
    ],
    [
      { sameSite: 'none' },
      '__Host-sid=v; Path=/; HttpOnly; Secure; SameSite=None',
      'sid=v; Path=/; HttpOnly; SameSite=Lax',
    ],
    [
      { partitioned: true },
      '__Host-sid=v; Path=/; HttpOnly; Secure; SameSite=Lax; Partitioned',
      'sid=v; Path=/; HttpOnly; SameSite=Lax',
    ],
    [
      { priority: 'high' },
      '__Host-sid=v; Path=/; HttpOnly; Secure; SameSite=Lax; Priority=High',
      'sid=v; Path=/; HttpOnly; SameSite=Lax; Priority=High',
    ],
  ])('with %o', (options, https, http) => {
    expect(formatCookie(cookieShape({ ...DEFAULTS, ...options }, true), 'v')).toBe(https)
    expect(formatCookie(cookieShape({ ...DEFAULTS, ...options }, false), 'v')).toBe(http)
  })

  it('has Max-Age when the cookie is to outlive the browser', () => {
    expect(formatCookie(cookieShape(DEFAULTS, false), 'v', 60)).toBe(
      'sid=v; Max-Age=60; Path=/; HttpOnly; SameSite=Lax',
    )
    expect(formatCookie(cookieShape(DEFAULTS, false), 'v', 0)).toContain('; Max-Age=0;')
  })

  it('takes a cookie away with the name and scope it was set with', () => {
    const shape = cookieShape({ ...DEFAULTS, domain: 'example.org', partitioned: true }, true)
    expect(formatClearing(shape)).toBe(
      '__Secure-sid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Domain=example.org; Path=/; HttpOnly; Secure; SameSite=Lax; Partitioned',
    )
  })
})

describe('a Cookie header', () => {
  it('gives back the value that was set, whatever else it has', () => {
    const octets = fc.string({ unit: fc.constantFrom(..."abzAZ019!#$%&'()*+-./:<=>?@[]^_`{|}~".split('')) })
    const others = fc.array(fc.tuple(octets, octets), { maxLength: 4 })
    forAll(fc.tuple(octets, others, others), ([value, before, after]) => {
      const foreign = (pairs: [string, string][]): string[] =>
        pairs.map(([name, value]) => `x${name.replaceAll('=', '')}=${value}`)
      const set = formatCookie(cookieShape(DEFAULTS, true), value).split(';')[0]!
      const header = [...foreign(before), set, ...foreign(after)].join('; ')
      expect(parseCookies(header, '__Host-sid')).toEqual([value])
    })
  })

  it('is read as a split at semicolons, a trim of blanks and an exact comparison would read it', () => {
    const header = fc.string({ unit: fc.constantFrom(...' \t;=sid"a,%'.split('')) })
    forAll(
      fc.oneof(header, hostileText),
      (header) => expect(parseCookies(header, 'sid')).toEqual(plainly(header, 'sid')),
      5000,
    )
  })

  it('gives every distinct value in order, since order is not for it to judge', () => {
    expect(parseCookies('sid=a; x=y; sid=b; sid=a; sid=c', 'sid')).toEqual(['a', 'b', 'c'])
  })

  it.each([
    ['another case', 'SID=v'],
    ['a longer name', 'xsid=v'],
    ['a name that it begins', 'sidx=v'],
    ['the prefixed name', '__Host-sid=v'],
    ['a value that has it inside', 'a=sid=v'],
    ['a value that has it after a blank', 'a=b sid=v'],
    ['a value in quotes that has it inside', 'a="b, sid=v"'],
    ['a comma before', 'a=b, sid=v'],
    ['a nameless cookie', '=sid=v'],
    ['percent encoding in the name', '%73id=v'],
    ['a name without a value', 'sid'],
    ['brackets', 'sid[]=v'],
    ['a no-break space before', '\u00a0sid=v'],
    ['its bytes in UTF-8', 'Â\u00a0sid=v'],
    ['an en quad before', '\u2000sid=v'],
    ['a vertical tab before', '\vsid=v'],
    ['a form feed before', '\fsid=v'],
    ['a NEL before', '\u0085sid=v'],
    ['a newline before', '\nsid=v'],
    ['a byte order mark before', '\ufeffsid=v'],
    ['a blank before the equals sign', 'sid =v'],
  ])('has no session cookie in %s', (_, header) => {
    expect(parseCookies(header, 'sid')).toEqual([])
  })

  it('keeps quotes, escapes and everything but SP and HTAB around a value', () => {
    expect(parseCookies('sid="v"', 'sid')).toEqual(['"v"'])
    expect(parseCookies('sid=%E0%A4%A', 'sid')).toEqual(['%E0%A4%A'])
    expect(parseCookies('\t sid= \tv\t ;', 'sid')).toEqual(['v'])
    expect(parseCookies('sid=v\u00a0', 'sid')).toEqual(['v\u00a0'])
    expect(parseCookies('$Version=1; sid="v; x"', 'sid')).toEqual(['"v'])
    expect(parseCookies('sid=', 'sid')).toEqual([''])
  })

  it.each(['__proto__', 'constructor', 'toString'])('named %s is a name like others', (name) => {
    expect(parseCookies(`${name}=a; sid=v`, 'sid')).toEqual(['v'])
    expect(parseCookies(`sid=v; ${name}=a`, name)).toEqual(['a'])
  })

  it('of a megabyte is read in linear time, whatever it repeats', () => {
    const begun = performance.now()
    for (const part of ['sid=a;', 'sid=', ' ', ' sid=', ';', 'a sid=b;', 'a=sid=;', '\t;sid=x'])
      parseCookies(part.repeat(1_000_000 / part.length), 'sid')
    // Quadratic reading would take minutes.
    expect(performance.now() - begun).toBeLessThan(5000)
  })
})

function plainly(header: string, name: string): string[] {
  const pairs = header.split(';').map((pair) => pair.replaceAll(/^[ \t]+/g, ''))
  const values = pairs
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1).replaceAll(/^[ \t]+|[ \t]+$/g, ''))
  return [...new Set(values)]
}
