/**
 * Suites that need a server: where it is missing they are left out, and one line says which and what to install. With
 * `CI=true` a missing server is a failure.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, it } from 'vitest'

/** What a suite needs on the machine. */
export interface Needed {
  readonly program: string
  /** The Debian package that has it. */
  readonly debian: string
  /** Where it may lie beside the PATH. */
  readonly folders?: readonly string[]
  /** The variable that names a server to use instead, for suites that need none of their own. */
  readonly url?: string
}

/** Describes a suite that needs a server, where that can be had. */
export function serverSuite(name: string, needed: Needed, suite: () => void): void {
  if (isAvailable(needed)) describe(name, suite)
  else if (process.env['CI'] === 'true') {
    describe(name, () =>
      it('has its server', () => {
        throw new Error(`${needed.program} is missing; apt-get install ${needed.debian}`)
      }),
    )
  } else {
    describe.skip(name, suite)
    tell(needed, name)
  }
}

/** Gives what needs a server, by name, where that can be had. In CI it is given all the same, and fails when used. */
export function whereServed<V>(needed: Needed, entries: Record<string, V>): Record<string, V> {
  if (isAvailable(needed) || process.env['CI'] === 'true') return entries
  for (const name of Object.keys(entries)) tell(needed, name)
  return {}
}

/** Whether the server can be started, or is named by its variable. */
export function isAvailable(needed: Needed): boolean {
  return (needed.url !== undefined && process.env[needed.url] !== undefined) || find(needed) !== undefined
}

/** The path of the program. */
export function pathOf(needed: Needed): string {
  const path = find(needed)
  if (path === undefined) throw new Error(`${needed.program} is missing; apt-get install ${needed.debian}`)
  return path
}

// --- internal ---

function find({ program, folders = [] }: Needed): string | undefined {
  return [...folders, ...(process.env['PATH'] ?? '').split(delimiter)]
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false // Not there, or no program: look on.
      }
    })
}

const leftOut = new Map<Needed, string[]>()

/** All the suites of a test file in one line, once it has described them all. */
function tell(needed: Needed, name: string): void {
  const names = leftOut.get(needed) ?? []
  leftOut.set(needed, [...names, name])
  if (names.length > 0) return
  setImmediate(() => {
    const suites = leftOut.get(needed)?.join('; ')
    process.stderr.write(`Left out, for want of ${needed.program} (apt-get install ${needed.debian}): ${suites}\n`)
    leftOut.delete(needed)
  })
}
