/** I: the connection and its proxies. */
import { met, otherwise, type Requirement } from './_requirement.ts'

export const transport: readonly Requirement[] = [
  met(
    'I01',
    'high',
    'No forwarded header is believed but of trusted hops, and then the right-most',
    ['adapters/proxy', 'no other header is believed at all'],
    ['adapters/proxy', ', since '],
    ['security/forwarded-headers', 'no client on plain http makes itself secure, nor changes its address (I01, I03)'],
    ['security/forwarded-headers', ', what the client wrote counts for nothing (I01, I03)'],
  ),
  met('I02', 'high', 'A session of plain http is none on https', [
    'shell/visit-cookie',
    'of plain http opens nothing on https, and the other way round',
  ]),
  met(
    'I03',
    'medium',
    'A client’s address is that of a trusted hop, in one spelling',
    ['adapters/proxy', ' (I03)'],
    ['security/forwarded-headers', 'a client has one address, however it is spelled (I03)'],
  ),
  otherwise(
    'I04',
    'low',
    'User-Agent and address decide nothing',
    'They are labels in the owner’s list, capped and optional; a session is judged by its token and its time alone.',
    ['shell/writer-sign-in', 'keeps the labels of the request that signed in'],
  ),
  met(
    'I05',
    'high',
    'Upgrades are judged alike, and open connections end with their session',
    ['adapters/bare', 'on an upgrade, with '],
    ['security/open-connections', 'ends at once with its session, by '],
    ['security/open-connections', 'ends within 30 seconds of its session, by '],
    ['security/open-connections', 'ends at its session’s expiry, and not before'],
    ['security/open-connections', 'is an upgraded one as well, and none is upgraded without a session'],
  ),
]
