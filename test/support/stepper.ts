/** Somebody whose commands to the engine go one at a time, each when the test says so. */
import type { Store } from '../../src/core/store.ts'
import { aroundStore } from './around-store.ts'
import type { OpenStore } from './stores.ts'

/** By which the clients of the stores send a command. */
const COMMANDS: ReadonlySet<string | symbol> = new Set(['sendCommand', 'query', 'execute'])

export class Stepper {
  /** How many commands have been sent. */
  sent = 0
  #waiting: (() => Promise<unknown>)[] = []
  #work: Promise<unknown> | undefined
  #free = false
  #over = false

  get isOver(): boolean {
    return this.#over
  }

  /** The store of a place: each command of its client is a step, or each call where there is no client. */
  store(place: OpenStore): Store {
    if (place.through) return place.through((client) => this.#around(client))
    return aroundStore(place.store, {
      call: (_, work) => this.#command(async () => work()),
      listing: (_, work) => work(),
    })
  }

  /** Does something whose commands wait for nobody. */
  async freely<R>(work: () => Promise<R>): Promise<R> {
    this.#free = true
    try {
      return await work()
    } finally {
      this.#free = false
    }
  }

  /** Lets one command go, of the work that is begun with the first; returns when that is answered, and what follows waits. */
  async step(work: () => Promise<unknown>): Promise<void> {
    if (this.#over) return
    if (!this.#work) {
      this.#work = work().finally(() => (this.#over = true))
      // Whoever waits for its end hears of its failure.
      this.#work.catch(() => undefined)
      await this.#rest()
    }
    await this.#waiting.shift()?.()
    await this.#rest()
  }

  /** Lets everything go that is left. */
  async finish(work: () => Promise<unknown>): Promise<void> {
    while (!this.#over) await this.step(work)
    await this.#work
  }

  /** Until the next command waits, or there is none any more. */
  async #rest(): Promise<void> {
    while (this.#waiting.length === 0 && !this.#over) await new Promise((resolve) => setImmediate(resolve))
  }

  #around<C extends object>(client: C): C {
    return new Proxy(client, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target)
        if (typeof method !== 'function') return method
        const call = (...args: unknown[]): unknown => Reflect.apply(method, target, args)
        return COMMANDS.has(name) ? (...args: unknown[]) => this.#command(async () => call(...args)) : call
      },
    })
  }

  async #command(send: () => Promise<unknown>): Promise<unknown> {
    if (this.#free) return send()
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        this.sent++
        const answer = send()
        answer.then(resolve, reject)
        return answer.catch(() => undefined)
      })
    })
  }
}
