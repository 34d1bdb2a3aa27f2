/** C: reading cookies, duplicates and tossing. */
import { met, otherwise, type Requirement } from './_requirement.ts'

export const parsing: readonly Requirement[] = [
  met(
    'C01',
    'high',
    'Several Cookie lines and HTTP/2 crumbs are one header',
    ['adapters/express', 'several Cookie lines are one header, and several cookies of the name are tried (C01, C02)'],
    ['adapters/http2', 'a crumbled Cookie header is put together (C01)'],
  ),
  met(
    'C02',
    'high',
    'Of several cookies of the name, the valid one counts, wherever it stands',
    ['shell/visit-open', 'finds the valid one behind garbage, and before it'],
    ['security/tossing', 'garbage planted before and behind the session’s cookie signs nobody out'],
  ),
  met(
    'C03',
    'high',
    'Two valid cookies of the name are nobody’s',
    ['shell/visit-open', "is nobody's when two are valid, in either order"],
    ['security/tossing', 'a whole session planted beside the victim’s is nobody’s, in either order'],
  ),
  met(
    'C04',
    'high',
    'A cookie’s name is compared exactly; only SP and HTAB are trimmed',
    ['core/cookie', 'is read as a split at semicolons, a trim of blanks and an exact comparison would read it'],
    ['security/encoding', 'no spelling but the exact one is the session’s cookie'],
  ),
  met(
    'C05',
    'high',
    'Names are never decoded or normalised',
    ['core/cookie', 'has no session cookie in'],
    ['security/encoding', 'no spelling but the exact one is the session’s cookie'],
  ),
  met(
    'C06',
    'high',
    'A nameless cookie cannot become the session’s',
    ['core/cookie', 'has no session cookie in'],
    ['security/encoding', 'no spelling but the exact one is the session’s cookie'],
  ),
  met(
    'C07',
    'medium',
    'Quotes are data, `$Version` means nothing, a comma separates nothing',
    ['core/cookie', 'keeps quotes, escapes and everything but SP and HTAB around a value'],
    ['security/encoding', 'no spelling but the exact one is the session’s cookie'],
  ),
  met(
    'C08',
    'high',
    'No header makes an error',
    ['shell/visit-open', 'never make an error, and never open a session'],
    ['security/fuzz', 'make no exception and no forgery'],
  ),
  met(
    'C09',
    'medium',
    'A cookie named like a member of every object is harmless, and no name for the session’s',
    ['core/cookie', 'is a name like others'],
    ['core/options', 'are an error at start that ends with the remedy'],
  ),
  met(
    'C10',
    'medium',
    'Reading takes linear time, and few lookups',
    ['core/cookie', 'of a megabyte is read in linear time, whatever it repeats'],
    ['shell/visit-open', 'has eight tokens looked up at most'],
    ['security/tossing', 'hundreds of planted cookies cost eight lookups'],
  ),
  otherwise(
    'C11',
    'medium',
    'A missing cookie is an anonymous request',
    'There is one cookie, and none that stands in for it; where the data lie in several, each alone opens nothing.',
    ['stores/cookie', 'with a chunk left out, doubled, swapped, or taken from another session'],
  ),
  met('C12', 'low', 'Of a live and a dead cookie of the name, the live one counts', [
    'security/tossing',
    'of a live session and a dead one, the live one is the request’s',
  ]),
]
