/**
 * Requests that share stores, run in every order of their calls: each call waits until it is its request's turn. Where
 * `explore` takes operations as indivisible, this takes them apart.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Gate } from './gate.ts'

export interface Play {
  /** Who takes part, by name, and what each does. What it rejects with is its own affair. */
  readonly lanes: Readonly<Record<string, () => Promise<unknown>>>
  /** Looks after each step, and throws when something is not as it must be. */
  readonly look: (ended: ReadonlySet<string>) => Promise<void>
}

/** Runs a play in every order of its calls; gives how many there were. The message of a failure tells the order. */
export async function everyOrder(
  setUp: (steps: Steps) => Promise<Play>,
  { switches = Infinity } = {},
): Promise<number> {
  let orders = 0
  for (let choices: Choice[] | undefined = []; choices; choices = next(choices)) {
    await run(setUp, choices, switches)
    orders++
  }
  return orders
}

/** Runs one request alone, and abandons it before its call of that number, as a crash does; tells whether it came so far. */
export async function crashBefore(call: number, steps: Steps, work: () => Promise<unknown>): Promise<boolean> {
  const lane = steps.start('crashing', work)
  await lane.go()
  for (let made = 0; made < call && !lane.ended; made++) await lane.go()
  return !lane.ended
}

/** The calls of some stores, each of which waits for its lane's turn. Calls from outside the lanes do not wait. */
export class Steps {
  readonly #lane = new AsyncLocalStorage<Lane>()

  /** Gives the same object with these methods taken apart. */
  around<O extends object>(name: string, inner: O, methods: readonly (keyof O & string)[]): O {
    const outer = Object.create(inner) as O
    for (const method of methods) {
      const call = inner[method] as unknown
      if (typeof call !== 'function') continue
      const stepped = (...args: unknown[]): unknown => {
        const lane = this.#lane.getStore()
        const make = (): unknown => call.apply(inner, args) as unknown
        return lane ? lane.arrive(`${name}.${method}`).then(make) : make()
      }
      Object.assign(outer, { [method]: stepped })
    }
    return outer
  }

  start(name: string, work: () => Promise<unknown>): Lane {
    return new Lane(name, (lane) => this.#lane.run(lane, work))
  }
}

/** One who takes part: not begun, waiting at a call, or at the end. */
export class Lane {
  readonly name: string
  readonly #begin: (lane: Lane) => Promise<unknown>
  #begun = false
  #waiting: { call: string; gate: Gate }[] = []
  ended = false

  constructor(name: string, begin: (lane: Lane) => Promise<unknown>) {
    this.name = name
    this.#begin = begin
  }

  /** Whether there is something to let go. One who waits for somebody else has nothing. */
  get ready(): boolean {
    return !this.ended && (!this.#begun || this.#waiting.length > 0)
  }

  get at(): string {
    return this.#waiting[0]?.call ?? 'begin'
  }

  arrive(call: string): Promise<void> {
    const gate = new Gate()
    this.#waiting.push({ call, gate })
    return gate.pass()
  }

  /** Lets one call go, and everything that follows from it but the next call. */
  async go(): Promise<void> {
    const end = (): void => void (this.ended = true)
    if (this.#begun) this.#waiting.shift()?.gate.open()
    else this.#begin(this).then(end, end)
    this.#begun = true
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Lets one go until it waits at a call. */
export async function goTo(call: string, lane: Lane): Promise<void> {
  for (let calls = 0; lane.at !== call; calls++) {
    if (lane.ended || calls === 20) throw new Error(`${lane.name} never came to ${call}`)
    await lane.go()
  }
}

// --- internal ---

/** Who was let go, of how many. */
interface Choice {
  taken: number
  of: number
}

async function run(setUp: (steps: Steps) => Promise<Play>, choices: Choice[], switches: number): Promise<void> {
  const steps = new Steps()
  const { lanes, look } = await setUp(steps)
  const all = Object.entries(lanes).map(([name, work]) => steps.start(name, work))
  // Before its first call nobody does anything that others could see.
  for (const lane of all) await lane.go()
  const order: string[] = []
  let current: Lane | undefined
  let left = switches
  for (let at = 0; ; at++) {
    const ready = all.filter((lane) => lane.ready)
    if (ready.length === 0) break
    const goesOn = current?.ready === true
    const open = goesOn ? [current!, ...(left > 0 ? ready.filter((lane) => lane !== current) : [])] : ready
    const choice = (choices[at] ??= { taken: 0, of: open.length })
    const lane = open[choice.taken]!
    if (goesOn && lane !== current) left--
    current = lane
    order.push(`${lane.name}: ${lane.at}`)
    await lane.go()
    try {
      await look(new Set(all.filter(({ ended }) => ended).map(({ name }) => name)))
    } catch (cause) {
      throw new Error(`In the order ${order.join(' → ')}: ${(cause as Error).message}`, { cause })
    }
  }
  const stuck = all.find((lane) => !lane.ended)
  if (stuck) throw new Error(`In the order ${order.join(' → ')}: ${stuck.name} never came to an end`)
}

/** The choices that lead to the next order; undefined after the last. */
function next(choices: Choice[]): Choice[] | undefined {
  const last = choices.findLastIndex(({ taken, of }) => taken + 1 < of)
  if (last === -1) return undefined
  return [...choices.slice(0, last), { taken: choices[last]!.taken + 1, of: choices[last]!.of }]
}
