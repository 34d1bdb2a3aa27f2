/**
 * Carries out what a session's methods ask for within a request, whose response waits for it.
 *
 * @module
 */
import type { Dealings } from './dealings.ts'
import type { Hearing } from './hearing.ts'
import { failedToLoad } from './loose-keeper.ts'
import { momentOf } from './moment.ts'
import type { Settings } from './options.ts'
import type { OwnSession } from './own-session.ts'
import type { Session, SessionKeeper } from './session.ts'

export class RequestKeeper implements SessionKeeper {
  readonly #settings: Settings
  readonly #own: OwnSession
  readonly #dealings: Dealings
  /** What the handler asked for and has not been answered yet. */
  readonly #underWay = new Set<Promise<unknown>>()
  /** The sessions that could not be ended. */
  readonly #failures: { readonly id: string; readonly error: unknown; readonly hearing: Hearing }[] = []

  constructor(settings: Settings, own: OwnSession, dealings: Dealings) {
    this.#settings = settings
    this.#own = own
    this.#dealings = dealings
  }

  /** What the response has to wait for: it fails when something has failed and nobody else may hear of that. */
  get underWay(): Promise<unknown> | undefined {
    return this.#underWay.size > 0 ? Promise.all(this.#underWay) : undefined
  }

  /** @throws the error of a session that could not be ended, if nobody has heard of it */
  check(): void {
    const unheard = this.#failures.find(({ id, hearing }) => !hearing.isHeard && !this.#dealings.hasDestroyed(id))
    if (unheard) throw unheard.error
  }

  /** One of whose failure no callback hears is tried again at the end, whoever has waited for it. */
  save(session: Session, { isHeard }: Hearing): Promise<void> {
    return this.#during({ isHeard }, async () => {
      await this.#dealings.save(session, momentOf(session), isHeard)
    })
  }

  async reload({ id }: Session): Promise<void> {
    const row = await this.#dealings.reload(id)
    if (!row) throw failedToLoad()
    this.#dealings.resume(momentOf(this.#own.make(row)))
  }

  destroy({ id }: Session, hearing: Hearing): Promise<void> {
    delete this.#own.request.session
    return this.#during(hearing, () => this.#end(id, hearing))
  }

  regenerate(_: Session, hearing: Hearing): Promise<void> {
    const { request } = this.#own
    return this.#during(hearing, async () => {
      try {
        await this.#end(request.sessionID, hearing)
      } finally {
        // Without one no session can go on, whatever became of the old one.
        this.#settings.store.generate!(request)
      }
    })
  }

  async #end(id: string, hearing: Hearing): Promise<void> {
    try {
      await this.#dealings.destroy(id)
    } catch (error) {
      this.#failures.push({ id, error, hearing })
      throw error
    }
  }

  #during(hearing: Hearing, work: () => Promise<void>): Promise<void> {
    const done = work()
    if (this.#settings.strict) return done
    const waited = done.catch((error: unknown) => {
      if (!hearing.isHeard) throw error
    })
    const leave = (): boolean => this.#underWay.delete(waited)
    this.#underWay.add(waited)
    waited.then(leave, leave)
    return done
  }
}
