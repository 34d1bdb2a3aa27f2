/**
 * The writer: stores what a handler changed, against whatever has become of the session meanwhile.
 *
 * @module
 */
import { changedKeys, type Data, merge, same } from '../core/changes.ts'
import { type Change, firstRecord, isSignIn, nextRecord } from '../core/compose.ts'
import { UsageError } from '../core/errors.ts'
import { standing as standingOf } from '../core/judge.ts'
import { decide, type Plan } from '../core/plan.ts'
import { normalisePrincipal } from '../core/principal.ts'
import type { SessionRecord } from '../core/record.ts'
import type { Awaitable } from '../core/store.ts'
import { drawId, sealSecret, type Token, unsealSecret } from '../core/token.ts'
import type { Handle } from './handle.ts'
import type { Propose } from './keeper.ts'
import type { Turn } from './queue.ts'
import type { Shell } from './shell.ts'
import type { Standing } from './standing.ts'
import type { Objection } from './visit.ts'

/** Data to write, encoded and as they will be read back; no data: what is there stays. */
interface Content {
  readonly text: string
  readonly data?: Data
}

/** What a write does to the token. */
type Rotation = Pick<Change, 'hash' | 'previous'> & { readonly token?: Token | undefined }

export class Writer {
  readonly #shell: Shell
  readonly #handle: Handle
  readonly #standing: Standing
  /** The token to hand out, of the latest proposal. */
  #token: Token | undefined
  /** The record that it is written over. */
  #over: SessionRecord | undefined
  /** Whether that proposal replaced the token, rather than somebody before it. */
  #replaced = false

  constructor(shell: Shell, handle: Handle, standing: Standing) {
    this.#shell = shell
    this.#handle = handle
    this.#standing = standing
  }

