/**
 * A server of the tests' own: a child process on a free port, in a folder that goes away with it.
 *
 * Nothing here outlives the test process: what is not stopped is killed, and its folder removed, when that ends. Where
 * that is itself killed, Linux kills the server, and the next test to come removes the folder.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** How a server is run. */
export interface Recipe {
  /** How it is called in messages. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly folder: string
  readonly user?: User | undefined
  /** Whether it answers; asked again and again until it does. */
  ready(): Promise<boolean>
}

/** Whom a server runs as that refuses to run as root. */
export interface User {
  readonly uid: number
  readonly gid: number
}

/** The longest that anything here waits; on a busy machine a start takes seconds. */
const DEADLINE_MS = 30_000

/** What a server says that will start if it is tried again: after kill -9, its lock or its port is not yet free. */
const TRY_AGAIN = /postmaster\.pid" already exists|Address already in use|Can't lock|Unable to lock/

/** A server, and its process while it has one. */
export class ServerProcess {
  readonly #recipe: Recipe
  #child: ChildProcess | undefined
  #log = ''

  constructor(recipe: Recipe) {
    this.#recipe = recipe
    launched.add(this)
  }

  /** Starts it, and waits until it answers. */
  async start(): Promise<this> {
    const { name, ready } = this.#recipe
    this.#log = ''
    this.#child = this.#spawn()
    await until(`${name} answers`, async () => {
      if (this.#hasEnded()) {
        if (!TRY_AGAIN.test(this.#log)) throw new Error(`${name} did not start:\n${this.#log.slice(-2000)}`)
        this.#child = this.#spawn()
      }
      return ready()
    })
    return this
  }

  /** Ends it with a signal, and waits until it has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Freezes it: it holds its connections, accepts more, and answers nothing. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    await this.kill()
    this.clear()
  }

  /** Ends it at once, for when this process ends and there is no time to wait. */
  abandon(): void {
    this.#child?.kill('SIGKILL')
  }

  /** Removes what it leaves behind. */
  clear(): void {
    launched.delete(this)
    // A process that has just been killed may still be writing a file.
    rmSync(this.#recipe.folder, { recursive: true, force: true, maxRetries: 10 })
  }

  /** What it has written since its last start. */
  get log(): string {
    return this.#log
  }

  #spawn(): ChildProcess {
    const { command, args, folder, user } = this.#recipe
    const [program, ...rest] = [...guard(), command, ...args] as [string, ...string[]]
    const child = spawn(program, rest, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...user })
    const keep = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString()).slice(-100_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => keep(Buffer.from(String(error))))
    return child
  }

  #hasEnded(): boolean {
    return this.#child?.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined
  }
}

const launched = new Set<ServerProcess>()

function clearAll(): void {
  // All of them first: whoever ends this process may not wait until the folders are gone.
  for (const server of launched) server.abandon()
  for (const server of launched) server.clear()
}

process.once('exit', clearAll)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.once(signal, () => {
    clearAll()
    process.kill(process.pid, signal)
  })
}

/** Waits until something is so; asks again and again, and gives up at the deadline. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  withinMs: number = DEADLINE_MS,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Waited ${withinMs} ms in vain until ${what}.`)
    await pause(10)
  }
}

/**
 * Gives a port on which nobody listens, and nobody on the port 10,000 above: Redis Cluster's second one.
 *
 * Below the range from which outgoing connections take theirs: a client that keeps trying a server which is down would
 * otherwise, once in a while, be connected to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 12_000)
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
}

/** Makes a folder for a server, and hands it to the user whom the server runs as. */
export function newFolder(name: string, user?: User): string {
  removeOrphans()
  const folder = mkdtempSync(join(tmpdir(), `${FOLDER}${process.pid}-${name}-`))
  chmodSync(folder, 0o711)
  if (user) chownSync(folder, user.uid, user.gid)
  return folder
}

/** The user of that name, when this process is root and may become them. */
export function userNamed(name: string): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

// --- internal ---

const FOLDER = 'sojourn-server-'

/** Removes the folders of processes that were killed. */
function removeOrphans(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(FOLDER) ? Number.parseInt(name.slice(FOLDER.length), 10) : NaN
    if (pid > 0 && !isAlive(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true, maxRetries: 10 })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** What comes before a command so that it is killed when this process is: vitest gives its workers half a second. */
function guard(): string[] {
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
  return process.platform === 'linux' && setpriv ? [setpriv, '--pdeathsig', 'KILL', '--'] : []
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
