/** The README's table of stores and promises, made of what the tests of the promises found. */

/** The promises, as their suites are called. */
export const PROMISES = {
  P1: 'logout is final',
  P2: 'no update is lost',
  P3: 'a response never gets ahead of its session',
  P4: 'no fixation',
  P5: 'a stolen store and an old cookie',
  P6: 'nothing for nothing',
} as const

export type PromiseName = keyof typeof PROMISES

/** What a suite of a promise says of itself. */
export interface Kept {
  readonly promise: PromiseName
  /** The store's name in test/support/stores.ts. */
  readonly store: string
  /** What the table says when all its tests have passed: `✓`, or how far the promise goes on this store. */
  readonly words: string
  /** Whether the store can list, so that what needs that is tested too. */
  readonly lists: boolean
}

/** A suite that has run. */
export interface Found extends Kept {
  /** Whether it had tests and each of them passed. */
  readonly passed: boolean
}

declare module 'vitest' {
  interface TaskMeta {
    kept?: Kept
  }
}

/** The rows: how a store is called there, and the names under which it is tested. */
const ROWS: Readonly<Record<string, readonly string[]>> = {
  '[`memoryStore()`](docs/stores/memory.md), the default: one process': ['memory', 'memory, answering later'],
  '[`sqliteStore({ path })`](docs/stores/sqlite.md): one machine, several processes': ['sqlite'],
  '[`redisStore({ client })`](docs/stores/redis.md): Redis, Valkey, Cluster, Sentinel': ['redis', 'redis cluster'],
  '[`postgresStore({ client })`](docs/stores/postgres.md)': ['postgres'],
  '[`mysqlStore({ client })`](docs/stores/mysql.md): MySQL, MariaDB': ['mariadb'],
  '[`memcachedStore({ servers })`](docs/stores/memcached.md)': ['memcached'],
  '[`mongodbStore({ collection })`](docs/stores/mongodb.md), on a stand-in for the server': ['mongodb'],
  '[`dynamodbStore({ client, table })`](docs/stores/dynamodb.md), on dynalite': ['dynamodb'],
  '[`durableObjectStore`, `d1Store`](docs/stores/cloudflare.md), in workerd': ['durable objects', 'd1'],
  '[`workersKvStore`](docs/stores/cloudflare.md), in workerd': ['workers kv'],
  '[`cookieStore({ keys })`](docs/stores/cookie.md): the cookie itself': ['cookie'],
  '[`fromConnectStore(store)`](docs/stores/connect.md): any express-session store': ['connect'],
}

const COLUMNS = [...(Object.keys(PROMISES) as PromiseName[]), 'lists, revokes all']
const LISTS = COLUMNS.length - 1

/**
 * Gives the lines of the table. A promise of which a store has no suite is not promised there: `no`.
 *
 * @param before the lines that are there: they stand for the stores that could not be tried here
 */
export function tableOf(found: readonly Found[], before: readonly string[] = []): string[] {
  const rows = Object.entries(ROWS).map(([row, stores]) => {
    const own = found.filter(({ store }) => stores.includes(store))
    const all = stores.every((store) => own.some((each) => each.store === store))
    const kept = before.find((line) => line.startsWith(`| ${row} |`))
    return !all && kept !== undefined ? kept : lineOf([row, ...COLUMNS.map((_, at) => cellOf(own, at))])
  })
  return [lineOf(['store', ...COLUMNS]), lineOf(COLUMNS.map(() => '---').concat('---')), ...rows]
}

/** The table in a page, between its markers. */
export function tableIn(page: string): string[] {
  return partsOf(page)[1].trim().split('\n')
}

/** The page with another table. */
export function withTable(page: string, table: readonly string[]): string {
  const [before, , after] = partsOf(page)
  return `${before}\n${table.join('\n')}\n${after}`
}

// --- internal ---

const [BEGIN, END] = ['<!-- npm run docs:stores writes this table -->', '<!-- until here -->']

function partsOf(page: string): [before: string, table: string, after: string] {
  const [begin, end] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)]
  if (end < begin) throw new Error(`the page has no table between ${BEGIN} and ${END}`)
  return [`${page.slice(0, begin)}\n`, page.slice(begin, end), `\n${page.slice(end)}`]
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`.replaceAll(' --- ', '---')
}

function cellOf(own: readonly Found[], at: number): string {
  const suites = at === LISTS ? own.filter(({ lists }) => lists) : own.filter(({ promise }) => promise === COLUMNS[at])
  if (suites.length === 0) return 'no'
  if (!suites.every(({ passed }) => passed)) return '**failed**'
  return at === LISTS ? '✓' : [...new Set(suites.map(({ words }) => words))].join('; ')
}
