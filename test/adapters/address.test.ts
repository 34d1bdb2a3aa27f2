/** One client, one name: I03. */
import { describe, expect, it } from 'vitest'
import { canonicalAddress } from '../../src/adapters/_address.ts'

describe('an address', () => {
  it.each([
    [
      '203.0.113.9',
      '::ffff:203.0.113.9',
      '::FFFF:203.0.113.9',
      '::ffff:cb00:7109',
      '0:0:0:0:0:ffff:cb00:7109',
      '0000:0000:0000:0000:0000:ffff:203.0.113.9',
      '[::ffff:203.0.113.9]',
      '203.0.113.9:4711',
      '[::ffff:cb00:7109]:4711',
    ],
    [
      '2001:db8::1',
      '2001:DB8::1',
      '2001:0db8:0:0:0:0:0:1',
      '2001:0db8:0000:0000:0000:0000:0000:0001',
      '2001:db8::0:1',
      '[2001:db8::1]',
      '[2001:db8::1]:443',
    ],
    ['::1', '0:0:0:0:0:0:0:1', '[::1]:80'],
    ['127.0.0.1', '::ffff:7f00:1'],
  ])('has one spelling: %s', (one, ...others) => {
    for (const spelling of [one, ...others]) expect(canonicalAddress(spelling), spelling).toBe(one)
  })

  it.each([
    '',
    'unknown',
    '_hidden',
    'fe80::1%eth0',
    '203.0.113.999',
    '203.0.113.9:x',
    '[::1',
    '::ffff:1:2:3',
    '[]:80',
  ])('%j, which is none or has a zone, stays as it is', (text) => {
    expect(canonicalAddress(text)).toBe(text)
  })

  it.each(['::203.0.113.9', '64:ff9b::203.0.113.9', '2002:cb00:7109::'])(
    '%s is another client than the IPv4 in it',
    (text) => {
      expect(canonicalAddress(text)).not.toBe('203.0.113.9')
    },
  )
})
