/** What express-session left behind: rows in a store that a test can look into and spoil, and signed cookies. */
import { createHmac } from 'node:crypto'
import { fromExpressSession, type FromExpressSession } from '../../src/migrate.ts'
import type { ConnectStore } from '../../src/stores/connect.ts'
import type { Plan } from '../../src/core/plan.ts'
import type { Session } from '../../src/core/session.ts'
import { mapStore, type MapStore } from '../support/map-store.ts'
import { type Scene, scene, type SceneOptions, type TestData } from '../support/scene.ts'
import type { FakeClock } from '../../src/testing/clock.ts'

export const SECRET = 'the secret of the old site'
export const OLD_ID = 'aWrfXoElk5MrWZx1y1_wRl98o3mDgFx4'

/** A store of express-session's kind that answers at once. */
export class OldStore implements ConnectStore {
  /** What `get` gives, by id. */
  readonly rows: Map<string, unknown>
  /** The names of the calls made, in order. */
  calls: string[] = []
  failing: ReadonlySet<string> = new Set()

  constructor(rows: Iterable<[string, unknown]> = []) {
    this.rows = new Map(rows)
  }

  get(id: string, answer: (error: unknown, session?: unknown) => void): void {
    this.#answer('get', answer, () => this.rows.get(id))
  }

  set(id: string, session: unknown, answer: (error?: unknown) => void): void {
    this.#answer('set', answer, () => void this.rows.set(id, session))
  }

  destroy(id: string, answer: (error?: unknown) => void): void {
    this.#answer('destroy', answer, () => void this.rows.delete(id))
  }

  #answer(method: string, answer: (error: unknown, value?: unknown) => void, work: () => unknown): void {
    this.calls.push(method)
    if (this.failing.has(method)) answer(new Error('connection lost'))
    else answer(null, work())
  }
}

/** A row as express-session keeps it. */
export function row(data: object): object {
  const cookie = { originalMaxAge: 3_600_000, expires: '2033-05-18T04:33:20.000Z', httpOnly: true, path: '/' }
  return { cookie, ...data }
}

export function signed(id: string = OLD_ID, secret: string | Buffer = SECRET): string {
  return `s:${id}.${createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '')}`
}

/** A cookie as the browser sends it. */
export function oldCookie(value: string = signed(), name = 'connect.sid'): string {
  return `${name}=${encodeURIComponent(value)}`
}

export interface OldScene extends Scene {
  readonly old: OldStore
  /** A browser that has been away since express-session: by default alice, signed in. */
  returning(cookie?: string): Returning
}

/** A manager that takes over from express-session, where alice is signed in. */
export function oldScene(
  options: SceneOptions = {},
  from: Partial<FromExpressSession> = {},
  old = new OldStore([[OLD_ID, row({ user: { id: 'alice' }, cart: ['tea'] })]]),
  map: MapStore = mapStore(),
  clock?: FakeClock,
): OldScene {
  const all = { from: fromExpressSession({ secret: SECRET, store: old, ...from }), ...options }
  const made = scene(all, map, ...(clock ? [clock] : []))
  return { ...made, old, returning: (cookie) => new Returning(made.sessions, cookie) }
}

export interface Told {
  readonly plan: Plan
  /** The `Set-Cookie` lines. */
  readonly cookies: readonly string[]
  /** The session that the request ended with. */
  readonly session: Session<TestData>
}

/** A browser whose jar holds an old cookie, and what it is given since. */
export class Returning {
  readonly #sessions: Scene['sessions']
  /** Name and value of each cookie, as they are sent. */
  jar: (readonly [name: string, value: string])[]

  constructor(sessions: Scene['sessions'], cookie: string = oldCookie()) {
    this.#sessions = sessions
    this.jar = cookie.split('; ').map(pairOf)
  }

  get cookie(): string {
    return this.jar.map((pair) => pair.join('=')).join('; ')
  }

  get names(): string[] {
    return this.jar.map(([name]) => name)
  }

  /** The token of its own, if it has one. */
  get token(): string | undefined {
    return this.jar.find(([name]) => name === '__Host-sid')?.[1]
  }

  async visit(handler: (session: Session<TestData>) => unknown = () => {}): Promise<Told> {
    const session = await this.#sessions.open({ cookie: this.cookie, secure: true })
    await handler(session)
    const { plan, headers } = await this.#sessions.commit(session)
    const cookies = headers.filter(([name]) => name === 'Set-Cookie').map(([, line]) => line)
    for (const line of cookies) {
      const [name, value] = pairOf(line.split(';')[0]!)
      this.jar = this.jar.filter(([other]) => other !== name)
      if (!line.includes('; Max-Age=0;')) this.jar.push([name, value])
    }
    return { plan, cookies, session: this.#sessions.current(session) }
  }

  /** Whom the application takes it for. */
  async user(): Promise<string | undefined> {
    return (await this.visit()).session.user?.id
  }
}

function pairOf(text: string): [name: string, value: string] {
  const at = text.indexOf('=')
  return [text.slice(0, at), text.slice(at + 1)]
}
