/** Holds the same conversation with both libraries, and tells where they differ. */
import { setImmediate as turn } from 'node:timers/promises'
import { Application } from './_application.ts'
import type { Conversation, Step } from './_conversations.ts'
import { DROP_IN, EXPRESS_SESSION, type Library } from './_libraries.ts'

/** What a step was seen to do; ids are named in the order in which they appear. */
export interface Seen {
  status: number
  headers: Record<string, string>
  cookies: readonly string[]
  body: string
  calls: readonly string[]
  stored: Record<string, string>
  errors: readonly string[]
}

export interface Difference {
  readonly conversation: string
  readonly step: string
  readonly field: keyof Seen
  readonly theirs: unknown
  readonly ours: unknown
}

export async function differences(conversation: Conversation, strictCompat = false): Promise<Difference[]> {
  const theirs = await hold(EXPRESS_SESSION, conversation)
  const ours = await hold(DROP_IN, { ...conversation, options: { ...conversation.options, strictCompat } })
  return Object.keys(conversation.steps).flatMap((step) => {
    const [a, b] = [theirs.get(step)!, ours.get(step)!]
    return (Object.keys(a) as (keyof Seen)[])
      .filter((field) => JSON.stringify(a[field]) !== JSON.stringify(b[field]))
      .map((field) => ({ conversation: conversation.name, step, field, theirs: a[field], ours: b[field] }))
  })
}

// --- internal ---

async function hold(library: Library, conversation: Conversation): Promise<Map<string, Seen>> {
  const application = await Application.of(library, conversation)
  const names = new Names()
  const rows = new Map<string, string>()
  const seen = new Map<string, Seen>()
  try {
    for (const [name, step] of Object.entries(conversation.steps))
      seen.set(name, await take(application, typeof step === 'function' ? { handle: step } : step, names, rows))
  } finally {
    await application.close()
    await application.clear()
  }
  return seen
}

/** @param rows what was stored before the step, made what is stored after it */
async function take(application: Application, step: Step, names: Names, rows: Map<string, string>): Promise<Seen> {
  const { status, headers, setCookies, body } = await application.ask(step.handle, step)
  // What comes behind a response has come after two turns: an error of express-session's, say.
  await turn()
  await turn()
  const { date: _, 'keep-alive': __, connection: ___, ...rest } = headers
  const calls = application.takeCalls()
  // Only of those that the store was asked about can anything have changed.
  for (const id of new Set(calls.map((call) => call.split(' ')[1]!))) {
    const row = await application.stored(id)
    if (row) rows.set(names.give(id), names.give(JSON.stringify(row)))
    else rows.delete(names.give(id))
  }
  return {
    status,
    cookies: setCookies.map((line) => names.give(decodeURIComponent(line))),
    calls: calls.map((call) => names.give(call)),
    headers: rest,
    body: names.give(body),
    stored: Object.fromEntries(rows),
    errors: application.errors.splice(0).map(({ message }) => names.give(message)),
  }
}

/** Gives each id that it meets a name, and each signature the same one. */
class Names {
  readonly #names = new Map<string, string>()

  give(text: string): string {
    return text.replace(/\.[\w+/]{43}(?=;|$)/g, '.signature').replace(/[\w-]{32}/g, (id) => {
      const name = this.#names.get(id) ?? `id${this.#names.size + 1}`
      this.#names.set(id, name)
      return name
    })
  }
}
