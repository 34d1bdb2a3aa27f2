/** Every requirement of the catalogue, in its order. The page `docs/security/requirements.md` is made of this. */
import type { Requirement } from './_requirement.ts'
import { identifier } from './a-identifier.ts'
import { setCookie } from './b-set-cookie.ts'
import { parsing } from './c-parsing.ts'
import { lifecycle } from './d-lifecycle.ts'
import { time } from './e-time.ts'
import { data } from './f-data.ts'
import { crypto } from './g-crypto.ts'
import { caching } from './h-caching.ts'
import { transport } from './i-transport.ts'
import { csrf } from './j-csrf.ts'
import { operation } from './k-operation.ts'
import { storeContract } from './l-stores.ts'
import { deviceBound } from './n-device-bound.ts'

/** How many requirements each series of the catalogue has, numbered from 01. It has no series M. */
export const CATALOGUE: Readonly<Record<string, number>> = {
  A: 10,
  B: 18,
  C: 12,
  D: 18,
  E: 11,
  F: 10,
  G: 10,
  H: 6,
  I: 5,
  J: 5,
  K: 12,
  L: 15,
  N: 13,
}

export const SERIES: readonly (readonly [heading: string, requirements: readonly Requirement[]])[] = [
  ['A. Identifier and secret', identifier],
  ['B. The Set-Cookie', setCookie],
  ['C. Reading cookies', parsing],
  ['D. Lifecycle', lifecycle],
  ['E. Time', time],
  ['F. Data', data],
  ['G. Cryptography', crypto],
  ['H. Caches', caching],
  ['I. Transport', transport],
  ['J. Cross-site requests', csrf],
  ['K. Operation', operation],
  ['L. The store contract', storeContract],
  ['N. Device-bound sessions', deviceBound],
]

export const requirements: readonly Requirement[] = SERIES.flatMap(([, series]) => series)
