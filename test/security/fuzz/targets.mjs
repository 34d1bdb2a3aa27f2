/**
 * What is fuzzed. A target is given a source of randomness, makes one input of it, and tells whether the input was
 * taken for genuine. It throws when the library threw, or took a forgery.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'

/** The targets, over the library's own functions: of `dist`, or of the source. */
export async function targetsOf(library) {
  return {
    'cookie headers': cookieHeaders(library),
    tokens: tokens(library),
    'sealed values': sealedValues(library),
    'rotation secrets': rotationSecrets(library),
    records: records(library),
    'session data': sessionData(library),
    'requests with a token': await requests(library, 'memory'),
    'requests with a sealed cookie': await requests(library, 'cookie'),
  }
}

// --- internal ---

const COOKIES = [
  'sid=a',
  'sid=a; sid=b',
  'theme=dark; sid=abc.def; lang=en',
  ' sid=1;sid=2 ;\tsid=3',
  '__Host-sid=x; sid=y',
]

function cookieHeaders({ parseCookies }) {
  return (random) => {
    const header = random.input(COOKIES)
    const name = random.one(['sid', '__Host-sid', 'sid.1'])
    const values = parseCookies(header, name)
    assert.deepEqual(values, plainlyParsed(header, name), shown(header))
    return values.length > 0
  }
}

function tokens({ parseToken, formatToken }) {
  const samples = Array.from({ length: 20 }, () => formatToken(newToken()))
  return (random) => {
    const value = random.input(samples)
    const token = parseToken(value)
    if (!token) {
      assert(!samples.includes(value), `a token is not read: ${shown(value)}`)
      return false
    }
    // One token has one spelling, and all of its bytes.
    const [id, secret] = [token.id, token.secret].map((part) => Buffer.from(part, 'base64url'))
    assert.deepEqual([id.length, secret.length], [16, 32], shown(value))
    assert.equal(`${id.toString('base64url')}.${secret.toString('base64url')}`, value)
    return true
  }
}

function sealedValues({ sealer }) {
  const ring = ['k1', 'k2'].map((id) => ({ id, secret: randomBytes(32) }))
  const { seal, open } = sealer(ring, 'fuzz')
  const genuine = new Map(['', 'a', { user: 'alice' }, 'x'.repeat(300)].map((value) => [seal(value), value]))
  const foreign = [
    sealer(ring, 'other').seal({ user: 'root' }),
    sealer([{ id: 'k1', secret: randomBytes(32) }], 'fuzz').seal({ user: 'root' }),
    Buffer.from('{"user":"root"}').toString('base64url'),
  ]
  const samples = [...genuine.keys(), ...foreign]
  return (random) => {
    const value = random.input(samples)
    const opened = open(value)
    if (!opened) {
      assert(!genuine.has(value), 'a genuine value is not opened')
      return false
    }
    assert(genuine.has(value), `a forgery is opened: ${shown(value)}`)
    assert.deepEqual(opened.value, genuine.get(value))
    return true
  }
}

function rotationSecrets({ sealSecret, unsealSecret }) {
  const [previous, stranger] = [newToken(), newToken()]
  const next = newToken().secret
  const samples = Array.from({ length: 5 }, () => sealSecret(next, previous, randomBytes))
  return (random) => {
    const sealed = random.input(samples)
    const opened = unsealSecret(sealed, previous)
    assert(opened === undefined || opened === next, `a forgery is opened: ${shown(sealed)}`)
    assert.equal(unsealSecret(sealed, stranger), undefined)
    return opened !== undefined
  }
}

