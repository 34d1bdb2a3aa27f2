/**
 * Carries out what a session's methods ask for within a request, whose response waits for it.
 *
 * @module
 */
import type { Dealings } from './dealings.ts'
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

  constructor(settings: Settings, own: OwnSession, dealings: Dealings) {
    this.#settings = settings
    this.#own = own
    this.#dealings = dealings
  }

  /** What the response has to wait for: it fails when something has failed and nobody else may hear of that. */
  get underWay(): Promise<unknown> | undefined {
    return this.#underWay.size > 0 ? Promise.all(this.#underWay) : undefined
  }

  save(session: Session, isHeard: boolean): Promise<void> {
    return this.#during(isHeard, async () => {
      await this.#dealings.save(session, momentOf(session), isHeard)
    })
  }

  async reload({ id }: Session): Promise<void> {
    const row = await this.#dealings.reload(id)
    if (!row) throw failedToLoad()
    this.#dealings.resume(momentOf(this.#own.make(row)))
  }

  destroy({ id }: Session, isHeard: boolean): Promise<void> {
    delete this.#own.request.session
    return this.#during(isHeard, () => this.#dealings.destroy(id))
  }

  regenerate(_: Session, isHeard: boolean): Promise<void> {
    const { request } = this.#own
    return this.#during(isHeard, async () => {
      try {
        await this.#dealings.destroy(request.sessionID)
      } finally {
        // Without one no session can go on, whatever became of the old one.
        this.#settings.store.generate!(request)
      }
    })
  }

  #during(isHeard: boolean, work: () => Promise<void>): Promise<void> {
    const done = work()
    if (this.#settings.strict) return done
    const waited = isHeard ? done.catch(() => undefined) : done
    const leave = (): boolean => this.#underWay.delete(waited)
    this.#underWay.add(waited)
    waited.then(leave, leave)
    return done
  }
}
