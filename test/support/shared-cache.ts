/**
 * A shared cache in front of a server: keeps whatever RFC 9111 lets it keep, and gives it to whomever it may. It is as
 * greedy as the standard allows: `Set-Cookie` keeps nothing out (section 7.3), and what says nothing of its freshness
 * is fresh for a minute (section 4.2.2). Its time is the test's.
 */
import { type Ask, Reply } from '../adapters/_wire.ts'

/** The headers that speak to this cache alone, the most particular first (RFC 9213); they outdo `Cache-Control`. */
export const CACHES: Readonly<Record<string, readonly string[]>> = {
  'RFC 9111 alone': [],
  'RFC 9213': ['cdn-cache-control'],
  Cloudflare: ['cloudflare-cdn-cache-control', 'cdn-cache-control'],
  Vercel: ['vercel-cdn-cache-control', 'cdn-cache-control'],
  'Surrogate-Control': ['surrogate-control'],
  Akamai: ['edge-control'],
  nginx: ['x-accel-expires'],
}

export class SharedCache {
  readonly #origin: (ask: Ask) => Promise<Reply>
  readonly #targeted: readonly string[]
  readonly #kept = new Map<string, Kept[]>()
  /** Seconds since it was put there. */
  seconds = 0
  /** How many answers it has given without asking. */
  hits = 0

  constructor(origin: (ask: Ask) => Promise<Reply>, targeted: readonly string[] = []) {
    this.#origin = origin
    this.#targeted = targeted
  }

  async ask(ask: Ask): Promise<Reply> {
    const { path = '/', method = 'GET' } = ask
    if (method !== 'GET') return this.#change(path, ask)
    const kept = this.#kept.get(path)?.find((each) => selects(each, ask))
    if (kept && this.seconds - kept.at < this.#freshness(kept.reply)) {
      this.hits++
      return withHeaders(kept.reply, [['Age', String(this.seconds - kept.at)]])
    }
    const etag = kept?.reply.header('etag')
    const reply = await this.#origin(etag === undefined ? ask : withCondition(ask, etag))
    if (reply.status !== 304 || !kept) return this.#keep(path, ask, reply)
    // Section 4.3.4: what the 304 says is put in the place of what was kept.
    this.#drop(path, kept)
    const updated = withHeaders(kept.reply, reply.lines)
    return this.#keep(path, ask, updated, this.#mayKeep(ask, reply))
  }

  /** Section 4.4: what changed something makes invalid what was kept of it. */
  async #change(path: string, ask: Ask): Promise<Reply> {
    const reply = await this.#origin(ask)
    if (reply.status < 400) this.#kept.delete(path)
    return reply
  }

  #keep(path: string, ask: Ask, reply: Reply, may = this.#mayKeep(ask, reply)): Reply {
    if (may) {
      const kept: Kept = { headers: headersOf(ask), reply: this.#withoutQualified(reply), at: this.seconds }
      this.#kept.set(path, [kept, ...(this.#kept.get(path) ?? []).filter((each) => !selects(each, ask))])
    }
    return reply
  }

  #drop(path: string, kept: Kept): void {
    const others = (this.#kept.get(path) ?? []).filter((each) => each !== kept)
    this.#kept.set(path, others)
  }

  /** Section 3. */
  #mayKeep(ask: Ask, reply: Reply): boolean {
    const said = this.#directives(reply)
    if (said.has('no-store') || said.get('private') === '') return false
    if (
      headersOf(ask).has('authorization') &&
      !['public', 's-maxage', 'must-revalidate'].some((each) => said.has(each))
    )
      return false
    const explicit = ['public', 's-maxage', 'max-age'].some((each) => said.has(each))
    return explicit || reply.header('expires') !== undefined || HEURISTIC.has(reply.status)
  }

  /** Section 4.2.1: seconds. */
  #freshness(reply: Reply): number {
    const said = this.#directives(reply)
    if (said.get('no-cache') === '') return 0
    const seconds = said.get('s-maxage') ?? said.get('max-age')
    if (seconds !== undefined) return Number(seconds)
    const expires = reply.header('expires')
    if (expires === undefined) return 60
    return (Date.parse(expires) - Date.parse(reply.header('date')!)) / 1000
  }

  /** By name; those without a value have ''. */
  #directives(reply: Reply): Map<string, string> {
    const targeted = this.#targeted.find((name) => reply.header(name) !== undefined)
    const text = reply.all(targeted ?? 'cache-control').join(', ')
    if (targeted === 'x-accel-expires') return new Map(Number(text) > 0 ? [['max-age', text]] : [['no-store', '']])
    // Akamai's own names, and its `10m` for 600.
    const plain = text
      .replaceAll('cache-maxage', 'max-age')
      .replace(/=(\d+)m\b/, (_, m: string) => `=${Number(m) * 60}`)
    const found = plain.matchAll(/([\w-]+)(?:=(?:"([^"]*)"|([^\s,]*)))?/g)
    return new Map([...found].map(([, name, quoted, bare]) => [name!.toLowerCase(), quoted ?? bare ?? '']))
  }

  /** Sections 5.2.2.4 and 5.2.2.7: `private="x"` keeps out that one header. */
  #withoutQualified(reply: Reply): Reply {
    const said = this.#directives(reply)
    const names = ['private', 'no-cache'].flatMap((each) => (said.get(each) ?? '').toLowerCase().split(/[\s,]+/))
    return replyOf(
      reply,
      reply.lines.filter(([name]) => !names.includes(name.toLowerCase())),
    )
  }
}

// --- internal ---

interface Kept {
  /** Of the request that it answered. */
  readonly headers: ReadonlyMap<string, string>
  readonly reply: Reply
  readonly at: number
}

/** RFC 9110 section 15.1. */
const HEURISTIC = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501])

/** Section 4.1. */
function selects({ headers, reply }: Kept, ask: Ask): boolean {
  const names = reply.all('vary').flatMap((line) => line.toLowerCase().split(/[\s,]+/))
  const asked = headersOf(ask)
  return names.every((name) => name !== '*' && headers.get(name) === asked.get(name))
}

function headersOf({ headers = {}, cookie }: Ask): Map<string, string> {
  const own = Array.isArray(headers) ? (headers as [string, string][]) : Object.entries(headers)
  const lines = own.map(([name, value]): [string, string] => [name.toLowerCase(), value])
  return new Map(cookie === undefined ? lines : [...lines, ['cookie', cookie]])
}

function withCondition(ask: Ask, etag: string): Ask {
  return { ...ask, headers: [...headersOf({ ...ask, cookie: undefined }), ['If-None-Match', etag]] }
}

function withHeaders(reply: Reply, lines: Reply['lines']): Reply {
  const names = new Set(lines.map(([name]) => name.toLowerCase()))
  return replyOf(reply, [...reply.lines.filter(([name]) => !names.has(name.toLowerCase())), ...lines])
}

function replyOf({ status, reason, body }: Reply, lines: Reply['lines']): Reply {
  return new Reply([`HTTP/1.1 ${status} ${reason}`, ...lines.map((line) => line.join(': '))].join('\r\n'), body)
}