function records({ toStored, fromStored, judge, secretHasher }) {
  const hash = secretHasher('', 'sid')
  const [token, stranger] = [newToken(), newToken()]
  const now = 1_700_000_000_000
  const limits = { idleMs: 3_600_000, lifetimeMs: 7_200_000 }
  const common = { mark: 'AAAAAAAA', createdAt: now, startedAt: now, authenticatedAt: null, savedAt: now }
  const record = (metadata) =>
    toStored({ id: token.id, version: 3, expiresAt: now + 1000, principal: 'alice', metadata, text: '{"a":1}' })
  const own = hash(token.secret)
  const stored = [
    record({ ...common, hash: own }),
    record({
      ...common,
      hash: own,
      userAgent: 'Firefox',
      address: '::1',
      idleTimeout: 60,
      persistent: false,
      marks: 'BBBBBBBB',
    }),
    record({ ...common, hash: hash(newToken().secret), previous: { hash: own, sealed: 'AAAA', confirmedAt: now } }),
  ]
  const samples = stored.map(({ body }) => body)
  const strangers = [0, -1, 1.5, NaN, Infinity, '3', null, undefined, {}, 2 ** 60]
  return (random) => {
    const body = random.input(samples)
    const row = { ...stored[0], body }
    if (random.below(10) === 0) row[random.one(Object.keys(row))] = random.one(strangers)
    const read = fromStored(token.id, row)
    if (!read) return false
    const { hash: kept, mark, createdAt, startedAt, savedAt, previous } = read.metadata
    assert.deepEqual([typeof kept, typeof mark, typeof read.text], ['string', 'string', 'string'], shown(body))
    assert([createdAt, startedAt, savedAt, read.expiresAt, read.version].every(Number.isFinite), shown(body))
    // A record opens for the token whose hash is written in it, and for no other, however it was changed.
    assert.equal(judge(read, stranger, hash(stranger.secret), now, limits).opens, false, shown(body))
    const { opens } = judge(read, token, own, now, limits)
    assert(opens === false || kept === own || previous?.hash === own, shown(body))
    return opens !== false
  }
}

const DATA = [
  '{}',
  '{"user":{"id":"alice"},"n":[1,2.5,null,true]}',
  '{"a":{"b":{"c":"\\u005f\\u2028"}}}',
  '{"__proto__":{"x":1}}',
]

function sessionData({ dataFormat, jsonCodec }) {
  const { decode } = dataFormat(jsonCodec, 65_536, undefined)
  return (random) => {
    const text = random.input(DATA)
    const data = decode(text)
    assert.deepEqual(Object.keys(Object.prototype), [])
    assert.equal({}.x, undefined)
    if (data === undefined) return false
    assert.equal(Object.getPrototypeOf(data), Object.prototype)
    assert(!hasProto(data), `a key __proto__ is kept: ${shown(text)}`)
    return true
  }
}

async function requests({ createSessions, memoryStore, cookieStore }, kind) {
  const keys = [{ id: 'k1', secret: randomBytes(32) }]
  const sessions = createSessions({ store: kind === 'memory' ? memoryStore() : cookieStore({ keys }) })
  const signIn = async (user) => {
    const session = await sessions.open({ cookie: null, secure: false })
    session.user = user
    const { headers } = await sessions.commit(session)
    return headers[0][1].split(';', 1)[0]
  }
  const users = new Map([
    [await signIn('alice'), 'alice'],
    [await signIn('bob'), 'bob'],
  ])
  const pairs = [...users.keys()]
  const samples = [...pairs, `a=b; ${pairs[0]}; c=d`, `${pairs[0]}; ${pairs[1]}`, `sid=garbage; ${pairs[1]}`]
  return async (random) => {
    const cookie = random.input(samples)
    const session = await sessions.open({ cookie, secure: false })
    const there = plainlyParsed(cookie, 'sid').flatMap((value) => users.get(`sid=${value}`) ?? [])
    const { user } = session
    // Somebody whose very cookie is there, and nobody else's; of two, nobody.
    assert(user === undefined || (there.length === 1 && there[0] === user), shown(cookie))
    await sessions.commit(session)
    return user !== undefined
  }
}

function newToken() {
  return { id: randomBytes(16).toString('base64url'), secret: randomBytes(32).toString('base64url') }
}

/** What RFC 6265bis says, in the shortest way. */
function plainlyParsed(header, name) {
  const pairs = header.split(';').map(trimmed)
  return [
    ...new Set(pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => trimmed(pair.slice(name.length + 1)))),
  ]
}

function trimmed(text) {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '')
}

function hasProto(value) {
  if (typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProto)
}

function shown(text) {
  return JSON.stringify(text.slice(0, 500))
}