  /** Stores what differs, in the session's turn: it is decided there, since an earlier turn may have stored it. */
  persist(headersSent: boolean, encoded: string): Promise<Plan> {
    const { queue } = this.#shell
    const waits = queue.isBusy(this.#standing.id)
    return queue.run(this.#standing.id, async (turn) => {
      const text = waits ? this.#handle.encode() : encoded
      const plan = decide(this.#handle.situation(text))
      if (plan === 'create') return this.#create(text, headersSent)
      return plan === 'save' ? this.#save(text, headersSent, turn) : 'nothing'
    })
  }

  /** Applies a function to the latest data, together with what the handler changed. */
  update<R>(fn: (data: Data) => R, headersSent: boolean): Promise<{ result: R } | 'dropped'> {
    return this.#shell.queue.run(this.#standing.id, async (turn) => {
      let result!: R
      const apply = (data: Data): Data => {
        result = synchronous(fn(data))
        return data
      }
      const done = await this.#update(apply, headersSent, turn)
      return done === 'dropped' ? done : { result }
    })
  }

  // --- internal: the three writes ---

  async #create(text: string, headersSent: boolean): Promise<Plan> {
    const { config, keeper, events, random, clock, hash, drawMark } = this.#shell
    const standing = this.#standing
    if (headersSent) throw tooLateForCookie()
    const principal = this.#principalOf(config.format.readBack(text))
    const secret = standing.nextSecret
    const change = { ...this.#change(drawMark(), text, principal), hash: hash(secret) }
    const record = await keeper.create(firstRecord(standing.id, change, clock(), config.limits), () => drawId(random))
    const objection = await this.#objectionTo(record)
    if (objection) return this.#drop(text, objection)
    this.#adopt(record, { id: record.id, secret })
    events.emit('created', { id: record.id, ...named(principal) })
    if (principal !== null) events.emit('signed-in', { id: record.id, principal })
    return 'create'
  }

  async #save(text: string, headersSent: boolean, turn: Turn): Promise<Plan> {
    const { config, keeper, drawMark } = this.#shell
    const { format, onConflict } = config
    const before = this.#standing.record!
    const base = format.decode(this.#standing.text) ?? {}
    const mine = text === this.#standing.text ? base : format.readBack(text)
    const changed = changedKeys(base, mine).length > 0
    const asked = this.#standing.asks
    if (!changed && !asked && !this.#standing.step) return this.#touch(text)

    const moved = changed && this.#principalOf(mine) !== before.principal
    const content = (current: SessionRecord): Content | undefined => {
      if (!changed) return { text: current.text }
      if (current === before || this.#standing.whole) return { text, data: mine }
      const theirs = format.decode(current.text)
      return theirs && this.#encoded(merge(base, mine, theirs, moved))
    }
    const mark = drawMark()
    const start = onConflict === 'merge' ? newer(turn.latest, before) : before
    const retry = onConflict === 'merge' ? 'retry' : 'reject'
    const outcome = await keeper.swap(start, mark, this.#proposal(mark, base, content, headersSent), retry)
    if (typeof outcome === 'object') return this.#settle(outcome.record, text, turn)
    await this.#forsake(outcome)
    if (moved && before.principal === null) {
      // The session went away under a sign-in, which stands on its own, in a new session.
      this.#standing.onNothing()
      return this.#create(text, headersSent)
    }
    return changed || asked ? this.#drop(text, outcome) : 'nothing'
  }

  async #update(apply: (data: Data) => Data, headersSent: boolean, turn: Turn): Promise<Plan> {
    const { config, keeper, drawMark } = this.#shell
    const { format } = config
    const sent = this.#handle.encode()
    const before = this.#standing.record
    if (!before) {
      this.#handle.assign(apply(format.readBack(sent)))
      const text = this.#handle.encode()
      return text === this.#standing.text ? 'nothing' : this.#create(text, headersSent)
    }
    const base = format.decode(this.#standing.text) ?? {}
    const moved = sent !== this.#standing.text && this.#principalOf(format.readBack(sent)) !== before.principal
    const content = (current: SessionRecord): Content | undefined => {
      const mine = format.readBack(sent)
      if (this.#standing.whole) return this.#encoded(apply(mine))
      const theirs = format.decode(current.text)
      return theirs && this.#encoded(apply(merge(base, mine, theirs, moved)))
    }
    const mark = drawMark()
    const start = newer(turn.latest, before)
    const outcome = await keeper.swap(start, mark, this.#proposal(mark, base, content, headersSent), 'retry')
    if (typeof outcome === 'object') return this.#settle(outcome.record, sent, turn)
    await this.#forsake(outcome)
    return this.#drop(sent, outcome)
  }

  /** Nothing but the order of the keys differs: that is as good as read. */
  async #touch(text: string): Promise<Plan> {
    this.#standing.text = text
    const plan = decide(this.#handle.situation(text))
    if (plan === 'touch') await this.#handle.moveExpiry()
    return plan
  }

  // --- internal: what is written ---

  /** What this write makes of whichever record it finds: nothing, when its token no longer stands. */
  #proposal(
    mark: string,
    base: Data,
    content: (current: SessionRecord) => Content | undefined,
    headersSent: boolean,
  ): Propose {
    return (current) => {
      const now = this.#shell.clock()
      const stands = standingOf(current.metadata, this.#standing.hash, now)
      if (!stands || !sameArrival(current, this.#standing.record!)) return 'superseded'
      if (headersSent && this.#shell.sealed) throw tooLateForCookie()
      const written = content(current)
      // Another process keeps what this one cannot read: nothing of it is written over.
      if (!written) return 'superseded'
      const { text, data } = written
      const principal = data ? this.#principalOf(data) : current.principal
      const replaces = principal !== current.principal || this.#standing.regenerates || this.#turns(base, data)
      const { token, ...rotation } = replaces
        ? this.#replacement(headersSent)
        : this.#rotation(current, stands, headersSent)
      this.#token = token
      this.#over = current
      this.#replaced = rotation.hash !== undefined
      return nextRecord(
        current,
        { ...this.#change(mark, text, principal), ...rotation },
        now,
        this.#shell.config.limits,
      )
    }
  }

  #change(mark: string, text: string, principal: string | null): Change {
    const { limits, authenticates: authenticated } = this.#standing
    const { labels, touches } = this.#handle.visit
    return { mark, text, principal, authenticated, passive: !touches, limits, labels }
  }

  /** A new token at once: who holds the old one holds nothing. */
  #replacement(headersSent: boolean): Rotation {
    if (headersSent) throw tooLateForCookie()
    const token = { id: this.#standing.id, secret: this.#standing.nextSecret }
    return { token, hash: this.#shell.hash(token.secret) }
  }

  /** Periodic rotation: the new token sealed for who holds the old one, until it has been seen. */
  #rotation(current: SessionRecord, stands: 'current' | 'previous', headersSent: boolean): Rotation {
    const { clock, hash, random } = this.#shell
    const { step, limits, nextSecret } = this.#standing
    const { previous } = current.metadata
    const token = this.#standing.token!
    if (stands === 'previous') {
      // Another response replaced it meanwhile: this one hands out the same new token.
      const secret = previous?.sealed === undefined ? undefined : unsealSecret(previous.sealed, token)
      return { token: secret === undefined ? undefined : { id: current.id, secret } }
    }
    if (step === 'confirm' && previous && previous.confirmedAt === undefined) {
      return { previous: { hash: previous.hash, confirmedAt: clock() } }
    }
    // Limits of its own change the cookie's age: the same token is sent again.
    if (headersSent && (limits?.lifetime !== undefined || limits?.persistent !== undefined)) throw tooLateForCookie()
    if (step !== 'replace' || headersSent) return { token: limits ? token : undefined }
    const sealed = sealSecret(nextSecret, token, random)
    return {
      token: { id: current.id, secret: nextSecret },
      hash: hash(nextSecret),
      previous: { hash: this.#standing.hash, sealed },
    }
  }

  // --- internal: what follows ---

  /** What follows a write that holds. */
  async #settle(record: SessionRecord, sent: string, turn: Turn): Promise<Plan> {
    const { events } = this.#shell
    const before = this.#standing.record!
    const { id, principal } = record
    const signedIn = isSignIn(before, { principal, authenticated: this.#standing.authenticates })
    const objection = await this.#objectionTo(record, this.#over)
    if (objection) {
      turn.latest = undefined
      return this.#drop(sent, objection)
    }
    if (this.#standing.arrives) await this.#retire(record)
    turn.latest = record
    this.#adopt(record, this.#token)
    if (this.#replaced) events.emit('rotated', { id, ...named(principal) })
    if (signedIn) events.emit('signed-in', { id, ...named(principal) })
    this.#handle.refresh(sent, record.text)
    return 'save'
  }

  /** A sign-in may turn out to have been revoked while it was under way, or to be one too many. */
  #objectionTo(record: SessionRecord, over?: SessionRecord): Awaitable<Objection | undefined> {
    if (record.principal === null || record.principal === over?.principal) return undefined
    return this.#handle.visit.admit(record, record.principal, over)
  }

  /** With a token of its own in the store, the session needs its old one no more: it goes before the response does. */
  async #retire({ metadata }: SessionRecord): Promise<void> {
    if (metadata.hash === this.#standing.hash) return
    await this.#shell.keeper.retire(metadata.origin!.id)
    this.#standing.arrives = false
  }

  /** The session ended while it arrived: so does what it came from, or the old cookie would bring it back. */
  async #forsake(outcome: 'gone' | 'superseded'): Promise<void> {
    const { arrives, record } = this.#standing
    if (arrives && outcome === 'gone') await this.#shell.keeper.retire(record!.metadata.origin!.id)
  }

  /** Stands on the record that this write left, and hands out its token, if it is a new one. */
  #adopt(record: SessionRecord, token: Token | undefined): void {
    const standing = this.#standing
    standing.on(record, token ?? standing.token!, token ? this.#shell.hash(token.secret) : standing.hash)
    standing.clearRequests()
    if (token || this.#shell.sealed) this.#handle.visit.handOut(standing.token!, record, record.metadata.savedAt)
  }

  #drop(text: string, reason: string): 'dropped' {
    this.#standing.text = text
    this.#standing.clearRequests()
    this.#handle.visit.withhold()
    this.#shell.events.emit('dropped-write', { id: this.#standing.id, reason })
    return 'dropped'
  }

  // --- internal: data ---

  #encoded(data: Data): Content {
    const { format } = this.#shell.config
    const text = format.encode(data)
    return { text, data: format.readBack(text) }
  }

  #principalOf(data: Data): string | null {
    return normalisePrincipal(this.#shell.config.principal(data))
  }

  /** Whether a privilege changed that the application wants a new token for. */
  #turns(before: Data, after: Data | undefined): boolean {
    const { rotateOn } = this.#shell.config
    return after !== undefined && rotateOn !== undefined && !same(rotateOn(before), rotateOn(after))
  }
}

// --- internal ---

function newer(there: SessionRecord | undefined, mine: SessionRecord): SessionRecord {
  return there && there.version > mine.version ? there : mine
}

/** The id of a session that came from elsewhere is used again when the old cookie comes again: that is another one. */
function sameArrival(one: SessionRecord, other: SessionRecord): boolean {
  return one.metadata.origin?.mark === other.metadata.origin?.mark
}

function named(principal: string | null): { principal?: string } {
  return principal === null ? {} : { principal }
}

/** Gives the result of a function that may have to run again; a promise would mean that it cannot. @throws UsageError */
export function synchronous<R>(result: R): R {
  if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') return result
  throw new UsageError(
    'ERR_SOJOURN_UNSUPPORTED',
    'The function given to update() returned a promise; make it synchronous, since it may run again, and await before or after',
  )
}

function tooLateForCookie(): UsageError {
  return new UsageError(
    'ERR_SOJOURN_HEADERS_SENT',
    "The change needs a cookie and the response's head has left, so nothing was stored; change the session before the first byte",
  )
}
