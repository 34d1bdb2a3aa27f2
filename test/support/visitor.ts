/** A visitor: a browser without a network. Keeps the cookie it is given, and makes requests of a manager with it. */
import type { Plan } from '../../src/core/plan.ts'
import type { Session } from '../../src/core/session.ts'
import type { SessionInfo, Sessions } from '../../src/sessions.ts'
import type { OpenInput } from '../../src/shell/visit.ts'

/** What a request came to. */
export interface Answered<T extends object> {
  readonly plan: Plan
  readonly headers: [string, string][]
  /** The `Set-Cookie`, if there was one. */
  readonly cookie: string | undefined
  /** The session that the request ended with. */
  readonly session: Session<T>
}

export class Visitor<T extends object> {
  readonly #sessions: Sessions<T>
  readonly #input: Partial<OpenInput>
  /** `name=value`, as it is sent; null when there is none. */
  cookie: string | null

  constructor(sessions: Sessions<T>, input: Partial<OpenInput> = {}, cookie: string | null = null) {
    this.#sessions = sessions
    this.#input = input
    this.cookie = cookie
  }

  /** The session's token. */
  get token(): string {
    return this.cookie?.slice(this.cookie.indexOf('=') + 1) ?? ''
  }

  get secret(): string {
    return this.token.split('.')[1] ?? ''
  }

  /** Somebody with the same cookie: who copied it, or the same browser with a request that is still under way. */
  copy(): Visitor<T> {
    return new Visitor(this.#sessions, this.#input, this.cookie)
  }

  /** The beginning of a request. */
  open(): Promise<Session<T>> {
    return this.#sessions.open({ cookie: this.cookie, secure: true, ...this.#input })
  }

  /** The end of a request that `open` began. */
  async finish(session: Session<T>): Promise<Answered<T>> {
    const { plan, headers } = await this.#sessions.commit(session)
    const cookie = setCookieOf(headers)
    if (cookie !== undefined) this.cookie = /; Max-Age=0;/.test(cookie) ? null : cookie.split(';')[0]!
    return { plan, headers, cookie, session: this.#sessions.current(session) }
  }

  /** One whole request. */
  async visit(handler: (session: Session<T>) => unknown = () => {}): Promise<Answered<T>> {
    const session = await this.open()
    await handler(session)
    return this.finish(session)
  }
}

/** All that a manager lists of a principal's sessions. */
export async function infosOf<T extends object>(sessions: Sessions<T>, principal: string): Promise<SessionInfo[]> {
  const infos = []
  for await (const info of sessions.list(principal)) infos.push(info)
  return infos
}

/** The one `Set-Cookie` of a response. Two of them would be a defect. */
export function setCookieOf(headers: [string, string][]): string | undefined {
  const [cookie, second] = headers.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value)
  if (second !== undefined) throw new Error('a response sets the cookie twice')
  return cookie
}
