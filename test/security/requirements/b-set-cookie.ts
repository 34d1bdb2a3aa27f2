/** B: the Set-Cookie that is sent. */
import { met, otherwise, type Requirement } from './_requirement.ts'

export const setCookie: readonly Requirement[] = [
  met('B01', 'high', 'By default `__Host-`, Secure, HttpOnly, SameSite=Lax, Path=/, no Domain', [
    'shell/visit-cookie',
    'configured, on https and on plain http',
  ]),
  otherwise(
    'B02',
    'medium',
    'The newer prefix `__Host-Http-`',
    'On https exactly `__Host-sid` is sent and read, always HttpOnly (the design, section 3): two prefixes would be two names to read. A configured prefix is refused.',
    ['core/options', 'are an error at start that ends with the remedy'],
  ),
  met(
    'B03',
    'high',
    'A prefix never contradicts its attributes',
    ['core/options', 'are an error at start that ends with the remedy'],
    ['shell/visit-cookie', 'configured, on https and on plain http'],
    ['security/bad-configuration', 'is refused at start, with the remedy last and no secret repeated'],
  ),
  met(
    'B04',
    'medium',
    'SameSite=None and Partitioned need Secure',
    ['core/options', 'are an error at start that ends with the remedy'],
    ['security/bad-configuration', 'is refused at start, with the remedy last and no secret repeated'],
  ),
  met(
    'B05',
    'high',
    'Name, path, domain and value cannot break the header',
    ['core/options', 'are an error at start that ends with the remedy'],
    ['security/header-injection', 'no character in name, path or domain splits the header'],
  ),
  met('B06', 'medium', 'One Set-Cookie for the session in a response', [
    'adapters/headers',
    'sets its cookie once, whatever the handler does with the session (B06)',
  ]),
  met('B07', 'low', 'No attribute twice in a Set-Cookie', [
    'security/header-injection',
    'no Set-Cookie has an attribute twice',
  ]),
  met('B08', 'high', 'A cookie too large is an error before the headers, and the one before stays', [
    'stores/cookie',
    'is an error when no browser would keep it, and the browser keeps what it had',
  ]),
  met('B09', 'low', 'No cookie lives longer than 400 days', [
    'core/options',
    'are an error at start that ends with the remedy',
  ]),
  met(
    'B10',
    'high',
    'The cookie’s own age decides nothing',
    ['shell/visit-cookie', 'opens nothing after the session has ended, whatever its Max-Age said'],
    ['shell/visit-cookie', 'lives as long as the session may still live'],
  ),
  met(
    'B11',
    'high',
    'The application’s own cookies arrive byte for byte',
    ['adapters/headers', 'keeps the handler’s cookies byte for byte, and its Vary, beside the session’s (10, B11)'],
    ['adapters/headers', 'byte for byte (B11)'],
  ),
  met(
    'B12',
    'high',
    'What needs a cookie after the head has left is refused, and nothing is stored',
    [
      'adapters/gate',
      'refuses a new session after the first byte: nothing is stored, and the connection is cut (4, B12)',
    ],
    ['adapters/gate', 'refuses a rotation after the first byte: the session stays as it was'],
  ),
  otherwise(
    'B13',
    'medium',
    'A Secure cookie on plain http is never silent',
    'On plain http a cookie without Secure goes out under its own name, and outside development that is a warning and an event (the design, section 3).',
    ['shell/visit-cookie', 'raises a warning outside development, once'],
  ),
  otherwise(
    'B14',
    'medium',
    'Destroying takes the cookie away with its name and scope',
    'Only a response whose own handler destroyed the session takes the cookie away (the design, section 3): to clear an expired or dead one could take away the new one of a parallel response.',
    ['shell/visit-cookie', 'is taken away with the name and scope it was set with'],
    ['shell/visit-open', 'takes no cookie away, whatever the handler reads or leaves'],
  ),
  met(
    'B15',
    'medium',
    'Reads set no cookie',
    ['adapters/express', 'a hundred reads set no cookie (B15)'],
    ['promises/p6-nothing-for-nothing', 'sends no cookie again for reads, writes and touches'],
  ),
  met(
    'B16',
    'medium',
    'No cookie and no record for an untouched visitor',
    ['promises/p6-nothing-for-nothing', 'sends a visitor whom nobody remembers no cookie, and keeps nothing'],
    ['security/flood', 'visitors of whom nothing is remembered leave nothing'],
  ),
  met(
    'B17',
    'low',
    'Clear-Site-Data at a logout, by option, on https alone',
    ['shell/visit-clear-site-data', 'comes with the response whose handler ended the session, by option'],
    ['shell/visit-clear-site-data', 'comes on https alone'],
  ),
  met(
    'B18',
    'medium',
    'Two managers on one cookie in one application are refused',
    ['adapters/express', 'two managers on one request are an error that says so (B18)'],
    ['security/bad-configuration', 'on one cookie are refused with the first request that both could have answered'],
  ),
]
